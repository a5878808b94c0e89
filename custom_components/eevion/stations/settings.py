"""Settings of stations that management jobs change."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from ..api import Commands
from ..storage.values import StoredDataError, fields, flag, moment, text

OUT_OF_SERVICE = "outOfService"
IN_SERVICE = "inService"
"""Assumed, as the documentation names only `outOfService`; the former value is preferred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSettings:
    """Settings of one station; None is "unknown", or "unchanged"."""

    is_in_service: bool | None = None
    is_private: bool | None = None
    is_visible: bool | None = None
    tariff_id: str | None = None
    tariff_since: float | None = None
    """When the tariff was set, in epoch seconds: that of a session that began later counts."""

    def merged_with(self, newer: StationSettings) -> StationSettings:
        """Return these settings, updated by those of `newer` that are not None."""
        return replace(self, **newer.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the settings that are not None, for storage."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return stored settings; raise StoredDataError for other content."""
        stored = fields(stored)
        if unknown := stored.keys() - _CHECKS.keys():
            raise StoredDataError(f"{len(unknown)} settings of another version")
        return cls(**{name: _CHECKS[name](value) for name, value in stored.items()})

    @classmethod
    def of_commands(cls, commands: Commands) -> Self:
        """Return the settings that the commands of a job set."""
        word = commands.priority_status
        return cls(
            is_in_service=None if word is None else word != OUT_OF_SERVICE,
            is_private=commands.is_private,
            is_visible=commands.is_visible,
            tariff_id=commands.tariff_id,
        )


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "is_in_service": flag,
    "is_private": flag,
    "is_visible": flag,
    "tariff_id": text,
    "tariff_since": moment,
}

NO_SETTINGS = StationSettings()
