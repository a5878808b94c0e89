"""Home Assistant's `rest` platform on the same cloud: four sensors for each station."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
import json
from pathlib import Path
from statistics import median
from typing import Any

from homeassistant.components.rest import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.setup import async_setup_component

from .costs import cost
from .house import HEADERS, home
from .scenes import SCENES, Scene
from .server import Server

_MOST = 200

# Of a session; its place depends on the request.
_SESSION_SENSORS: tuple[tuple[str, dict[str, str], object], ...] = (
    ("energy", {"device_class": "energy", "unit_of_measurement": "Wh"}, 0),
    ("cost", {"device_class": "monetary"}, 0),
    ("stationStatus", {}, ""),
)


@dataclass(frozen=True, kw_only=True)
class RestPolls:
    """Medians of each scene."""

    requests: int
    cpu: dict[str, float]
    """In s, for all stations."""


@dataclass(frozen=True, kw_only=True)
class _Station:
    site_id: str
    port_id: str
    name: str


def _stations(frames: Path) -> list[_Station]:
    sites = json.loads((frames / SCENES[0].name / "0" / "site").read_bytes())
    return [
        _Station(site_id=site["id"], port_id=port["portId"], name=port["displayName"])
        for site in sites
        for port in site["ports"]
    ]


async def measure_shared(server: Server, frames: Path, folder: Path, polls: int) -> RestPolls:
    """Poll with two requests for all; each sensor reads the whole answers."""

    def resources(stations: Sequence[_Station]) -> Sequence[Any]:
        return _shared(server.url, stations)

    cpu = await _measure_some(server, _stations(frames), folder, resources, polls)
    return RestPolls(requests=2, cpu=cpu)


async def measure_own(server: Server, frames: Path, folder: Path, polls: int) -> RestPolls:
    """Poll with two requests for each station."""
    stations = _stations(frames)

    def resources(stations: Sequence[_Station]) -> Sequence[Any]:
        return [resource for station in stations for resource in _own(server.url, station)]

    cpu = await _measure_some(server, stations, folder, resources, polls)
    return RestPolls(requests=len(resources(stations)), cpu=cpu)


async def _measure_some(
    server: Server,
    stations: Sequence[_Station],
    folder: Path,
    resources: Callable[[Sequence[_Station]], Sequence[Any]],
    polls: int,
) -> dict[str, float]:
    """Measure the polls of at most `_MOST`; more are reckoned: each costs as much as the next."""
    some = stations[:: max(1, len(stations) // _MOST)]
    cpu = await _measure(server, folder / "some", resources(some), polls)
    if len(some) == len(stations):
        return cpu
    bare = await _measure(server, folder / "none", resources(()), polls)
    share = len(stations) / len(some)
    return {name: bare[name] + (cpu[name] - bare[name]) * share for name in bare}


async def _measure(
    server: Server, folder: Path, resources: Sequence[Any], polls: int
) -> dict[str, float]:
    found: dict[str, float] = {}
    await server.turn(SCENES[0], 0)
    async with home(folder) as hass:
        assert await async_setup_component(hass, DOMAIN, {DOMAIN: resources})
        await hass.async_block_till_done()
        _check(hass, sum(len(resource["sensor"]) for resource in resources))
        for scene in SCENES:
            taken = [await _poll(hass, server, scene, frame) for frame in range(polls + 1)]
            found[scene.name] = median(taken[1:])
    return found


def _check(hass: HomeAssistant, count: int) -> None:
    states = [state.state for state in hass.states.async_all("sensor")]
    assert len(states) == count
    assert not {"unknown", "unavailable"}.intersection(states)


async def _poll(hass: HomeAssistant, server: Server, scene: Scene, frame: int) -> float:
    await server.turn(scene, frame)
    coordinators: Iterable[DataUpdateCoordinator[None]] = hass.data[DOMAIN]["coordinator"]

    async def poll() -> None:
        # As its timers do: one after the other.
        for coordinator in coordinators:
            await coordinator.async_refresh()
            assert coordinator.last_update_success

    return (await cost(poll)).cpu


def _resource(url: str, sensors: list[dict[str, Any]], payload: Any = None) -> dict[str, Any]:
    resource = {
        "resource": url,
        "headers": HEADERS,
        "verify_ssl": False,
        "scan_interval": 86_400,
        "timeout": 120,
        "sensor": sensors,
    }
    if payload is not None:
        resource |= {"method": "POST", "payload": json.dumps(payload)}
    return resource


def _sensor(station: _Station, key: str, template: str, **more: Any) -> dict[str, Any]:
    return {
        "name": f"Station {station.name} {key}",
        "unique_id": f"{station.port_id}_{key}",
        "value_template": template,
        **more,
    }


def _session_sensors(station: _Station, session: str) -> list[dict[str, Any]]:
    return [
        _sensor(
            station,
            key,
            f"{{{{ ({session} | default({{}}, true)).{key} | default({default!r}) }}}}",
            **more,
        )
        for key, more, default in _SESSION_SENSORS
    ]


def _shared(url: str, stations: Sequence[_Station]) -> list[dict[str, Any]]:
    of_sites, of_sessions = [], []
    for station in stations:
        ports = f"(value_json | selectattr('id', 'eq', '{station.site_id}') | first).ports"
        port = f"({ports} | selectattr('portId', 'eq', '{station.port_id}') | first)"
        session = f"value_json | selectattr('portId', 'eq', '{station.port_id}') | first"
        of_sites.append(_sensor(station, "status", f"{{{{ {port}.status }}}}"))
        of_sessions += _session_sensors(station, session)
    return [
        _resource(f"{url}/site", of_sites),
        _resource(f"{url}/session", of_sessions, {"limit": 1000, "offset": 0}),
    ]


def _own(url: str, station: _Station) -> list[dict[str, Any]]:
    status = _sensor(station, "status", "{{ value_json.status }}")
    return [
        _resource(f"{url}/station/{station.name}", [status]),
        _resource(
            f"{url}/session",
            _session_sensors(station, "value_json | first"),
            {"stations": [station.name]},
        ),
    ]
