"""The commands of `POST /station/manage`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import parse
from .enums import ResetType


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message on the charger's screen and in the drivers' app."""

    text: str
    """Blank removes the message."""
    expires_at: datetime | None = None
    """None if it does not expire."""

    def to_json(self) -> dict[str, Any]:
        """Return the `setMessage` command."""
        return {
            "expirationDate": max(1, parse.milliseconds(self.expires_at)) if self.expires_at else 0,
            "setMessage": self.text,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingProfile:
    """An OCPP charging profile, stored in the station."""

    profile_id: str
    maximum_rate: float
    """In `unit`."""
    purpose: str = "TxDefaultProfile"
    unit: str = "amps"
    """The only documented unit."""

    def to_json(self) -> dict[str, Any]:
        """Return the `setChargingProfile` command."""
        return {
            "chargingProfileId": self.profile_id,
            "chargingProfilePurpose": self.purpose,
            "chargingRateUnit": self.unit,
            "maximumRate": self.maximum_rate,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """The commands of one job; None changes nothing."""

    communication_id: str | None = None
    is_private: bool | None = None
    is_visible: bool | None = None
    model_id: str | None = None
    order_number: str | None = None
    priority_status: str | None = None
    """`outOfService` puts a station out of service; other values are not documented."""
    reset: ResetType | None = None
    charging_profile: ChargingProfile | None = None
    message: Message | None = None
    tariff_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the `commands` of the request."""
        values = {
            "communicationId": self.communication_id,
            "isPrivate": _yes_or_no(self.is_private),
            "isVisible": _yes_or_no(self.is_visible),
            "modelId": self.model_id,
            "orderNb": self.order_number,
            "priorityStatus": self.priority_status,
            "tariffId": self.tariff_id,
        }
        commands: dict[str, Any] = {
            name: {name: value} for name, value in values.items() if value is not None
        }
        if self.charging_profile:
            commands["setChargingProfile"] = self.charging_profile.to_json()
        if self.message:
            commands["setMessage"] = self.message.to_json()
        if self.reset:
            # Last: a station that restarts executes no other command.
            commands["reset"] = {"type": self.reset}
        return commands


def _yes_or_no(value: bool | None) -> str | None:  # noqa: FBT001
    if value is None:
        return None
    return "yes" if value else "no"
