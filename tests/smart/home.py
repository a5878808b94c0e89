"""A house with a meter, and stations with smart charging, as a person sets it up."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import UnitOfPower
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from simulator import Cloud, World
from tests.calls import device, sent
from tests.conftest import Pass
from tests.helpers import Station

GRID = "sensor.meter"
PRICE = "sensor.price"
BATTERY = "sensor.battery"
LEVEL = "sensor.battery_level"
CHEAP = "schedule.night"


class Home:
    """The house: what its meter reads, and what is set up."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, cloud: Cloud, world: World, wait: Pass
    ) -> None:
        self.hass = hass
        self.entry = entry
        self.cloud = cloud
        self.world = world
        self._wait = wait

    def device(self, name: str) -> str:
        return device(self.hass, self.entry, self.world.station(name).port_id)

    def meter(self, watts: object, unit: str | None = UnitOfPower.WATT, entity: str = GRID) -> None:
        """Let a sensor report, also what it has reported before."""
        attributes = {"unit_of_measurement": unit} if unit else {}
        self.hass.states.async_set(entity, str(watts), attributes)

    def price(self, price: object, unit: str = "CAD/kWh", **attributes: object) -> None:
        self.hass.states.async_set(PRICE, str(price), {"unit_of_measurement": unit} | attributes)

    async def form(self, names: list[str], **sections: dict[str, Any]) -> dict[str, Any]:
        """Fill in the form, and return what came of it."""
        flows = self.hass.config_entries.subentries
        shown = await flows.async_init(
            (self.entry.entry_id, "smart_charging"), context={"source": "user"}
        )
        assert shown["type"] is FlowResultType.FORM
        result = await flows.async_configure(
            shown["flow_id"], {"stations": [self.device(name) for name in names]} | sections
        )
        await self.hass.async_block_till_done(wait_background_tasks=True)
        return dict(result)

    async def add(self, *names: str, **sections: dict[str, Any]) -> str:
        """Add a connection; return the id of its subentry."""
        known = set(self.entry.subentries)
        result = await self.form(list(names), **(sections or {"grid": {"grid_power": GRID}}))
        assert result["type"] is FlowResultType.CREATE_ENTRY, result
        (subentry_id,) = set(self.entry.subentries) - known
        return subentry_id

    def station(self, name: str) -> Station:
        return Station(self.hass, self.world, name)

    async def choose(self, name: str, mode: str) -> None:
        await self.call("select", "select_option", name, "charging_mode", option=mode)

    async def call(self, domain: str, action: str, name: str, key: str, **data: object) -> None:
        data["entity_id"] = self.station(name).id(domain, key)
        await self.hass.services.async_call(domain, action, data, blocking=True)
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def run(self, seconds: float, base_w: float | None = None, step_s: float = 10) -> None:
        """Let time pass while the meter reports the house and what its vehicles draw."""
        for _ in range(int(seconds / step_s)):
            await self._wait(step_s)
            if base_w is not None:
                self.meter(round(base_w + self.drawn_w()))
                await self.hass.async_block_till_done(wait_background_tasks=True)

    def drawn_w(self) -> float:
        """Return what all vehicles draw, as a meter would see it."""
        now_ms = self.world.advance()
        return sum(s.session.curve.watts(now_ms) for s in self.world.stations if s.session)

    def reason(self, name: str) -> str:
        return self.station(name)["sensor.smart_charging"]

    def limits(self, name: str) -> list[float]:
        """Return the limits that the cloud was sent for a station."""
        return [
            row["newChargingProfile"]["limit"]
            for body in self.requests()
            for row in body
            if row["stationId"] == name
        ]

    def requests(self) -> list[Any]:
        return sent(self.cloud, "/energy-management")
