"""Settings of stations that jobs change."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from ..api import Commands
from ..storage.values import StoredDataError, fields, flag, moment, text

OUT_OF_SERVICE = "outOfService"
IN_SERVICE = "inService"
"""A guess: the documentation names only the other; the value before it is preferred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSettings:
    """Settings of one station; None is "not known", or "not to be changed"."""

    is_in_service: bool | None = None
    is_private: bool | None = None
    is_visible: bool | None = None
    tariff_id: str | None = None
    tariff_since: float | None = None
    """When the tariff was set, in epoch seconds: sessions that began later know better."""

    def merged_with(self, newer: StationSettings) -> StationSettings:
        """Return these settings with all that the newer ones tell."""
        return replace(self, **newer.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return what is told, as a storage holds it."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Read `to_json`; raise StoredDataError for anything else."""
        stored = fields(stored)
        if unknown := stored.keys() - _CHECKS.keys():
            raise StoredDataError(f"{len(unknown)} settings of another version")
        return cls(**{name: _CHECKS[name](value) for name, value in stored.items()})

    @classmethod
    def of_commands(cls, commands: Commands) -> Self:
        """Return what the commands of a job set."""
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
