"""Match spoken names to the stations that are exposed to an assistant."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import re
import unicodedata

from homeassistant.components.homeassistant.exposed_entities import async_should_expose
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)

from ..const import DOMAIN
from ..errors import invalid
from ..helpers import main_entity
from ..models import EevionConfigEntry, EevionRuntimeData
from ..smart import SmartStation
from ..stations import StationState

# An answer lists so many names,
_MOST_NAMES = 8
# and so many characters of a text.
_LONGEST = 100
# Words before and after a name in English, French and Spanish, without accents.
_BEFORE = re.compile(
    "an?|at|by|charg(er|ing)|for|from|in|my|of|on|our|station|the|to|"
    "aux?|borne|chez|d|dans|des?|du|l|l[ae]s?|ma|mes|mon|nos|notre|pour|recharge|sur|"
    "al?|carga|cargador|del|el|en|estacion|los|mis?|para|por|punto|recarga"
)
_AFTER = re.compile(
    "car|charg(er|ing)|ev|session|station|vehicle|borne|chargeur|charge|recharge|vehicule|voiture|"
    "auto|carga|cargador|carro|coche|estacion|recarga|vehiculo"
)


@dataclass(frozen=True, slots=True)
class NamedStation:
    """A station whose switch is exposed to the assistant."""

    entry: EevionConfigEntry
    port_id: str
    entity_id: str
    """The switch that starts and stops it."""
    name: str
    short_name: str
    """Without "Station", for texts that contain the word."""
    own_names: frozenset[str]
    place_names: frozenset[str]
    """The names of its area and site, which other stations may share."""
    area_id: str | None

    @property
    def data(self) -> EevionRuntimeData:
        """The runtime data of its account."""
        return self.entry.runtime_data

    @property
    def smart(self) -> SmartStation | None:
        """Its smart charging, if it has any."""
        return self.data.smart.station(self.port_id)

    @property
    def state(self) -> StationState:
        """The current state; raises ServiceValidationError once the station is gone."""
        if state := self.data.coordinator.data.stations.get(self.port_id):
            return state
        raise invalid("unknown_station", station=self.short_name)


@callback
def async_exposed(hass: HomeAssistant, assistant: str | None) -> list[NamedStation]:
    """Return the stations whose switch is exposed to an assistant; None returns all."""
    entities, devices = er.async_get(hass), dr.async_get(hass)
    found = []
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        snapshot = entry.runtime_data.coordinator.data
        for port_id, state in snapshot.stations.items():
            entity_id = main_entity(hass, port_id)
            entity = entities.async_get(entity_id) if entity_id else None
            device = devices.async_get_device_by_identifier((DOMAIN, port_id), entry.entry_id)
            if entity is None or entity.disabled or device is None:
                continue
            if assistant and not async_should_expose(hass, assistant, entity.entity_id):
                continue
            area_id = entity.area_id or device.area_id
            site = snapshot.sites.get(state.site_id)
            short_name = device.name_by_user or state.port.station_id
            names = [short_name, state.port.station_id, entity.name, device.name]
            names += er.async_get_entity_aliases(hass, entity)
            found.append(
                NamedStation(
                    entry=entry,
                    port_id=port_id,
                    entity_id=entity.entity_id,
                    name=cut(device.name_by_user or device.name or short_name),
                    short_name=cut(short_name),
                    own_names=frozenset(filter(None, names)),
                    place_names=_places(hass, area_id) | {(site and site.name) or short_name},
                    area_id=area_id,
                )
            )
    return found


def _places(hass: HomeAssistant, area_id: str | None) -> frozenset[str]:
    area = ar.async_get(hass).async_get_area(area_id) if area_id else None
    return frozenset((area.name, *area.aliases)) if area else frozenset()


def matching(stations: list[NamedStation], spoken: str | None) -> list[NamedStation]:
    """Return the stations that match a spoken name, or all without one.

    Raises ServiceValidationError if there are none.
    """
    if not stations:
        raise invalid("voice_none")
    if spoken is None or not (wanted := _keys(spoken)):
        return stations
    for found in (
        [s for s in stations if any(wanted & _keys(name) for name in s.own_names)],
        [s for s in stations if any(wanted & _keys(name) for name in s.place_names)],
        [s for s in stations if any(_is_part(spoken, name) for name in s.own_names)],
        [s for s in stations if _is_both(spoken, s)],
    ):
        if found:
            return found
    raise invalid("voice_unknown", name=spoken, known=listed(stations))


def only(found: list[NamedStation], *preferences: Callable[[NamedStation], bool]) -> NamedStation:
    """Return the only station left by the preferences; raises ServiceValidationError."""
    for is_preferred in preferences:
        found = [station for station in found if is_preferred(station)] or found
    if len(found) > 1:
        raise invalid("voice_ambiguous", known=listed(found))
    return found[0]


def listed(stations: Iterable[NamedStation]) -> str:
    """Return the names of stations for an error, at most eight."""
    names = sorted(station.name for station in stations)
    more = ["…"] if len(names) > _MOST_NAMES else []
    return ", ".join(names[:_MOST_NAMES] + more)


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name.casefold())
    return re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c)))


def _stripped(words: list[str]) -> list[str]:
    while words and _BEFORE.fullmatch(words[0]):
        words = words[1:]
    while words and _AFTER.fullmatch(words[-1]):
        words = words[:-1]
    return words


def _keys(name: str) -> set[str]:
    """Return the keys for comparison of a name: complete, and without words around it."""
    words = _words(name)
    stripped = "".join(_stripped(words))
    return {"".join(words), stripped} if stripped else set()


def _is_part(spoken: str, name: str) -> bool:
    return set(_stripped(_words(spoken))) <= set(_words(name))


def _is_both(spoken: str, station: NamedStation) -> bool:
    """Return whether the words are of a station's name and of its place, as in "2133 at home".

    A word of the place alone could be meant for a station that is not exposed.
    """
    said = {word for word in _stripped(_words(spoken)) if not _BEFORE.fullmatch(word)}
    own, place = (
        {word for name in names for word in _words(name)}
        for names in (station.own_names, station.place_names)
    )
    return said <= own | place and not said.isdisjoint(own)


def cut(text: str) -> str:
    """Return a text on one line, cut to 100 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
