"""What each kind of user may read and command, through every way that the integration offers."""

import csv
from pathlib import Path
from typing import Any

from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_READ_ONLY, GROUP_ID_USER
from homeassistant.auth.models import User
from homeassistant.auth.permissions.models import PermissionLookup
from homeassistant.components.websocket_api.const import DOMAIN as WEBSOCKET_API
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import device_registry as dr, entity_registry as er, llm
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.eevion.llm import TOOLS
from simulator import Cloud, World
from tests.calls import device
from tests.conftest import Pass
from tests.helpers import entity_id

MINE, OTHER = "2133", "2134"

READS: dict[str, dict[str, Any]] = {
    "get_sessions": {"updated_since": "2026-10-01T00:00:00+00:00"},
    "get_report": {"start": "2026-10-01T00:00:00+00:00"},
    "get_exceptions": {},
    "get_management_history": {},
    "export_sessions": {"from": "2026-10-01"},
}
LOOKUPS = {"get_session", "get_site", "get_station"}
COMMANDS: dict[str, dict[str, Any]] = {
    "start_session": {},
    "stop_session": {},
    "set_charging_limit": {"amps": 10},
    "set_message": {"message": "Hello"},
}
ADMINISTRATION: dict[str, dict[str, Any]] = {
    "manage_stations": {"message": "Hello"},
    "create_ticket": {"message": "Hello"},
    "import_history": {},
}
TOOL_READS = {"get_stations", "get_last_session", "get_problems"}
TOOL_COMMANDS: dict[str, dict[str, Any]] = {
    "start_charging": {},
    "stop_charging": {},
    "set_limit": {"amps": 10},
}
SMART_TOOLS = {"set_charging_mode": {"mode": "smart"}}
"""They fail at a station without smart charging, once the user is known to be permitted."""


async def _in_group(hass: HomeAssistant, group_id: str, **attributes: Any) -> User:
    group = await hass.auth.async_get_group(group_id)
    user: User = MockUser(groups=[group], **attributes).add_to_hass(hass)
    return user


def _of_policy(hass: HomeAssistant, policy: dict[str, Any]) -> User:
    user = MockUser().add_to_hass(hass)
    user.perm_lookup = PermissionLookup(er.async_get(hass), dr.async_get(hass))
    user.mock_policy({"entities": policy})
    return user


# Kind of user: which stations it may read, which it may control, whether it may administer.
type Rights = tuple[set[str], set[str], bool]
BOTH = {MINE, OTHER}
KINDS: dict[str, Rights] = {
    "nobody": (BOTH, BOTH, True),
    "owner": (BOTH, BOTH, True),
    "administrator": (BOTH, BOTH, True),
    "ordinary": (BOTH, BOTH, False),
    "read-only": (BOTH, set(), False),
    "no group": (set(), set(), False),
    "one switch": ({MINE}, {MINE}, False),
    "reads one switch": ({MINE}, set(), False),
    "one sensor": (set(), set(), False),
    "one device": ({MINE}, {MINE}, False),
    "inactive": (set(), set(), False),
    "inactive administrator": (set(), set(), False),
    "unknown": (set(), set(), False),
}


@pytest.fixture
async def contexts(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, local_auth: object
) -> dict[str, Context]:
    """A request of each kind of user."""
    switch = entity_id(hass, world, MINE, "switch", "charging")
    sensor = entity_id(hass, world, MINE, "sensor", "status")
    device_id = device(hass, loaded, world.station(MINE).port_id)
    users = {
        "owner": MockUser(is_owner=True).add_to_hass(hass),
        "administrator": await _in_group(hass, GROUP_ID_ADMIN),
        "ordinary": await _in_group(hass, GROUP_ID_USER),
        "read-only": await _in_group(hass, GROUP_ID_READ_ONLY),
        "no group": MockUser().add_to_hass(hass),
        "one switch": _of_policy(hass, {"entity_ids": {switch: True}}),
        "reads one switch": _of_policy(hass, {"entity_ids": {switch: {"read": True}}}),
        "one sensor": _of_policy(hass, {"entity_ids": {sensor: True}}),
        "one device": _of_policy(hass, {"device_ids": {device_id: True}}),
        "inactive": await _in_group(hass, GROUP_ID_USER, is_active=False),
        "inactive administrator": await _in_group(hass, GROUP_ID_ADMIN, is_active=False),
    }
    contexts = {kind: Context(user_id=user.id) for kind, user in users.items()}
    contexts |= {"nobody": Context(), "unknown": Context(user_id="0" * 32)}
    assert contexts.keys() == KINDS.keys()
    return contexts


def _given(cloud: Cloud) -> list[str]:
    """Return the requests that change something at the cloud."""
    return [
        r.path
        for r in cloud.requests
        if r.method == "PATCH"
        or r.path.endswith(("/manage", "/energy-management", "/ticket"))
        or (r.path.endswith("/session") and "stationId" in (r.body or {}))
    ]


async def _call(hass: HomeAssistant, action: str, context: Context, **data: Any) -> Any:
    response = hass.services.supports_response("eevion", action).value != "none"
    return await hass.services.async_call(
        "eevion", action, data, blocking=True, return_response=response, context=context
    )


def _with_file(answer: dict[str, Any]) -> str:
    """Return an answer as text, with the cells of a file that it names."""
    if "path" not in answer:
        return str(answer)
    with Path(answer["path"]).open(encoding="utf-8") as file:
        return str([answer, *csv.reader(file)])


async def test_every_action_is_tested(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    actions = hass.services.async_services_for_domain("eevion")
    assert actions.keys() == READS.keys() | LOOKUPS | COMMANDS.keys() | ADMINISTRATION.keys()


async def test_every_tool_is_tested() -> None:
    names = {tool.name.removeprefix("eevion__") for tool in TOOLS}
    assert names == TOOL_READS | TOOL_COMMANDS.keys() | SMART_TOOLS.keys()


async def test_websocket_commands_are_known(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """Those whose users are tested in `tests/dashboard`."""
    assert await async_setup_component(hass, "websocket_api", {})
    assert {name for name in hass.data[WEBSOCKET_API] if "eevion" in name} == {
        "eevion/dashboard",
        "eevion/sessions",
    }


@pytest.mark.parametrize("action", READS)
async def test_reads(
    hass: HomeAssistant,
    contexts: dict[str, Context],
    world: World,
    wait: Pass,
    action: str,
    tmp_path: Path,
) -> None:
    hass.config.media_dirs = {"local": str(tmp_path)}
    for name in (MINE, OTHER):
        world.plug_in(name)
        await _call(hass, "manage_stations", Context(), stations=[name], message=f"At {name}")
        await _call(hass, "start_session", Context(), stations=[name])
    await wait(120)
    for name in (MINE, OTHER):
        world.fault(name)
    await wait(40)
    for kind, context in contexts.items():
        for stations in ([MINE], [OTHER], []):
            data = READS[action] | ({"stations": stations} if stations else {})
            wanted = set(stations or BOTH)
            if not KINDS[kind][0] >= wanted:
                with pytest.raises(Unauthorized):
                    await _call(hass, action, context, **data)
                continue
            answer = _with_file(await _call(hass, action, context, **data))
            # The budget of the key is not the question here.
            await wait(5)
            for name in BOTH:
                is_there = f"'{name}'" in answer or world.station(name).port_id in answer
                assert is_there is (name in wanted), (kind, stations)


@pytest.mark.parametrize("action", sorted(LOOKUPS))
async def test_lookups(
    hass: HomeAssistant, contexts: dict[str, Context], world: World, wait: Pass, action: str
) -> None:
    """One thing at a time, and of a site no station that the user may not read."""
    sessions = {}
    for name in (MINE, OTHER):
        world.plug_in(name)
        answer = await hass.services.async_call(
            "eevion", "start_session", {"stations": [name]}, blocking=True, return_response=True
        )
        assert answer
        sessions[name] = str(answer["session_id"])
    await wait(31)
    for kind, context in contexts.items():
        for name, other in ((MINE, OTHER), (OTHER, MINE)):
            data = {"session_id": sessions[name]} if action == "get_session" else {}
            if name not in KINDS[kind][0]:
                with pytest.raises(Unauthorized):
                    await _call(hass, action, context, stations=[name], **data)
                continue
            answer = str(await _call(hass, action, context, stations=[name], **data))
            await wait(5)
            assert world.station(name).port_id in answer
            is_there = world.station(other).port_id in answer
            assert is_there is (action == "get_site" and other in KINDS[kind][0]), kind
            if action == "get_session":
                with pytest.raises(ServiceValidationError, match="no session"):
                    await _call(hass, action, context, stations=[name], session_id=sessions[other])
                await wait(5)
        if not KINDS[kind][0] >= BOTH and action == "get_session":
            with pytest.raises(Unauthorized):
                await _call(hass, action, context, session_id=sessions[OTHER])


async def test_a_job_of_several_stations_is_read_in_part(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    await _call(hass, "manage_stations", Context(), stations=[MINE, OTHER], is_private=True)
    await wait(60)
    switch = entity_id(hass, world, MINE, "switch", "charging")
    user = _of_policy(hass, {"entity_ids": {switch: True}})
    whole, part = [
        (await _call(hass, "get_management_history", context, stations=[MINE]))["jobs"][0]
        for context in (Context(), Context(user_id=user.id))
    ]
    assert set(whole["stations"]) == BOTH
    assert part["stations"] == [MINE]
    assert part["commands"] == whole["commands"]
    assert OTHER not in str(part)
    assert world.station(OTHER).port_id not in str(part)


@pytest.mark.parametrize("action", COMMANDS)
async def test_commands(
    hass: HomeAssistant,
    contexts: dict[str, Context],
    cloud: Cloud,
    world: World,
    wait: Pass,
    action: str,
) -> None:
    for name in BOTH:
        world.plug_in(name)
    for kind, context in contexts.items():
        for stations in ([MINE], [OTHER], [MINE, OTHER]):
            before = _given(cloud)
            data = COMMANDS[action] | {"stations": stations}
            if KINDS[kind][1].issuperset(stations):
                await _call(hass, action, context, **data)
                await wait(5)
            else:
                with pytest.raises(Unauthorized):
                    await _call(hass, action, context, **data)
                assert _given(cloud) == before


@pytest.mark.parametrize("action", ADMINISTRATION)
async def test_administration(
    hass: HomeAssistant, contexts: dict[str, Context], cloud: Cloud, wait: Pass, action: str
) -> None:
    data = ADMINISTRATION[action] | {"stations": [MINE]}
    for kind, context in contexts.items():
        before = len(cloud.requests)
        if not KINDS[kind][2]:
            with pytest.raises(Unauthorized):
                await _call(hass, action, context, **data)
            assert len(cloud.requests) == before
        elif action == "import_history":
            # The recorder does not run here, which is found after the user has passed.
            with pytest.raises(ServiceValidationError, match="recorder"):
                await _call(hass, action, context, **data)
        else:
            assert await _call(hass, action, context, **data)
            assert len(cloud.requests) > before
            await wait(5)


class Model:
    """A language model that calls tools for a user."""

    def __init__(self, hass: HomeAssistant, context: Context) -> None:
        self._hass = hass
        self._context = context

    async def call(self, name: str, **arguments: Any) -> llm.ToolResult:
        context = llm.LLMContext(
            platform="test",
            context=self._context,
            language="en",
            assistant="conversation",
            device_id=None,
        )
        api = await llm.async_get_api(self._hass, "assist", context)
        result = await api.async_call_tool(llm.ToolInput(f"eevion__{name}", arguments))
        await self._hass.async_block_till_done()
        return result


@pytest.fixture
async def models(hass: HomeAssistant, contexts: dict[str, Context]) -> dict[str, Model]:
    for domain in ("homeassistant", "conversation", "llm"):
        assert await async_setup_component(hass, domain, {})
    return {kind: Model(hass, context) for kind, context in contexts.items()}


async def test_tools_that_read(models: dict[str, Model], world: World, wait: Pass) -> None:
    for station in BOTH:
        world.plug_in(station)
        world.take_offline(station)
    await wait(31)
    for kind, model in models.items():
        readable = KINDS[kind][0]
        for name in sorted(TOOL_READS):
            result = await model.call(name)
            assert bool(result.error) is not bool(readable), (kind, name)
            assert not [s for s in BOTH - readable if s in str(result.data)]
            for station in BOTH - readable:
                result = await model.call(name, station=station)
                assert result.error
                assert "stations" not in result.data


@pytest.mark.parametrize("name", sorted(TOOL_COMMANDS))
async def test_tools_that_command(
    models: dict[str, Model], cloud: Cloud, world: World, wait: Pass, name: str
) -> None:
    for station in BOTH:
        world.plug_in(station)
    for kind, model in models.items():
        for station in (MINE, OTHER):
            before = _given(cloud)
            result = await model.call(name, station=station, **TOOL_COMMANDS[name])
            if station in KINDS[kind][1]:
                assert not result.error
                await wait(5)
            else:
                assert result.error
                assert _given(cloud) == before


@pytest.mark.parametrize("name", sorted(SMART_TOOLS))
async def test_tools_of_smart_charging(models: dict[str, Model], name: str) -> None:
    for kind, model in models.items():
        for station in (MINE, OTHER):
            result = await model.call(name, station=station, **SMART_TOOLS[name])
            is_permitted = station in KINDS[kind][1]
            assert ("has no smart charging" in str(result.data)) is is_permitted, (kind, result)


async def test_entities_keep_to_home_assistants_own_check(
    hass: HomeAssistant, contexts: dict[str, Context], cloud: Cloud, world: World
) -> None:
    for name in BOTH:
        world.plug_in(name)
        switch = entity_id(hass, world, name, "switch", "charging")
        for kind, context in contexts.items():
            # Home Assistant refuses tokens of inactive users before it looks at a request.
            if name in KINDS[kind][1] or kind.startswith("inactive"):
                continue
            before = _given(cloud)
            with pytest.raises((Unauthorized, UnknownUser)):
                await hass.services.async_call(
                    "switch", "turn_on", {"entity_id": switch}, blocking=True, context=context
                )
            assert _given(cloud) == before
