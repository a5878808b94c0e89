"""A car at a station."""

from dataclasses import dataclass

from .power import WMS_PER_WH


@dataclass(slots=True, kw_only=True)
class Car:
    """A car and its battery; charged energy is added when a session ends."""

    battery_wh: int = 60_000
    filled_wms: int = 0
    max_w: int = 11_500
    vehicle: str = "Unknown"

    @classmethod
    def at_percent(cls, percent: float, *, battery_wh: int, max_w: int, vehicle: str) -> Car:
        """Make a car whose battery is filled to ``percent``."""
        filled_wms = round(battery_wh * WMS_PER_WH * percent / 100)
        return cls(battery_wh=battery_wh, filled_wms=filled_wms, max_w=max_w, vehicle=vehicle)

    def room_wms(self, charged_wms: int = 0) -> int:
        """Return what still fits in, beside what a session has charged so far."""
        return max(0, self.battery_wh * WMS_PER_WH - self.filled_wms - charged_wms)

    def percent(self, charged_wms: int = 0) -> int:
        """Return the state of charge, in whole percent."""
        filled_wms = min(self.filled_wms + charged_wms, self.battery_wh * WMS_PER_WH)
        return filled_wms * 100 // (self.battery_wh * WMS_PER_WH)
