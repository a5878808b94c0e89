"""Replay a measured day: the blueprint for solar surplus beside the published pv rule of evcc."""

from .house import home  # isort: skip  (before Home Assistant)

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
import time
from unittest.mock import PropertyMock, patch

from aiohttp.test_utils import TestServer
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from simulator import Cloud, Settings, create_app

from .solar_plant import (
    DEMAND_WH,
    MAX_A,
    MORNING_S,
    STEP_S,
    VOLTS,
    ImportResult,
    Plant,
    PublishedRule,
    replay_rule,
    steps,
)

BLUEPRINTS = Path(__file__).parents[1] / "blueprints" / "automation"
SETTINGS = Settings(stations=2, sites=1, request_log_size=100_000)
STATION = "2134"
"""With 240 V."""
METER = "sensor.meter"
CALM = 15
"""Turns of the event loop without a request."""
DAY = datetime(2018, 10, 14, tzinfo=UTC)
DAWN_S = MORNING_S - 60

ROWS = (
    ("charged", "charged_wh", "{:.2f} kWh", 1000),
    ("of that from the sun", "solar_share", "{:.1%}", 1),
    ("from the sun, of the 20 kWh wanted", "demand_share", "{:.1%}", 1),
    ("grid import caused", "imported_wh", "{:.3f} kWh", 1000),
    ("starts", "starts", "{:.0f}", 1),
    ("limit changes", "changes", "{:.0f}", 1),
)


class Replay:
    """A Home Assistant with the blueprint, in a house with solar panels."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        cloud: Cloud,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        self._hass = hass
        self._entry = entry
        self._cloud = cloud
        self._freezer = freezer

    async def run(self, plant: Plant) -> ImportResult:
        """Charge for a day."""
        await self._prepare()
        self._hass.states.async_set(METER, "0", {"unit_of_measurement": "W"})
        tally = ImportResult()
        while time.time() < DAY.timestamp() + MORNING_S - STEP_S:
            await self._step()
        for second in steps():
            net_w = plant.net_w(second)
            state = f"{net_w + self._car_w:.0f}"
            self._hass.states.async_set(METER, state, {"unit_of_measurement": "W"})
            await self._step()
            tally.count(net_w, self._car_w, float(self._car_w // VOLTS))
        assert tally.charged_wh < DEMAND_WH
        return tally

    async def _prepare(self) -> None:
        """Plug a car in that waits for the sun, and make the automation."""
        world = self._cloud.world()
        world.plug_in(STATION, max_w=MAX_A * VOLTS, card=True)
        port_id = world.station(STATION).port_id
        limit = er.async_get(self._hass).async_get_entity_id(
            "number", "eevion", f"{port_id}_charging_limit"
        )
        data = {"entity_id": limit, "value": 0}
        await self._hass.services.async_call("number", "set_value", data)
        await self._step()
        device = dr.async_get(self._hass).async_get_device_by_identifier(
            ("eevion", port_id), self._entry.entry_id
        )
        assert device
        inputs = {"station": device.id, "grid_power": METER, "highest": MAX_A}
        config = {"use_blueprint": {"path": "eevion/solar_surplus.yaml", "input": inputs}}
        with blueprints():
            assert await async_setup_component(self._hass, "automation", {"automation": [config]})
        self._cloud.requests.clear()

    async def _step(self) -> None:
        self._freezer.tick(timedelta(seconds=STEP_S))
        rate_limit = self._entry.runtime_data.rate_limit
        for _ in range(2):  # limits wait for a moment, so that several leave together
            async_fire_time_changed(self._hass)
            calm = 0
            while calm < CALM:
                await asyncio.sleep(0)
                calm = 0 if rate_limit._in_flight else calm + 1  # noqa: SLF001

    @property
    def _car_w(self) -> int:
        self._cloud.advance()
        world = self._cloud.world()
        session = world.station(STATION).session
        return session.curve.watts(world.timeline.now_ms) if session else 0


@contextmanager
def blueprints() -> Iterator[None]:
    """Let Home Assistant find the blueprints of this project."""
    with patch(
        "homeassistant.components.blueprint.models.DomainBlueprints.blueprint_folder",
        new_callable=PropertyMock(return_value=BLUEPRINTS),
    ):
        yield


def commands(cloud: Cloud) -> list[float]:
    """Return when something was commanded, in epoch seconds."""
    return [
        request.time
        for request in cloud.requests
        if request.path.endswith("/energy-management")
        or (isinstance(request.body, dict) and "stationId" in request.body)
    ]


def fullest_minute(times: list[float]) -> int:
    """Return the most commands in any 60 seconds."""
    return max((sum(begin <= t < begin + 60 for t in times) for begin in times), default=0)


def table(ours: ImportResult, rule: ImportResult) -> str:
    """Return both, side by side."""
    lines = ["| | blueprint | evcc's rule |", "| --- | --- | --- |"]
    for label, name, form, scale in ROWS:
        cells = [form.format(float(getattr(tally, name)) / scale) for tally in (ours, rule)]
        lines.append(f"| {label} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


async def _measure(plant: Plant, freezer: FrozenDateTimeFactory) -> tuple[ImportResult, int]:
    cloud = Cloud(SETTINGS, now=time.time)
    server = TestServer(create_app(cloud), host="127.0.0.1")
    await server.start_server(access_log=None)
    with TemporaryDirectory() as folder:
        async with home(Path(folder)) as hass:
            data = {"api_key": SETTINGS.keys[0], "environment": "production", "known_sites": []}
            data["url"] = str(server.make_url("/api/eevion"))
            entry = MockConfigEntry(domain="eevion", title="Benchmark", data=data)
            entry.add_to_hass(hass)
            assert await hass.config_entries.async_setup(entry.entry_id)
            await hass.async_block_till_done()
            tally = await Replay(hass, entry, cloud, freezer).run(plant)
    await server.close()
    return tally, fullest_minute(commands(cloud))


def main() -> None:
    """Print a table."""
    import freezegun  # noqa: PLC0415
    from pytest_homeassistant_custom_component import patch_time  # noqa: PLC0415

    options = argparse.ArgumentParser(prog="python -m benchmarks.solar", description=__doc__)
    options.add_argument("csv", type=Path, help="W/m² by the minute of a day")
    options.add_argument("--seed", type=int, default=1, help="of the house's load (1)")
    arguments = options.parse_args()
    logging.disable(logging.WARNING)
    plant = Plant(arguments.csv, seed=arguments.seed)
    freezegun.api.FakeDate = patch_time.HAFakeDate  # type: ignore[misc]
    freezegun.api.FakeDatetime = patch_time.HAFakeDatetime  # type: ignore[misc]
    freezegun.api.datetime_to_fakedatetime = patch_time.ha_datetime_to_fakedatetime
    with freezegun.freeze_time(DAY + timedelta(seconds=DAWN_S)) as freezer:
        ours, most = asyncio.run(_measure(plant, freezer))  # type: ignore[arg-type]
    print(table(ours, replay_rule(plant, PublishedRule())))
    print(f"\nAt most {most} commands in any minute.")


if __name__ == "__main__":
    main()
