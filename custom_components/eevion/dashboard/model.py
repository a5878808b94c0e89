"""The sites and stations that a user may see, with the ids of their entities."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
import re
from typing import Final

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from ..const import DOMAIN
from ..models import EevionConfigEntry

type Entities = Mapping[str, str]
"""Entity ids by platform and key, such as `sensor.power`; those to be seen only."""

MAIN_KEYS: Final = (
    "sensor.status",
    "binary_sensor.problem",
    "switch.charging",
    "sensor.power",
)
"""A station of which the user sees none of these is left out."""
SITE_KEYS: Final = (
    "sensor.available_stations",
    "sensor.active_sessions",
    "sensor.problem_stations",
    "sensor.total_energy",
    "sensor.total_cost",
)
_MARKER: Final = "sensor.available_stations"
"""The entity of a site that has its coordinates as attributes."""
# More digits are no number to anybody, nor to Python.
_NUMBERS: Final = re.compile(r"(\d{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class StationModel:
    """A station on the dashboard."""

    port_id: str
    name: str
    device_id: str | None = None
    """In the device registry."""
    entities: Entities = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path of the station's view."""
        return station_path(self.port_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteModel:
    """A site on the dashboard, with at least one station."""

    name: str
    stations: tuple[StationModel, ...]
    entities: Entities = field(default_factory=dict)
    marker: str | None = None
    """The entity that stands on the map, where the site's coordinates are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardModel:
    """All that a user may see."""

    sites: tuple[SiteModel, ...] = ()
    has_accounts: bool = False
    unloaded: tuple[str, ...] = ()
    """The titles of the accounts that are not loaded."""
    is_admin: bool = False

    @property
    def stations(self) -> Iterator[StationModel]:
        """The stations of all sites."""
        return (station for site in self.sites for station in site.stations)

    @property
    def station_count(self) -> int:
        """The number of stations of all sites."""
        return sum(len(site.stations) for site in self.sites)


@callback
def async_dashboard_model(
    hass: HomeAssistant, user: User, keys: Iterable[str] = ()
) -> DashboardModel:
    """Return what a user may see; stations have the main entities, and those with `keys`."""
    entries: list[EevionConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    loaded = [entry for entry in entries if entry.state is ConfigEntryState.LOADED]
    reader = _Reader(hass, user)
    sites = [site for entry in loaded for site in reader.sites(entry, (*MAIN_KEYS, *keys))]
    return DashboardModel(
        sites=tuple(sorted(sites, key=lambda site: natural(site.name))),
        has_accounts=bool(entries),
        unloaded=tuple(entry.title for entry in entries if entry not in loaded),
        is_admin=user.is_admin,
    )


@callback
def async_station_model(
    hass: HomeAssistant, user: User, path: str, keys: Iterable[str]
) -> StationModel | None:
    """Return the station with the view at a path; None where the user sees none."""
    reader = _Reader(hass, user)
    entries: list[EevionConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    for entry in entries:
        for port_id in entry.runtime_data.coordinator.data.stations:
            if station_path(port_id) == path:
                return reader.station(entry, port_id, keys)
    return None


def station_path(port_id: str) -> str:
    """Return the path of a station's view: the same after a restart, and safe in an URL."""
    return f"station-{sha256(port_id.encode('utf-8', 'backslashreplace')).hexdigest()[:12]}"


def natural(name: str) -> list[tuple[int, int | str]]:
    """Return a key that sorts names as people do: "P2" before "P10"."""
    return [
        (0, int(part)) if part.isdecimal() else (1, part)
        for part in _NUMBERS.split(name.casefold())
    ]


@cache
def _parts(key: str) -> tuple[str, str]:
    """Return the platform and the rest of a key."""
    platform, _, name = key.partition(".")
    return platform, name


class _Reader:
    """Finds entities by their unique ids, and leaves out what a user does not see."""

    def __init__(self, hass: HomeAssistant, user: User) -> None:
        self._devices = dr.async_get(hass)
        self._registry = er.async_get(hass)
        self._permissions = user.permissions
        self._may_read_all = user.permissions.access_all_entities(POLICY_READ)

    def sites(self, entry: EevionConfigEntry, keys: tuple[str, ...]) -> Iterator[SiteModel]:
        """Yield the sites of an account that have a station to be seen."""
        snapshot = entry.runtime_data.coordinator.data
        for site_id, site in snapshot.sites.items():
            stations = [
                station
                for state in snapshot.stations_at(site_id)
                if (station := self.station(entry, state.port.port_id, keys))
            ]
            if stations:
                entities = self.entities(site_id, SITE_KEYS)
                device = self._device(entry, site_id)
                yield SiteModel(
                    name=(device and device.name_by_user) or site.name,
                    stations=tuple(sorted(stations, key=lambda station: natural(station.name))),
                    entities=entities,
                    marker=entities.get(_MARKER) if site.coordinates else None,
                )

    def station(
        self, entry: EevionConfigEntry, port_id: str, keys: Iterable[str]
    ) -> StationModel | None:
        """Return a station; None where the user sees none of the entities."""
        if not (entities := self.entities(port_id, keys)):
            return None
        device = self._device(entry, port_id)
        name = entry.runtime_data.coordinator.data.station_name(port_id)
        return StationModel(
            port_id=port_id,
            name=(device and device.name_by_user) or name,
            device_id=device.id if device else None,
            entities=entities,
        )

    def entities(self, device_id: str, keys: Iterable[str]) -> dict[str, str]:
        """Return the entities with one of `keys`: enabled, not hidden, and permitted."""
        found: dict[str, str] = {}
        entity_id_of, entry_of = self._registry.async_get_entity_id, self._registry.async_get
        for key in keys:
            platform, name = _parts(key)
            entity_id = entity_id_of(platform, DOMAIN, f"{device_id}_{name}")
            entity = entry_of(entity_id) if entity_id else None
            if entity is None or entity.disabled_by or entity.hidden_by:
                continue
            if self._may_read_all or self._permissions.check_entity(entity.entity_id, POLICY_READ):
                found[key] = entity.entity_id
        return found

    def _device(self, entry: EevionConfigEntry, device_id: str) -> dr.DeviceEntry | None:
        """Return a device by its id in the cloud; people may have given it another name."""
        return self._devices.async_get_device_by_identifier((DOMAIN, device_id), entry.entry_id)
