"""The tariff of a station."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import MAX_LENGTH_STATE_STATE, EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import Commands
from .entity import EevionDescription, EevionEntity, async_add_entities_for_all
from .models import EevionConfigEntry
from .stations.station import StationState

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class EevionSelectDescription(EevionDescription, SelectEntityDescription):
    """A choice at a station."""

    @property
    @override
    def shown_fns(self) -> tuple[Callable[[StationState], object], ...]:
        """The choice; the options are the account's."""
        return (lambda station: station.tariff_id,)


SELECTS = (
    EevionSelectDescription(
        key="tariff",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: EevionConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the tariffs of all stations."""
    async_add_entities_for_all(entry, async_add_entities, SELECTS, EevionSelect)


class EevionSelect(EevionEntity, SelectEntity):
    """The tariff of a station; there is no list: these are what the cloud has named so far."""

    entity_description: EevionSelectDescription

    @property
    def _names(self) -> dict[str, str]:
        return unique_names(self.runtime.memory.content.tariffs)

    @property
    @override
    def options(self) -> list[str]:
        """The names of the known tariffs."""
        return sorted(self._names.values())

    @property
    @override
    def current_option(self) -> str | None:
        """The name of the tariff of the next session."""
        return self._names.get(self.station.tariff_id or "")

    @override
    async def async_select_option(self, option: str) -> None:
        """Set the tariff."""
        ids = {name: tariff_id for tariff_id, name in self._names.items()}
        commands = Commands(tariff_id=ids[option])
        await self.runtime.jobs.async_command(self.port_id, commands)


def unique_names(tariffs: Mapping[str, str]) -> dict[str, str]:
    """Return names by id, told apart where two tariffs have the same, as long as states can be.

    A name that cannot be told apart from another even by its whole id is left out.
    """
    unique: dict[str, str] = {}
    for suffix_of in (_no_suffix, _end_of, _whole):
        names = {
            tariff_id: _with_suffix(name, suffix_of(tariff_id))
            for tariff_id, name in tariffs.items()
            if tariff_id not in unique
        }
        often = Counter([*names.values(), *unique.values()])
        unique |= {tariff_id: name for tariff_id, name in names.items() if often[name] == 1}
    return {tariff_id: unique[tariff_id] for tariff_id in tariffs if tariff_id in unique}


def _no_suffix(_: str) -> str:
    return ""


def _end_of(tariff_id: str) -> str:
    return f" ({tariff_id[-4:]})"


def _whole(tariff_id: str) -> str:
    return f" ({tariff_id[:128]})"


def _with_suffix(name: str, suffix: str) -> str:
    return name[: MAX_LENGTH_STATE_STATE - len(suffix)] + suffix
