"""An account is removed while smart charging has lowered its stations."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import World
from tests.smart.home import GRID, Home


@pytest.fixture
def names(world: World) -> tuple[str, str]:
    first, second = world.stations
    return first.name, second.name


@pytest.fixture
async def paused(home: Home, names: tuple[str, str]) -> Home:
    """Smart charging pauses the first of two stations; a person has limited the second."""
    home.meter(0)
    await home.add(*names)
    await home.station(names[1]).limit(10)
    await home.choose(names[0], "off")
    assert home.limits(names[0]) == [0]
    return home


async def remove(home: Home) -> None:
    assert await home.hass.config_entries.async_remove(home.entry.entry_id)
    await home.hass.async_block_till_done(wait_background_tasks=True)


async def test_a_paused_station_gets_its_full_limit(
    paused: Home, names: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    count = len(paused.requests())
    await remove(paused)
    assert len(paused.requests()) == count + 1
    assert paused.limits(names[0]) == [0, paused.world.station(names[0]).model.amps]
    assert paused.limits(names[1]) == [10]
    assert "keep that limit" not in caplog.text


async def test_a_station_gets_what_a_person_had_set(home: Home, names: tuple[str, str]) -> None:
    home.meter(0)
    await home.add(names[0])
    await home.station(names[0]).limit(16)
    await home.choose(names[0], "off")
    await remove(home)
    assert home.limits(names[0]) == [16, 0, 16]


async def add_again(home: Home) -> None:
    """Add the account that was removed, with the stations' former entity ids."""
    data = {key: value for key, value in home.entry.data.items() if key != "webhook_id"}
    again = MockConfigEntry(domain="eevion", title=home.entry.title, data=data, unique_id="again")
    again.add_to_hass(home.hass)
    assert await home.hass.config_entries.async_setup(again.entry_id)
    await home.hass.async_block_till_done(wait_background_tasks=True)


async def test_an_account_that_is_added_again_shows_the_released_limit(
    paused: Home, names: tuple[str, str]
) -> None:
    """What a person had set stays, and what smart charging had set does not."""
    await remove(paused)
    await add_again(paused)
    amps = paused.world.station(names[0]).model.amps
    assert [paused.station(name)["number.charging_limit"] for name in names] == [str(amps), "10"]


async def test_a_pause_outlives_a_restart(paused: Home, names: tuple[str, str]) -> None:
    assert await paused.hass.config_entries.async_reload(paused.entry.entry_id)
    await paused.hass.async_block_till_done(wait_background_tasks=True)
    assert paused.station(names[0])["number.charging_limit"] == "0"


async def test_a_manual_station_that_is_lowered_for_the_breaker(
    home: Home, names: tuple[str, str]
) -> None:
    home.meter(0)
    await home.add(names[0], grid={"grid_power": GRID, "main_limit": 40})
    home.world.plug_in(names[0], card=True)
    await home.run(40, 0)
    await home.station(names[0]).limit(30)
    await home.run(30, 5000)
    assert home.limits(names[0])[-1] < 30
    await remove(home)
    assert home.limits(names[0])[-1] == 30


async def test_an_account_that_is_not_loaded(paused: Home, names: tuple[str, str]) -> None:
    """What was paused is in the storage; the name of the station is that of now."""
    assert await paused.hass.config_entries.async_unload(paused.entry.entry_id)
    paused.world.rename_station(names[0], "Left")
    await remove(paused)
    assert paused.limits("Left") == [paused.world.station("Left").model.amps]


@pytest.mark.parametrize("path", ["/site", "/station/energy-management"])
async def test_a_cloud_that_fails_does_not_hold_up_the_removal(
    paused: Home, names: tuple[str, str], caplog: pytest.LogCaptureFixture, path: str
) -> None:
    paused.cloud.faults.set("error", path=path)
    await remove(paused)
    assert paused.world.station(names[0]).limit_w == 0
    assert "1 stations that smart charging paused or lowered keep that limit" in caplog.text
    assert paused.hass.config_entries.async_entries("eevion") == []


async def test_a_cloud_that_does_not_answer_ends_the_wait(
    paused: Home,
    names: tuple[str, str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.eevion.smart.removal._TIMEOUT_S", 0)
    await remove(paused)
    assert paused.limits(names[0]) == [0]
    assert "keep that limit" in caplog.text


async def test_a_name_that_two_stations_share_is_not_limited(
    paused: Home, names: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """A limit goes to a name: it could be the other's."""
    paused.world.station(names[1]).name = names[0]  # the simulator refuses it
    await remove(paused)
    assert paused.limits(names[0]) == [0]
    assert "keep that limit" in caplog.text


@pytest.mark.parametrize("is_listed", [True, False])
async def test_a_station_that_is_decommissioned(
    paused: Home, names: tuple[str, str], caplog: pytest.LogCaptureFixture, *, is_listed: bool
) -> None:
    assert await paused.hass.config_entries.async_unload(paused.entry.entry_id)
    paused.world.remove_station(names[0], forget=not is_listed)
    count = len(paused.requests())
    await remove(paused)
    assert len(paused.requests()) == count
    assert "keep that limit" not in caplog.text


async def test_an_account_without_a_key(
    paused: Home, names: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert await paused.hass.config_entries.async_unload(paused.entry.entry_id)
    paused.hass.config_entries.async_update_entry(
        paused.entry, data={**paused.entry.data, "api_key": ""}
    )
    await remove(paused)
    assert paused.limits(names[0]) == [0]
    assert "keep that limit" in caplog.text


async def test_nothing_is_sent_where_nothing_is_lowered(home: Home, names: tuple[str, str]) -> None:
    home.meter(0)
    await home.add(*names)
    await home.station(names[0]).limit(10)
    home.cloud.requests.clear()
    await remove(home)
    assert list(home.cloud.requests) == []
