"""Management jobs, from the command to the end of the job."""

import asyncio
import math

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_get_persistent_notifications,
)

from custom_components.eevion.api import Job
from custom_components.eevion.stations.memory import OpenJob
from custom_components.eevion.stations.settings import StationSettings
from simulator import Cloud, Settings, World
from simulator.world.jobs import Job as SimulatedJob
from tests.conftest import API_KEY, Pass
from tests.helpers import Station

pytestmark = pytest.mark.usefixtures("entity_registry_enabled_by_default")


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=3, seed=7)


def managed(cloud: Cloud) -> list[dict[str, object]]:
    return [r.body for r in cloud.requests if r.path.endswith("/station/manage")]


async def switch(hass: HomeAssistant, to: str, key: str, *stations: Station) -> None:
    ids = [station.id("switch", key) for station in stations]
    call = hass.services.async_call("switch", f"turn_{to}", {"entity_id": ids}, blocking=True)
    await call


async def pass_job(wait: Pass) -> None:
    for _ in range(5):
        await wait(11)


async def test_out_of_service_and_back(
    hass: HomeAssistant, station: Station, world: World, cloud: Cloud, wait: Pass
) -> None:
    assert station["switch.in_service"] == "on"
    await switch(hass, "off", "in_service", station)
    assert station["switch.in_service"] == "off", "the wanted value, while the job runs"
    assert station["sensor.status"] == "available"
    await pass_job(wait)
    assert station["switch.in_service"] == "off"
    assert station["sensor.status"] == "offline"
    assert station["binary_sensor.problem"] == "on"

    await switch(hass, "on", "in_service", station)
    await pass_job(wait)
    assert station["sensor.status"] == "available"
    assert station["switch.in_service"] == "on"
    assert managed(cloud)[-1]["commands"] == {"priorityStatus": {"priorityStatus": "inService"}}


async def test_one_of_three_fails(
    hass: HomeAssistant, stations: list[Station], world: World, cloud: Cloud, wait: Pass
) -> None:
    world.fail_jobs(stations[1].name, "The station did not answer")
    await switch(hass, "on", "private", *stations)
    (body,) = managed(cloud)
    assert sorted(body["stationIds"]) == sorted(station.name for station in stations)
    assert [station["switch.private"] for station in stations] == ["on", "on", "on"]
    await pass_job(wait)
    assert [station["switch.private"] for station in stations] == ["on", "off", "on"]
    event = stations[1].state("event", "job")
    assert event.attributes["event_type"] == "failed"
    assert "did not answer" in event.attributes["reason"]
    assert stations[0].state("event", "job").attributes["event_type"] == "finished"
    (notification,) = async_get_persistent_notifications(hass).values()
    assert stations[1].name in notification["message"]


async def test_a_notification_is_a_list_and_shows_foreign_texts_as_they_are(
    hass: HomeAssistant, stations: list[Station], world: World, wait: Pass
) -> None:
    """The frontend reads it as Markdown: what the cloud says makes no link, image or heading."""
    world.rename_station(stations[0].name, "Left_A")
    world.fail_jobs("Left_A", "[Renew](https://evil.example) ![](http://evil.example/i)")
    world.fail_jobs(stations[1].name, "<b>www.evil.example</b> mail@evil.example `x` *y* __z__")
    shown = r"\<b\>www\.evil.example\</b\> mail\@evil.example \`x\` \*y\* \_\_z\_\_"
    await wait(31)
    await switch(hass, "on", "private", *stations)
    await pass_job(wait)
    (notification,) = async_get_persistent_notifications(hass).values()
    _, *lines, advice = notification["message"].split("\n")
    assert sorted(filter(None, lines)) == [
        f"- {stations[1].name}: {shown}",
        r"- Left_A: \[Renew\](https\://evil.example) !\[\](http\://evil.example/i)",
    ]
    assert advice.startswith("Check that these stations")


async def test_a_notification_is_in_the_language_of_the_home(
    hass: HomeAssistant, station: Station, world: World, wait: Pass
) -> None:
    hass.config.language = "fr"
    world.fail_jobs(station.name)
    await switch(hass, "on", "private", station)
    await pass_job(wait)
    (notification,) = async_get_persistent_notifications(hass).values()
    assert "bornes" in notification["message"]


async def test_a_job_outlives_a_restart(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    stations: list[Station],
    world: World,
    wait: Pass,
) -> None:
    world.fail_jobs(stations[1].name)
    await switch(hass, "on", "private", *stations)
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [station["switch.private"] for station in stations] == ["on", "on", "on"]
    await pass_job(wait)
    assert [station["switch.private"] for station in stations] == ["on", "off", "on"]


async def test_a_job_that_never_ends(
    hass: HomeAssistant, station: Station, cloud: Cloud, wait: Pass
) -> None:
    cloud.settings.job_start_s = 10_000
    await switch(hass, "on", "private", station)
    await wait(11)
    assert station["switch.private"] == "on"
    await wait(700)
    assert station["switch.private"] == "off"
    (notification,) = async_get_persistent_notifications(hass).values()
    assert "in time" in notification["message"]


@pytest.mark.parametrize("word", ["Completed", "Partly done"])
async def test_a_job_that_ends_with_another_word(
    stations: list[Station],
    hass: HomeAssistant,
    world: World,
    wait: Pass,
    monkeypatch: pytest.MonkeyPatch,
    word: str,
) -> None:
    """The documentation names "success" only, and says that jobs fail, too."""
    monkeypatch.setattr(type(world.jobs), "_finish", lambda _, job: setattr(job, "status", word))
    failed = stations[1] if word == "Partly done" else None
    if failed:
        world.fail_jobs(failed.name)
    await switch(hass, "on", "private", *stations)
    await pass_job(wait)
    expected = ["failed" if station is failed else "finished" for station in stations]
    ends = [s.state("event", "job").attributes["event_type"] for s in stations]
    assert ends == expected


async def test_a_job_that_stops_halfway(
    hass: HomeAssistant, stations: list[Station], cloud: Cloud, wait: Pass
) -> None:
    cloud.settings.job_station_s = 400
    await switch(hass, "on", "private", *stations)
    await wait(500)
    assert {s.state("event", "job").state for s in stations} == {"unknown"}
    cloud.settings.job_station_s = 10_000
    await wait(300)
    ends = {s.name: s.state("event", "job").attributes["event_type"] for s in stations}
    assert sorted(ends.values()) == ["failed", "failed", "finished"]
    (notification,) = async_get_persistent_notifications(hass).values()
    for name, end in ends.items():
        assert (name in notification["message"]) is (end == "failed")


async def test_the_completed_are_named_in_a_way_of_the_clouds_own(
    hass: HomeAssistant, station: Station, wait: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SimulatedJob.history_json
    monkeypatch.setattr(
        SimulatedJob, "history_json", lambda job: whole(job) | {"ids_completed": [1]}
    )
    await switch(hass, "on", "private", station)
    await pass_job(wait)
    assert station.state("event", "job").attributes["event_type"] == "finished"


async def test_a_blank_word_puts_a_station_back_into_service(
    hass: HomeAssistant, station: Station, world: World, cloud: Cloud, wait: Pass
) -> None:
    """It is the value before the station was taken out of service."""
    world.set_priority_status(station.name, "")
    await switch(hass, "off", "in_service", station)
    await pass_job(wait)
    assert station["sensor.status"] == "offline"
    await switch(hass, "on", "in_service", station)
    assert managed(cloud)[-1]["commands"] == {"priorityStatus": {"priorityStatus": ""}}
    assert station["switch.in_service"] == "on"
    await pass_job(wait)
    assert station["sensor.status"] == "available"


async def test_a_refused_job(
    hass: HomeAssistant, station: Station, cloud: Cloud, wait: Pass
) -> None:
    cloud.faults.fail_next("error", path="/station/manage")
    with pytest.raises(HomeAssistantError):
        await switch(hass, "on", "private", station)
    assert station["switch.private"] == "off"


async def test_one_station_that_is_refused_costs_the_others_nothing(
    hass: HomeAssistant, stations: list[Station], world: World, cloud: Cloud, wait: Pass
) -> None:
    """It was renamed since the newest poll, and the cloud refuses the whole request."""
    second = stations[1]
    world.rename_station(second.name, "Renamed")
    with pytest.raises(HomeAssistantError, match=f"refused this for station {second.name}: "):
        await switch(hass, "on", "private", *stations)
    assert [station["switch.private"] for station in stations] == ["on", "off", "on"]
    await pass_job(wait)
    assert [station["switch.private"] for station in stations] == ["on", "off", "on"]
    assert {s.name: s.restriction for s in world.stations}["Renamed"] != "private"

    names = [station.name for station in stations]
    data = {"stations": names, "message": "Back at noon"}
    world.rename_station("Renamed", "Renamed again")
    with pytest.raises(HomeAssistantError, match="refused this for station Renamed: "):
        await hass.services.async_call(
            "eevion",
            "set_message",
            data | {"stations": [names[0], "Renamed", names[2]]},
            blocking=True,
        )
    assert [body["stationIds"] for body in managed(cloud) if "setMessage" in body["commands"]][
        1:
    ] == [[names[0]], ["Renamed", names[2]], ["Renamed"], [names[2]]]


async def test_commands_of_several_kinds_have_their_own_outcomes(
    hass: HomeAssistant, stations: list[Station], world: World, cloud: Cloud
) -> None:
    """The kind that is refused comes first."""
    first, second, _ = stations
    world.rename_station(first.name, "Renamed")
    refused, done = await asyncio.gather(
        switch(hass, "off", "in_service", first),
        switch(hass, "on", "private", second),
        return_exceptions=True,
    )
    assert isinstance(refused, HomeAssistantError)
    assert first.name in str(refused)
    assert done is None
    assert [first["switch.in_service"], second["switch.private"]] == ["on", "on"]


@pytest.mark.usefixtures("commands_wait")
async def test_what_comes_while_a_request_is_under_way_goes_with_the_next(
    hass: HomeAssistant, stations: list[Station], cloud: Cloud, freezer: FrozenDateTimeFactory
) -> None:
    async def tick() -> None:
        freezer.tick(0.006)
        for _ in range(200):
            await asyncio.sleep(0)

    first, second, third = stations
    calls = [asyncio.ensure_future(switch(hass, "on", "private", first))]
    while not managed(cloud):
        await tick()
    calls += [asyncio.ensure_future(switch(hass, "on", "private", s)) for s in (second, third)]
    while not all(call.done() for call in calls):
        await tick()
    assert [body["stationIds"] for body in managed(cloud)] == [
        [first.name],
        [second.name, third.name],
    ]


async def test_a_command_that_waits_ends_with_the_account(
    hass: HomeAssistant, loaded: ConfigEntry, station: Station, cloud: Cloud
) -> None:
    loaded.runtime_data.rate_limit.backed_off(20)
    call = asyncio.ensure_future(switch(hass, "on", "private", station))
    for _ in range(200):
        await asyncio.sleep(0)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    with pytest.raises(HomeAssistantError):
        await call
    assert not managed(cloud)


async def test_no_requests_for_jobs_while_none_runs(
    station: Station, cloud: Cloud, wait: Pass
) -> None:
    await wait(60)
    cloud.requests.clear()
    for _ in range(10):
        await wait(60)
    assert not [r for r in cloud.requests if "management-history" in r.path]


@pytest.mark.parametrize(("key", "kind"), [("reset", "soft"), ("hard_reset", "hard")])
async def test_reset(
    hass: HomeAssistant, station: Station, cloud: Cloud, key: str, kind: str
) -> None:
    data = {"entity_id": station.id("button", key)}
    call = hass.services.async_call("button", "press", data, blocking=True)
    await call
    assert managed(cloud)[-1]["commands"] == {"reset": {"type": kind}}


async def test_message(hass: HomeAssistant, station: Station, cloud: Cloud) -> None:
    data = {"entity_id": station.id("notify", "message"), "message": "Back at noon"}
    await hass.services.async_call("notify", "send_message", data, blocking=True)
    assert managed(cloud)[-1]["commands"] == {
        "setMessage": {"expirationDate": 0, "setMessage": "Back at noon"}
    }
    data["message"] = "x" * 1001
    with pytest.raises(ServiceValidationError, match="1001"):
        await hass.services.async_call("notify", "send_message", data, blocking=True)
    assert len(managed(cloud)) == 1


async def test_what_jobs_have_set_is_shown_after_a_restart(
    hass: HomeAssistant, loaded: ConfigEntry, station: Station, cloud: Cloud, wait: Pass
) -> None:
    """Also while the reports are away that the totals need."""
    await switch(hass, "off", "visible", station)
    await pass_job(wait)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    cloud.faults.set("error", path="/session/report")
    assert await hass.config_entries.async_setup(loaded.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert station["switch.visible"] == "off"


async def test_tariffs_that_the_job_history_names(loaded: ConfigEntry, station: Station) -> None:
    content = {"commands": {"tariffId": {"tariffId": "abcd1234"}}}
    job = Job.from_json({"id": "x", "description": "Set fee: Night.", "content": content})
    loaded.runtime_data.coordinator.async_remember_jobs([job])
    assert station.state("select", "tariff").attributes["options"] == ["Night"]


async def test_tariffs_are_learned(
    hass: HomeAssistant, stations: list[Station], world: World, cloud: Cloud, wait: Pass
) -> None:
    first, second, _ = stations
    assert first.state("select", "tariff").attributes["options"] == []
    for station in stations[:2]:
        world.plug_in(station.name, card=True)
    await wait(31)
    options = first.state("select", "tariff").attributes["options"]
    assert first["select.tariff"] in options
    world.unplug(first.name)
    wanted = second["select.tariff"]
    assert wanted in options
    data = {"entity_id": first.id("select", "tariff"), "option": wanted}
    call = hass.services.async_call("select", "select_option", data, blocking=True)
    await call
    assert first["select.tariff"] == wanted
    await pass_job(wait)
    assert first["select.tariff"] == wanted
    assert world.station(first.name).tariff.name == wanted


async def test_a_job_that_fails_at_several_stations_is_one_message(
    hass: HomeAssistant, stations: list[Station], world: World, cloud: Cloud, wait: Pass
) -> None:
    for station in stations[:2]:
        world.fail_jobs(station.name, "The station did not answer")
    world.fail_jobs(stations[2].name, "The station is busy")
    await switch(hass, "on", "private", *stations)
    await pass_job(wait)
    (note,) = async_get_persistent_notifications(hass).values()
    names = [station.name for station in stations]
    assert f"- {names[0]}, {names[1]}: The station did not answer" in note["message"]
    assert f"- {names[2]}: The station is busy" in note["message"]
    assert "then make the change again" in note["message"]
    assert [s.state("event", "job").attributes["event_type"] for s in stations] == ["failed"] * 3


async def test_a_message_names_some_of_many_stations(
    hass: HomeAssistant, loaded: ConfigEntry, stations: list[Station], world: World, wait: Pass
) -> None:
    jobs = loaded.runtime_data.jobs
    for number in range(30):
        loaded.runtime_data.memory.async_add_job(
            OpenJob(
                job_id=str(number),
                port_ids=tuple(f"{reason} {port}" for reason in range(15) for port in range(12)),
                wanted=StationSettings(is_private=True),
                created=0,
            )
        )
    await jobs.async_check()
    notes = async_get_persistent_notifications(hass)
    assert len(notes) == 30
    assert all("… (+170)" in note["message"] for note in notes.values())


async def test_an_error_is_that_of_the_station_it_names(
    hass: HomeAssistant, loaded: ConfigEntry, stations: list[Station], world: World, wait: Pass
) -> None:
    """A name may be part of another one."""
    renamed = ["1", "11", "A+"]
    for station, new in zip(stations, renamed, strict=True):
        world.rename_station(station.name, new)
        world.fail_jobs(new, f"Reason of {new}!")
    await wait(31)
    await switch(hass, "on", "private", *stations)
    await pass_job(wait)
    reasons = {
        new: station.state("event", "job").attributes["reason"]
        for station, new in zip(stations, renamed, strict=True)
    }
    assert reasons == {new: f"{new}: Reason of {new}!" for new in renamed}


@pytest.mark.parametrize("moment", [1e300, -1e300, 9e15, 0, 1, math.nan])
async def test_a_job_of_no_likely_begin_holds_up_no_other(
    hass: HomeAssistant,
    loaded: ConfigEntry,
    stations: list[Station],
    cloud: Cloud,
    wait: Pass,
    moment: float,
) -> None:
    memory = loaded.runtime_data.memory
    memory.async_add_job(
        OpenJob(
            job_id="odd",
            port_ids=(stations[0].port_id, "gone"),
            wanted=StationSettings(is_private=True),
            created=moment,
        )
    )
    memory.async_mark_jobs_read(moment)
    await switch(hass, "on", "private", stations[1])
    await pass_job(wait)
    assert not memory.jobs
    assert stations[1]["switch.private"] == "on"
    loaded.runtime_data.jobs.async_start()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert memory.jobs_until == dt_util.utcnow().timestamp()


async def test_a_history_that_cannot_be_read_is_read_later(
    hass: HomeAssistant, entry: MockConfigEntry, cloud: Cloud, wait: Pass
) -> None:
    def history_requests() -> int:
        return sum("management-history" in request.path for request in cloud.requests)

    cloud.faults.set("error", path="/station/management-history")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    for _ in range(60):
        await wait(61)
    assert 5 <= history_requests() <= 8, "an hour, with pauses that grow"
    cloud.faults.clear()
    for _ in range(60):
        await wait(61)
    last = history_requests()
    assert entry.runtime_data.memory.jobs_until > dt_util.utcnow().timestamp() - 3700
    for _ in range(60):
        await wait(61)
    assert history_requests() == last


async def test_a_command_while_polls_fail_goes_out_and_is_shown_later(
    hass: HomeAssistant, station: Station, world: World, cloud: Cloud, wait: Pass
) -> None:
    world.plug_in(station.name)
    for path in ("/site", "/session"):
        cloud.faults.set("error", path=path, status=502, count=2)
    await wait(31)
    await station.limit(10)
    await switch(hass, "on", "private", station)
    assert station["switch.private"] == "on"
    assert station["number.charging_limit"] == "10"
    cloud.faults.clear()
    await station.turn("on")
    await pass_job(wait)
    assert station["switch.private"] == "on"
    assert station["switch.charging"] == "on"
    assert world.station(station.name).restriction == "private"
