"""What drivers, utilities and cars do to a world."""

from ..charging.car import Car
from ..charging.station import LEVEL_2, DemandEvent
from ..errors import ApiError, ControlError
from .core import WorldCore

AC_CAR_W = 11_500
DC_CAR_W = 120_000
FULL_PERCENT = 100
PATIENCE_MS = 15 * 60_000
"""How long at most a full car stays at a station for short stays."""


class Drivers(WorldCore):
    """Plugs, cards and demand response; each method first catches up with the clock."""

    def plug_in(
        self,
        name: str,
        *,
        battery_wh: int = 60_000,
        percent: float = 20.0,
        max_w: int | None = None,
        vehicle: str = "Toyota bZ4X 2023",
        card: bool = False,
    ) -> None:
        """Plug a car in; with ``card`` its driver swipes a card at once."""
        station = self.station(name)
        if station.car is not None or station.lifecycle != "active":
            raise ControlError(f"No car can be plugged in at {name!r}")
        if max_w is None:
            max_w = AC_CAR_W if station.model.level == LEVEL_2 else DC_CAR_W
        if battery_wh <= 0 or max_w < 0 or not 0 <= percent <= FULL_PERCENT:
            raise ControlError("There is no such car")
        station.car = Car.at_percent(percent, battery_wh=battery_wh, max_w=max_w, vehicle=vehicle)
        station.charged_here = False
        self.charging.refresh(station)
        if card:
            self.swipe_card(name)

    def unplug(self, name: str) -> None:
        """Unplug the car, which ends its session."""
        station = self.station(name)
        station.car = None
        if station.session is not None:
            self.charging.end(station.session, reason="EVDisconnected")
        station.charged_here = False
        self.charging.refresh(station)

    def swipe_card(self, name: str, start_with: str = "Card") -> None:
        """Start a session with a card (or ``start_with``), or end the active one."""
        station = self.station(name)
        if station.session is not None:
            self.charging.end(station.session, reason="Local")
            return
        try:
            self.charging.start(station, start_with)
        except ApiError as error:
            raise ControlError(f"{error}: {error.payload.get('details')}") from error

    def stop_locally(self, name: str, reason: str = "Local") -> None:
        """End a session at the station itself."""
        station = self.station(name)
        if station.session is None:
            raise ControlError(f"There is no session at {name!r}")
        self.charging.end(station.session, reason=reason)

    def demand_response(
        self,
        name: str,
        limit_w: int,
        *,
        start_in_s: float = 0,
        lasts_s: float = 0,
        kind: str = "openADRSimple",
    ) -> None:
        """Plan a demand response event; ``lasts_s`` 0 means open-ended."""
        station = self.station(name)
        start_ms = self.timeline.now_ms + round(start_in_s * 1000)
        end_ms = start_ms + round(lasts_s * 1000) if lasts_s else 0
        station.demand.append(
            DemandEvent(start_ms=start_ms, end_ms=end_ms, limit_w=limit_w, type=kind)
        )
        for edge_ms in (start_ms, end_ms) if end_ms else (start_ms,):
            self.timeline.at(edge_ms, lambda: self.charging.refresh(station))
        self.charging.refresh(station)
