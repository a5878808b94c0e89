"""Smart charging: when the vehicles of one electrical connection charge, and with how much."""

from .const import SUBENTRY_SMART_CHARGING
from .manager import SmartCharging
from .memory import MAX_PRICE, MAX_TARGET_KWH
from .model import Mode, Reason
from .removal import async_remove_smart_charging
from .station import SmartStation
from .subentry_flow import SmartChargingFlow

__all__ = [
    "MAX_PRICE",
    "MAX_TARGET_KWH",
    "SUBENTRY_SMART_CHARGING",
    "Mode",
    "Reason",
    "SmartCharging",
    "SmartChargingFlow",
    "SmartStation",
    "async_remove_smart_charging",
]
