"""Connections are added, changed and deleted as a person does it."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.smart.manager import KEYS
from custom_components.eevion.smart.model import Mode
from tests.smart.home import BATTERY, CHEAP, GRID, LEVEL, PRICE, Home

A, B = "2133", "2134"


def keys(home: Home, name: str) -> set[str]:
    """Return the keys of the entities of smart charging of a station."""
    port_id = home.world.station(name).port_id
    return {
        entity.unique_id.removeprefix(f"{port_id}_")
        for entity in er.async_entries_for_config_entry(
            er.async_get(home.hass), home.entry.entry_id
        )
        if entity.unique_id.startswith(port_id) and entity.translation_key in KEYS
    }


@pytest.fixture
def names(home: Home) -> tuple[str, str]:
    first, second = home.world.stations
    return first.name, second.name


async def test_everything(home: Home, names: tuple[str, str]) -> None:
    home.meter(100)
    home.meter(2, "kW", BATTERY)
    home.meter(50, "%", LEVEL)
    home.price(0.2)
    sections = {
        "grid": {"grid_power": GRID, "grid_power_sign": "export", "main_limit": 40},
        "battery": {
            "battery_power": BATTERY,
            "battery_power_sign": "discharge",
            "battery_level": LEVEL,
            "battery_first": 60,
        },
        "price": {"price": PRICE, "cheap_times": CHEAP},
        "electrical": {"voltage": 230, "phases": 3, "max_current": 16},
        "timing": {
            "start_delay": 30,
            "pause_delay": 90,
            "fallback_limit": 6,
            "fallback_delay": 120,
        },
    }
    subentry_id = await home.add(*names, **sections)
    subentry = home.entry.subentries[subentry_id]
    flat = {key: value for section in sections.values() for key, value in section.items()}
    assert dict(subentry.data) == {"stations": [home.device(n) for n in names]} | flat
    assert subentry.title == f"Station {names[0]}, Station {names[1]}"
    for name in names:
        assert keys(home, name) == KEYS
        assert home.station(name)["select.charging_mode"] == "manual"
        assert home.station(name)["time.ready_by"] == "07:00:00"


async def test_nothing_is_unknown(home: Home, names: tuple[str, str]) -> None:
    """Before the first vehicle, and without a plan, which is not available then."""
    home.meter(100)
    home.price(0.2)
    await home.add(names[0], grid={"grid_power": GRID}, price={"price": PRICE})
    for mode in Mode:
        await home.choose(names[0], mode.value)
        shown = {
            entity.translation_key: state.state
            for entity in er.async_entries_for_config_entry(
                er.async_get(home.hass), home.entry.entry_id
            )
            if entity.translation_key in KEYS and (state := home.hass.states.get(entity.entity_id))
        }
        assert shown.keys() == KEYS
        assert "unknown" not in shown.values()
        unavailable = {key for key, value in shown.items() if value == "unavailable"}
        assert unavailable == {"planned_start", "planned_cost"}


async def test_only_stations_of_a_connection_have_entities(
    home: Home, names: tuple[str, str]
) -> None:
    assert keys(home, names[0]) == set()
    home.meter(0)
    await home.add(names[0])
    assert keys(home, names[0]) == KEYS - {"price_limit"}
    assert keys(home, names[1]) == set()


@pytest.mark.parametrize(
    ("sections", "error"),
    [
        ({}, "nothing_to_go_by"),
        ({"grid": {"main_limit": 40}}, "nothing_to_go_by"),
        ({"grid": {"main_limit": 40}, "price": {"price": PRICE}}, "main_limit_alone"),
        ({"grid": {"grid_power": "sensor.amps"}}, "sensor_unit"),
        ({"grid": {"grid_power": "sensor.nothing"}}, "sensor_unit"),
        ({"grid": {"grid_power": GRID}, "battery": {"battery_power": LEVEL}}, "sensor_unit"),
        ({"grid": {"grid_power": GRID}, "timing": {"fallback_limit": 5}}, "fallback_limit"),
    ],
)
async def test_what_cannot_work(
    home: Home, names: tuple[str, str], sections: dict[str, Any], error: str
) -> None:
    home.meter(0)
    home.meter(3, "mA", "sensor.amps")
    home.meter(50, "%", LEVEL)
    home.price(0.2)
    result = await home.form([names[0]], **sections)
    assert result["errors"] == {"base": error}
    # The form can be sent again.
    flows = home.hass.config_entries.subentries
    result = dict(
        await flows.async_configure(
            result["flow_id"],
            {"stations": [home.device(names[0])], "grid": {"grid_power": GRID}},
        )
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await home.hass.async_block_till_done(wait_background_tasks=True)


async def test_a_station_belongs_to_one_connection(home: Home, names: tuple[str, str]) -> None:
    home.meter(0)
    await home.add(names[0])
    result = await home.form([names[1], names[0]], grid={"grid_power": GRID})
    assert result["errors"] == {"stations": "station_taken"}
    await home.add(names[1])


async def test_stations_of_this_account_only(
    hass: HomeAssistant, home: Home, names: tuple[str, str]
) -> None:
    home.meter(0)
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    strange = dr.async_get(hass).async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("other", "x")}
    )
    flows = hass.config_entries.subentries
    site = home.world.sites[0].site_id
    site_device = dr.async_get(hass).async_get_device_by_identifier(
        ("eevion", site), home.entry.entry_id
    )
    assert site_device
    for ids in ([], [strange.id], [site_device.id], [home.device(names[0]), "gone"]):
        shown = await flows.async_init(
            (home.entry.entry_id, "smart_charging"), context={"source": "user"}
        )
        result = await flows.async_configure(
            shown["flow_id"], {"stations": ids, "grid": {"grid_power": GRID}}
        )
        assert result["errors"] == {"stations": "no_stations"}


async def test_present_values_help_with_the_sign(home: Home, names: tuple[str, str]) -> None:
    flows = home.hass.config_entries.subentries
    start = ((home.entry.entry_id, "smart_charging"), {"source": "user"})
    shown = await flows.async_init(start[0], context=start[1])
    assert shown["description_placeholders"] == {"readings": "-"}
    attributes = {"device_class": "power", "unit_of_measurement": "W", "friendly_name": "Meter"}
    home.hass.states.async_set(GRID, "-2300", attributes)
    shown = await flows.async_init(start[0], context=start[1])
    assert shown["description_placeholders"] == {"readings": "- Meter: -2300 W"}
    home.meter(7, "kW", BATTERY)
    result = await flows.async_configure(
        shown["flow_id"],
        {"stations": [], "battery": {"battery_power": BATTERY}, "grid": {"grid_power": GRID}},
    )
    assert result["description_placeholders"] == {"readings": "- Meter: -2300 W\n- battery: 7 kW"}


def offered_without(shown: Mapping[str, Any], group: str, field: str) -> set[str]:
    """Return the entities that a field of the form does not offer."""
    fields = shown["data_schema"].schema[group].schema.schema
    return set(fields[field].config.get("exclude_entities", ()))


@pytest.mark.usefixtures("entity_registry_enabled_by_default")
async def test_stations_are_not_offered_as_meters(home: Home, names: tuple[str, str]) -> None:
    flows = home.hass.config_entries.subentries
    home.meter(0)
    shown = await flows.async_init(
        (home.entry.entry_id, "smart_charging"), context={"source": "user"}
    )
    own = {home.station(name).id("sensor", "power") for name in names}
    for group, field in (("grid", "grid_power"), ("battery", "battery_power")):
        without = offered_without(shown, group, field)
        assert own <= without
        assert GRID not in without
    assert offered_without(shown, "price", "price") == set()

    # One that was chosen before stays until it is changed.
    (first, second) = sorted(own)
    subentry_id = await home.add(names[0])
    (subentry,) = home.entry.subentries.values()
    home.hass.config_entries.async_update_subentry(
        home.entry, subentry, data={**subentry.data, "grid_power": first}
    )
    await home.hass.async_block_till_done(wait_background_tasks=True)
    shown = await flows.async_init(
        (home.entry.entry_id, "smart_charging"),
        context={"source": "reconfigure", "subentry_id": subentry_id},
    )
    without = offered_without(shown, "grid", "grid_power")
    assert first not in without
    assert second in without


async def reconfigure(home: Home, subentry_id: str, values: dict[str, Any]) -> dict[str, Any]:
    flows = home.hass.config_entries.subentries
    shown = await flows.async_init(
        (home.entry.entry_id, "smart_charging"),
        context={"source": "reconfigure", "subentry_id": subentry_id},
    )
    assert shown["type"] is FlowResultType.FORM
    assert shown["step_id"] == "reconfigure"
    result = await flows.async_configure(shown["flow_id"], values)
    await home.hass.async_block_till_done(wait_background_tasks=True)
    return dict(result)


async def test_reconfigure(home: Home, names: tuple[str, str]) -> None:
    home.meter(0)
    home.price(0.2)
    subentry_id = await home.add(names[0], price={"price": PRICE})
    result = await reconfigure(
        home,
        subentry_id,
        {"stations": [home.device(names[1])], "grid": {"grid_power": GRID}},
    )
    assert result["reason"] == "reconfigure_successful"
    assert keys(home, names[0]) == set()
    assert keys(home, names[1]) == KEYS - {"price_limit"}


async def test_delete_releases_a_paused_station(home: Home, names: tuple[str, str]) -> None:
    home.meter(0)
    subentry_id = await home.add(*names)
    await home.station(names[1]).limit(10)
    await home.choose(names[0], "off")
    assert home.limits(names[0]) == [0]
    assert home.hass.config_entries.async_remove_subentry(home.entry, subentry_id)
    await home.hass.async_block_till_done(wait_background_tasks=True)
    assert keys(home, names[0]) == set()
    amps = home.world.station(names[0]).model.amps
    assert home.limits(names[0]) == [0, amps]
    assert home.limits(names[1]) == [10]


async def delete_while_the_cloud_fails(home: Home, name: str) -> None:
    """Delete the connection of a station that it has paused; the station cannot be released."""
    home.meter(0)
    subentry_id = await home.add(name)
    await home.choose(name, "off")
    home.cloud.faults.set("error", path="/station/energy-management")
    assert home.hass.config_entries.async_remove_subentry(home.entry, subentry_id)
    await home.hass.async_block_till_done(wait_background_tasks=True)


async def test_a_release_that_fails_is_tried_again(
    home: Home, names: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """A cloud that fails for hours is one line in the log, and does not get a request a minute."""
    await delete_while_the_cloud_fails(home, names[0])
    requested = len(home.requests())
    await home.run(4 * 3600, step_s=30)
    assert 4 <= len(home.requests()) - requested <= 30
    assert caplog.text.count("cannot be released") == 1
    home.cloud.faults.clear()
    await home.run(660, step_s=30)
    assert home.limits(names[0])[-1] == home.world.station(names[0]).model.amps
    assert caplog.text.count("are released") == 1
    released = len(home.requests())
    await home.run(3600, step_s=60)
    assert len(home.requests()) == released


async def test_a_release_does_not_replace_a_limit_by_hand(
    home: Home, names: tuple[str, str]
) -> None:
    """A person limits the station while the release waits for its next try."""
    await delete_while_the_cloud_fails(home, names[0])
    home.cloud.faults.clear()
    await home.station(names[0]).limit(12)
    await home.run(180)
    assert home.limits(names[0])[-1] == 12


async def test_an_account_that_is_not_loaded(hass: HomeAssistant, entry: ConfigEntry) -> None:
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "smart_charging"), context={"source": "user"}
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "not_loaded"
