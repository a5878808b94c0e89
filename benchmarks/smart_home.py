"""A real Home Assistant with smart charging, in a house with solar panels."""

from .house import home  # isort: skip  (before Home Assistant)

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
import time
from typing import Any

from aiohttp.test_utils import TestServer
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from simulator import Cloud, Settings, World, create_app

from .smart_plant import (
    BATTERY_FIRST,
    DEMAND_WH,
    MAX_A,
    MIN_A,
    STEP_S,
    VOLTS,
    Battery,
    Meter,
    Plant,
    Tally,
)

FIRST_DAY = datetime(2018, 10, 14, tzinfo=UTC)
SETTINGS = Settings(stations=1, sites=1, request_log_size=100_000)
STATIONS = ("left", "right")
_MODEL = "EVCP5"
"""With 240 V."""
_GRID, _BATTERY, _LEVEL = "sensor.grid", "sensor.battery", "sensor.battery_level"
_CALM = 15
"""Turns of the event loop without a request."""
_BEFORE_S = 60
_NEAR = 0.9
"""Of the power for 6 A; below it, nothing that stands still is looked at."""


class Home:
    """A home with one electrical connection; one day after the other is replayed in it."""

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
        self._world: World = cloud.world()
        self._names: tuple[str, ...] = ()
        self._has_battery = False
        self._midnight = FIRST_DAY

    async def set_up(
        self, *, count: int = 1, with_battery: bool = False, main_limit_a: float | None = None
    ) -> None:
        """Add a connection with some stations, as a person does."""
        self._names, self._has_battery = STATIONS[:count], with_battery
        self._set(_GRID, 0)
        data: dict[str, Any] = {
            "stations": [self._device_id(name) for name in self._names],
            "grid": {"grid_power": _GRID, "grid_power_sign": "import"},
            "electrical": {"max_current": MAX_A, "phases": 1},
        }
        if main_limit_a is not None:
            data["grid"]["main_limit"] = main_limit_a
        if with_battery:
            self._set(_BATTERY, 0)
            self._set(_LEVEL, 20, "%")
            data["battery"] = {
                "battery_power": _BATTERY,
                "battery_power_sign": "charge",
                "battery_level": _LEVEL,
                "battery_first": BATTERY_FIRST,
            }
        flows = self._hass.config_entries.subentries
        kind = (self._entry.entry_id, "smart_charging")
        form = await flows.async_init(kind, context={"source": "user"})
        result = await flows.async_configure(form["flow_id"], data)
        assert result["type"] == "create_entry", result
        await self._hass.async_block_till_done()

    def _device_id(self, name: str) -> str:
        port_id = self._world.station(name).port_id
        device = dr.async_get(self._hass).async_get_device_by_identifier(
            ("eevion", port_id), self._entry.entry_id
        )
        assert device
        return device.id

    async def choose(self, mode: str) -> None:
        """Choose the mode of all stations."""
        entities = er.async_get(self._hass)
        for name in self._names:
            port_id = self._world.station(name).port_id
            entity_id = entities.async_get_entity_id("select", "eevion", f"{port_id}_charging_mode")
            data = {"entity_id": entity_id, "option": mode}
            await self._hass.services.async_call("select", "select_option", data, blocking=True)

    async def replay(
        self,
        plant: Plant,
        *,
        seconds: range | None = None,
        main_limit_w: float | None = None,
        dead: range = range(0),
    ) -> Tally:
        """Charge for a day; while the meter is `dead`, its sensor is not available."""
        seconds = plant.daylight() if seconds is None else seconds
        battery = Battery() if self._has_battery else None
        meter = Meter(plant, len(self._names), battery, main_limit_w)
        self._midnight += timedelta(days=1)
        await self._arrive(seconds.start)
        meter.begin(self._limits)
        second, is_full, is_near = 0, False, False
        for second in seconds:
            if is_full and not battery:
                break
            is_still = main_limit_w is None and (is_full or not any(self._limits))
            if is_still and (is_full or self._available_w(meter, second) < self._near_w):
                meter.count_step(second, 0, self._limits)
                is_near = False
                continue
            if not is_near:
                await self._move_to(second - STEP_S)
                is_near = True
            self._turn_to(second)
            reading = meter.read(second, self._cars_w)
            if second in dead:
                self._hass.states.async_set(_GRID, "unavailable")
            else:
                self._set(_GRID, reading)
            if battery:
                self._set(_BATTERY, battery.flow_w)
                self._set(_LEVEL, battery.level, "%")
            before = len(self._commands)
            await self._settle()
            for _ in range(len(self._commands) - before):
                meter.command(second)
            meter.count_step(second, self._cars_w, self._limits)
            is_full = all(wh >= DEMAND_WH - 1 for wh in self._charged_wh)
        tally = meter.close()
        await self._leave(second)
        return tally

    @property
    def _near_w(self) -> float:
        return _NEAR * MIN_A * VOLTS

    def _available_w(self, meter: Meter, second: int) -> float:
        """Return what a station that starts would find."""
        battery = meter.battery
        watts = -meter.grid_w(second, 0)
        if battery and (battery.flow_w < 0 or battery.level >= BATTERY_FIRST):
            watts += battery.flow_w
        return watts

    async def _arrive(self, second: int) -> None:
        """Plug cars in whose drivers swipe their cards, and wait until stations are paused."""
        begin = second - _BEFORE_S
        await self._move_to(begin)
        for name in self._names:
            self._world.plug_in(
                name, battery_wh=DEMAND_WH, percent=0, max_w=MAX_A * VOLTS, card=True
            )
        for later in range(begin + STEP_S, second, STEP_S):
            self._turn_to(later)
            self._set(_GRID, self._cars_w)
            if self._has_battery:
                self._set(_BATTERY, 0)
                self._set(_LEVEL, 20, "%")
            await self._settle()
        self._cloud.requests.clear()

    async def _leave(self, second: int) -> None:
        for name in self._names:
            self._world.unplug(name)
        self._cloud.requests.clear()
        await self._move_to(second + STEP_S)

    def _set(self, entity_id: str, value: float, unit: str = "W") -> None:
        self._hass.states.async_set(entity_id, f"{value:.1f}", {"unit_of_measurement": unit})

    async def _move_to(self, second: int) -> None:
        """Let time pass, and all that is due come to its end."""
        self._turn_to(second)
        await self._settle()

    def _turn_to(self, second: int) -> None:
        moment = self._midnight + timedelta(seconds=second)
        if moment.timestamp() > time.time():
            self._freezer.move_to(moment)

    async def _settle(self) -> None:
        rate_limit = self._entry.runtime_data.rate_limit
        for _ in range(2):  # limits wait for a moment, so that several leave together
            async_fire_time_changed(self._hass)
            calm = 0
            while calm < _CALM:
                await asyncio.sleep(0)
                calm = 0 if rate_limit._in_flight else calm + 1  # noqa: SLF001

    @property
    def _limits(self) -> list[int]:
        """The limits in force; a station without one gives all."""
        stations = (self._world.station(name) for name in self._names)
        return [MAX_A if s.limit_w is None else s.limit_w // VOLTS for s in stations]

    @property
    def _cars_w(self) -> float:
        self._cloud.advance()
        now_ms = self._world.timeline.now_ms
        sessions = (self._world.station(name).session for name in self._names)
        return sum(session.curve.watts(now_ms) for session in sessions if session)

    @property
    def _charged_wh(self) -> Sequence[float]:
        now_ms = self._world.timeline.now_ms
        sessions = (self._world.station(name).session for name in self._names)
        return [session.curve.energy_wh(now_ms) if session else DEMAND_WH for session in sessions]

    @property
    def _commands(self) -> Sequence[object]:
        return [r for r in self._cloud.requests if r.path.endswith("/energy-management")]


@asynccontextmanager
async def running_home(freezer: FrozenDateTimeFactory) -> AsyncIterator[Home]:
    """Run Home Assistant and the simulated cloud; time is the freezer's, before the first day."""
    cloud = Cloud(SETTINGS, now=time.time)
    add_stations(cloud)
    server = TestServer(create_app(cloud), host="127.0.0.1")
    await server.start_server(access_log=None)
    try:
        with TemporaryDirectory() as folder:
            async with home(Path(folder)) as hass:
                data = {"api_key": SETTINGS.keys[0], "environment": "production", "known_sites": []}
                data["url"] = str(server.make_url("/api/eevion"))
                entry = MockConfigEntry(domain="eevion", title="Benchmark", data=data)
                entry.add_to_hass(hass)
                assert await hass.config_entries.async_setup(entry.entry_id)
                await hass.async_block_till_done()
                yield Home(hass, entry, cloud, freezer)
    finally:
        await server.close()


def add_stations(cloud: Cloud) -> None:
    """Add those of the connection to an account."""
    for name in STATIONS:
        cloud.world().add_station(name, model=_MODEL)
