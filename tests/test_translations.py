"""The rules of Home Assistant for the files of an integration."""

import ast
from collections.abc import Iterator
import json
import re
from typing import Any

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, selector
import probatio as vol
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import yaml

from custom_components.eevion.condition import CONDITIONS
from custom_components.eevion.smart.subentry_flow import _SECTIONS as SUBENTRY_SECTIONS
from custom_components.eevion.trigger import TRIGGERS
from simulator import Settings, World
from tests import ROOT
from tests.calls import device
from tests.conftest import API_KEY, Pass
from tests.helpers import Station

FOLDER = ROOT / "custom_components/eevion"
PLATFORMS = (
    "binary_sensor",
    "button",
    "event",
    "notify",
    "number",
    "select",
    "sensor",
    "switch",
    "time",
)

# Home Assistant's quality scale: bronze, silver, gold, platinum.
RULES = """
action-setup appropriate-polling brands common-modules config-flow-test-coverage
config-flow dependency-transparency docs-actions docs-conditions
docs-high-level-description docs-installation-instructions docs-removal-instructions
docs-triggers entity-event-setup entity-unique-id has-entity-name runtime-data
test-before-configure test-before-setup unique-config-entry

action-exceptions config-entry-unloading docs-configuration-parameters
docs-installation-parameters entity-unavailable integration-owner log-when-unavailable
parallel-updates reauthentication-flow test-coverage

devices diagnostics discovery-update-info discovery docs-data-update docs-examples
docs-known-limitations docs-supported-devices docs-supported-functions
docs-troubleshooting docs-use-cases dynamic-devices entity-category entity-device-class
entity-disabled-by-default entity-translations exception-translations icon-translations
reconfiguration-flow repair-issues stale-devices

async-dependency inject-websession strict-typing
"""


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text("utf-8"))


@pytest.fixture(scope="module")
def english() -> dict[str, Any]:
    return read("translations/en.json")


@pytest.fixture(scope="module")
def icons() -> dict[str, Any]:
    return read("icons.json")


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, tree


def test_manifest() -> None:
    manifest = read("manifest.json")
    keys = list(manifest)
    assert keys == ["domain", "name", *sorted(keys[2:])]
    assert set(keys) >= {
        "codeowners",
        "config_flow",
        "documentation",
        "integration_type",
        "iot_class",
        "issue_tracker",
        "requirements",
        "version",
    }
    assert manifest["domain"] == FOLDER.name
    assert manifest["config_flow"] is True
    assert manifest["integration_type"] in {"device", "hub", "service"}
    assert manifest["quality_scale"] == "platinum"
    assert all(owner.startswith("@") for owner in manifest["codeowners"])
    assert all(manifest[url].startswith("https://") for url in ("documentation", "issue_tracker"))
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab.]\w+)?", manifest["version"])


# As hassfest has it: what is always set up, beside the entity platforms.
ALWAYS_THERE = {"homeassistant", "persistent_notification", *map(str, Platform)}


def test_every_integration_that_is_used_is_named_in_the_manifest() -> None:
    """Imports inside functions count too; a module may use the integration it is made for."""
    manifest = read("manifest.json")
    named = {*manifest["dependencies"], *manifest["after_dependencies"]}
    used: set[str] = set()
    for path in FOLDER.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "homeassistant.components":
                found = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "homeassistant.components."
            ):
                found = {(node.module or "").split(".")[2]}
            else:
                continue
            used |= found - {path.stem} | (found & named)
    assert named == used - ALWAYS_THERE


def test_quality_scale() -> None:
    rules = yaml.safe_load((FOLDER / "quality_scale.yaml").read_text("utf-8"))["rules"]
    assert len(rules) == 54
    assert set(rules) == set(RULES.split())
    for name, rule in rules.items():
        if rule != "done":
            assert set(rule) == {"status", "comment"}, name
            assert rule["status"] in {"done", "exempt"}, name
            assert rule["comment"].endswith("."), name
            for path in re.findall(r"[\w/]+\.py", rule["comment"]):
                assert (FOLDER / path).is_file(), name
    # A rule is exempt only where the code gives it nothing to apply to.
    exempt = {name for name, rule in rules.items() if rule != "done" and rule["status"] == "exempt"}
    without_dependency = {"async-dependency", "dependency-transparency"}
    assert exempt == {"discovery", "discovery-update-info", *without_dependency}
    assert read("manifest.json")["requirements"] == []


def test_translations_in_general(english: dict[str, Any]) -> None:
    for path, text in leaves(english):
        assert text, path
        assert text == text.strip(), path
        assert "://" not in text, path
        assert "www." not in text, path
        assert "[%key" not in text, path
        assert "<" not in text, path


def calls(*names: str) -> Iterator[ast.Call]:
    """Yield the calls of functions by their names, all over the integration."""
    for file in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
                if name in names:
                    yield node


def constants(node: ast.AST) -> set[str]:
    found = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
    return {value for value in found if isinstance(value, str)}


def first_arguments(*names: str) -> set[str]:
    return {text for call in calls(*names) if call.args for text in constants(call.args[0])}


def keywords(name: str, *functions: str) -> set[str]:
    return {
        text
        for call in calls(*functions)
        for keyword in call.keywords
        if keyword.arg == name
        for text in constants(keyword.value)
    }


def table(module: str, name: str) -> set[str]:
    """Return the texts that a module's table of names holds as its values."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text("utf-8"))
    (found,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    )
    assert isinstance(found, ast.Dict)
    return {text for value in found.values for text in constants(value)}


def test_exceptions(english: dict[str, Any]) -> None:
    raising = ("HomeAssistantError", "ServiceValidationError", "ConfigEntryAuthFailed")
    used = first_arguments("failed", "invalid")
    used |= keywords("translation_key", "UpdateFailed", "ConfigEntryNotReady", *raising)
    used |= table("commands/charging", "_NOT_READY")
    used -= first_arguments("_options")
    assert used == set(english["exceptions"])


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def test_placeholders_of_exceptions(english: dict[str, Any]) -> None:
    for call in calls("failed", "invalid"):
        given = {keyword.arg for keyword in call.keywords}
        for key in constants(call.args[0]):
            assert placeholders(english["exceptions"][key]["message"]) <= given, key
    for call in calls("UpdateFailed"):
        arguments = {keyword.arg: keyword.value for keyword in call.keywords}
        mapping = arguments.get("translation_placeholders")
        given = {k.value for k in mapping.keys} if isinstance(mapping, ast.Dict) else set()
        for key in constants(arguments["translation_key"]):
            assert placeholders(english["exceptions"][key]["message"]) == given, key


def test_config_flow_texts(english: dict[str, Any]) -> None:
    config, options = english["config"], english["options"]
    source = (FOLDER / "config_flow.py").read_text("utf-8")
    assert set(config["error"]) == first_arguments("_InputError")
    aborts = keywords("reason", "async_abort") | {"reauth_successful", "reconfigure_successful"}
    assert set(config["abort"]) | set(options["abort"]) == aborts
    assert not set(config["abort"]) & set(options["abort"])
    assert set(config["step"]) == first_arguments("_async_step")
    assert set(options["step"]) == keywords("step_id", "async_show_form")
    assert all(f'"{key}"' in source for key in options["error"])


def test_subentry_texts(english: dict[str, Any]) -> None:
    """Every field of the form is named and explained in both steps, and every error said."""
    texts = english["config_subentries"]["smart_charging"]
    parts = {"create_entry", "entry_type", "initiate_flow", "step", "error", "abort"}
    assert set(texts) == parts
    assert set(texts["step"]) == set(texts["initiate_flow"]) == {"user", "reconfigure"}
    for step in texts["step"].values():
        assert field_names(step) == ({"stations"}, {"stations"})
        assert placeholders(str(step)) == {"readings"}
        assert set(step["sections"]) == set(SUBENTRY_SECTIONS)
        for name, fields in SUBENTRY_SECTIONS.items():
            named = {str(marker) for marker in fields}
            assert field_names(step["sections"][name]) == (named, named)
    source = (FOLDER / "smart" / "subentry_flow.py").read_text("utf-8")
    assert all(f'"{key}"' in source for key in texts["error"])
    assert set(texts["abort"]) == {"not_loaded"}


def field_names(field: dict[str, Any]) -> tuple[set[str], set[str]]:
    return set(field.get("data", {})), set(field.get("data_description", {}))


FIELDS = {
    ("config", "user"): {"api_key", "environment"},
    ("config", "reconfigure"): {"api_key", "environment"},
    ("config", "reauth_confirm"): {"api_key"},
    ("options", "init"): {"sites", "inactive_stations", "import_history", "webhook_url"},
}


@pytest.mark.parametrize(("place", "fields"), FIELDS.items(), ids=map("-".join, FIELDS))
def test_fields(english: dict[str, Any], place: tuple[str, str], fields: set[str]) -> None:
    flow, step_id = place
    step = english[flow]["step"][step_id]
    assert field_names(step) == (fields, fields)
    for name, section in step.get("sections", {}).items():
        assert name == "advanced"
        assert section["name"]
        assert field_names(section) == ({"url"}, {"url"})
    assert bool(step.get("sections")) == ("environment" in fields)
    assert placeholders(str(step)) <= {"account", "named_account", "profile_url", "push"}


def test_selectors(english: dict[str, Any], actions: dict[str, Any]) -> None:
    flows = {
        keyword.value.id
        for call in calls("SelectSelectorConfig")
        for keyword in call.keywords
        if keyword.arg == "translation_key" and isinstance(keyword.value, ast.Name)
    }
    assert flows == {"CONF_ENVIRONMENT", "TRANSLATION_SIGN"}
    options = {
        "environment": {"production", "staging"},
        "power_sign": {"import", "export", "charge", "discharge"},
    }
    for action in actions.values():
        for field in flat(action).values():
            if select := field["selector"].get("select"):
                options[select["translation_key"]] = set(select["options"])
    assert {key: set(text["options"]) for key, text in english["selector"].items()} == options


@pytest.fixture(scope="module")
def actions() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "services.yaml").read_text("utf-8"))


def flat(action: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an action, those in sections included."""
    fields: dict[str, Any] = {}
    for name, field in action["fields"].items():
        fields |= field.get("fields", {name: field})
    return fields


def sections(action: dict[str, Any]) -> set[str]:
    return {name for name, field in action["fields"].items() if "fields" in field}


def schema(hass: HomeAssistant, name: str) -> dict[str, vol.Marker]:
    """Return the fields of an action's schema, by name."""
    service_schema = hass.services.async_services_for_domain("eevion")[name].schema
    assert service_schema
    return {str(marker): marker for marker in service_schema.schema}


TARGETS = {"area_id", "device_id", "entity_id", "floor_id", "label_id"}
# The editor lists an action with a target among the actions of each station; a real ticket must
# not be opened by accident, so its stations are in a field.
NO_TARGET = {"create_ticket"}


async def test_actions(
    hass: HomeAssistant, loaded: MockConfigEntry, actions: dict[str, Any], english: dict[str, Any]
) -> None:
    """The page of actions names every field, and offers a way to fill it in."""
    assert set(hass.services.async_services_for_domain("eevion")) == set(actions)
    assert list(english["services"]) == list(actions)
    for name, action in actions.items():
        text = english["services"][name]
        fields = flat(action)
        assert set(action) <= {"target", "fields"}
        accepted = schema(hass, name)
        assert set(accepted) - TARGETS == set(fields) - {"device_id"}, name
        assert ("target" in action) is (accepted.keys() >= TARGETS and name not in NO_TARGET), name
        if "target" in action:
            selector.validate_selector({"target": action["target"]})
        assert set(text["fields"]) == set(fields), name
        assert set(text.get("sections", {})) == sections(action), name
        assert text["name"]
        assert text["description"].endswith(".")
        for key, field in fields.items():
            assert set(field) <= {"default", "example", "required", "selector"}, key
            checked = selector.selector(field["selector"])
            assert field.get("required", False) is isinstance(accepted[key], vol.Required), key
            default = accepted[key].default
            if "default" in field and not isinstance(default, vol.Undefined):
                assert default() == field["default"], key
            if "example" in field:
                checked(field["example"])
            assert set(text["fields"][key]) == {"description", "name"}, key
            assert text["fields"][key]["description"].endswith("."), key


pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


type Entities = list[er.RegistryEntry]


@pytest.fixture
def settings() -> Settings:
    """Enough stations for every model and both levels."""
    return Settings(keys=(API_KEY,), sites=1, stations=7, seed=7)


@pytest.fixture
async def entities(hass: HomeAssistant, loaded: MockConfigEntry, world: World) -> Entities:
    """Return all entities, with those of smart charging at one station."""
    hass.states.async_set("sensor.price", "0.2", {"unit_of_measurement": "CAD/kWh"})
    flows = hass.config_entries.subentries
    shown = await flows.async_init((loaded.entry_id, "smart_charging"), context={"source": "user"})
    port_id = world.stations[0].port_id
    await flows.async_configure(
        shown["flow_id"],
        {
            "stations": [device(hass, loaded, port_id)],
            "price": {"price": "sensor.price"},
        },
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    return er.async_entries_for_config_entry(er.async_get(hass), loaded.entry_id)


def test_entities(entities: Entities, world: World, english: dict[str, Any]) -> None:
    owners = {port.port_id for port in world.stations} | {site.site_id for site in world.sites}
    used: dict[str, set[str]] = {}
    for entity in entities:
        owner, key = next(
            (owner, entity.unique_id.removeprefix(f"{owner}_"))
            for owner in owners
            if entity.unique_id.startswith(f"{owner}_")
        )
        assert re.fullmatch(r"[a-z][a-z_]*[a-z]", key)
        assert entity.translation_key == key, owner
        assert entity.has_entity_name
        used.setdefault(entity.domain, set()).add(key)
    assert used == {platform: set(names) for platform, names in english["entity"].items()}
    assert set(used) == set(PLATFORMS)
    assert all("name" in text for names in english["entity"].values() for text in names.values())


def test_names_differ(english: dict[str, Any]) -> None:
    for platform, entities in english["entity"].items():
        names = [entity["name"] for entity in entities.values()]
        assert len(names) == len(set(names)), platform


def test_enum_states(entities: Entities, english: dict[str, Any]) -> None:
    enums = [e for e in entities if e.original_device_class == SensorDeviceClass.ENUM]
    # The tariff is a name of the cloud, and has a word of its own where there is none.
    assert {"tariff", *(e.translation_key for e in enums)} == {
        key for key, text in english["entity"]["sensor"].items() if "state" in text
    }
    for entity in enums:
        options = (entity.capabilities or {})["options"]
        texts = english["entity"]["sensor"][entity.translation_key]["state"]
        assert set(options) == set(texts), entity.translation_key
        assert list(texts) == sorted(texts)


async def test_attribute_names(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, english: dict[str, Any], wait: Pass
) -> None:
    world.plug_in("2133", card=True)
    await wait(35)
    named = english["entity"]["sensor"]["tariff"]["state_attributes"]
    attributes = Station(hass, world, "2133").state("sensor", "tariff").attributes
    assert set(attributes) - {"friendly_name"} == set(named)


def test_icons_of_actions(icons: dict[str, Any], actions: dict[str, Any]) -> None:
    assert set(icons["services"]) == set(actions)
    assert all(set(icon) == {"service"} for icon in icons["services"].values())


PARTS = {"triggers": TRIGGERS, "conditions": CONDITIONS}


@pytest.mark.parametrize("part", PARTS)
def test_parts_of_automations(
    part: str, english: dict[str, Any], icons: dict[str, Any], entities: Entities
) -> None:
    """The automation editor names every trigger and condition, and offers a way to fill it in."""
    described = yaml.safe_load((FOLDER / f"{part}.yaml").read_text("utf-8"))
    described = {name: text for name, text in described.items() if not name.startswith(".")}
    assert set(described) == set(english[part]) == set(icons[part]) == set(PARTS[part])
    for name, content in described.items():
        text, icon = english[part][name], icons[part][name]
        fields = content.get("fields", {})
        assert set(icon) == {part.removesuffix("s")}
        assert text["description"].endswith("."), name
        assert set(text) - {"fields"} == {"name", "description"}
        assert set(text.get("fields", {})) == set(fields), name
        for field in fields.values():
            selector.validate_selector(field["selector"])
        target = selector.TargetSelector(content["target"])
        offered = target.config["entity"]
        assert all(filter_["integration"] == "eevion" for filter_ in offered), name
        key = WATCHED.get(name, name.rsplit("_", 1)[0])
        domains = {domain for filter_ in offered for domain in filter_["domain"]}
        watched = next(
            e
            for e in entities
            if e.translation_key == WATCHED_BY_EVENT.get(key, key) and e.domain in domains
        )
        assert watched.entity_category is None, "areas and devices leave these out"
        for filter_ in offered:
            assert watched.domain in filter_["domain"]
            classes = filter_.get("device_class", [watched.original_device_class])
            assert watched.original_device_class in classes


WATCHED_BY_EVENT = {"session": "charging", "exception": "charging"}
"""The entities that stand for a station in triggers on events, whose entities may be disabled."""
WATCHED = {
    "idle_fee_running": "idle",
    "is_available": "status",
    "is_charging": "charging",
    "is_plugged_in": "plugged_in",
    "plugged_in": "plugged_in",
    "session_limit_reached": "session",
    "unplugged": "plugged_in",
}


def test_icons(entities: Entities, icons: dict[str, Any], english: dict[str, Any]) -> None:
    assert set(icons) == {"conditions", "entity", "services", "triggers"}
    for path, icon in leaves(icons):
        assert re.fullmatch(r"mdi:[a-z0-9-]+", icon), path
    with_class = {(e.domain, e.translation_key) for e in entities if e.original_device_class}
    all_keys = {(e.domain, e.translation_key) for e in entities}
    have = {(platform, key) for platform, keys in icons["entity"].items() for key in keys}
    assert have <= all_keys
    assert all_keys - with_class <= have
    for platform, key in have:
        entity, text = icons["entity"][platform][key], english["entity"][platform][key]
        assert "default" in entity
        assert set(entity) <= {"default", "state"}
        if platform == "sensor":
            assert set(entity.get("state", {})) <= set(text.get("state", {})), key
        else:
            assert set(entity.get("state", {})) <= {"on", "off"}, key
