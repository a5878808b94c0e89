"""The end of smart charging with its account."""

import asyncio
from collections import Counter
from collections.abc import Mapping

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from ..api import ChargingLimit, EevionClient, EevionError, Lane, LimitUnit
from ..commands import Failures, async_send_apart, refused_limits
from ..const import LOGGER
from .memory import SmartStationMemory
from .store import SmartStore

_TIMEOUT_S = 20


async def async_remove_smart_charging(
    hass: HomeAssistant, entry: ConfigEntry, client: EevionClient | None
) -> None:
    """Release the stations that smart charging lowered, and delete what was remembered.

    `client` is None where the account holds no key that could be used. A cloud that cannot be
    reached holds up nothing: a warning says how many stations keep their limit.
    """
    store = SmartStore(hass, entry)
    await store.async_load()
    lowered = {port: memory for port, memory in store.stations.items() if memory.is_lowered}
    if lowered:
        kept = lowered.keys() - (await _async_release(client, lowered) if client else set())
        if kept:
            LOGGER.warning(
                "%d stations that smart charging paused or lowered keep that limit: set another"
                " one in Hypercharge's app, or add the account again",
                len(kept),
            )
    await store.async_remove()


async def _async_release(
    client: EevionClient, lowered: Mapping[str, SmartStationMemory]
) -> set[str]:
    """Send the limits of before (`POST /station/energy-management`); return the port ids.

    A station that is decommissioned has nothing to be released from.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            sites = await client.list_sites(lane=Lane.COMMAND)
            listed = (port for site in sites.sites for port in site.ports)
            ports = {port.port_id: port for port in listed if port.is_in_place}
            names = Counter(port.station_id for port in ports.values())
            limits = {
                port_id: ChargingLimit(
                    station_id=port.station_id,
                    unit=LimitUnit.AMPERE,
                    limit=memory.released_a(port.amps),
                )
                for port_id, memory in lowered.items()
                if (port := ports.get(port_id)) and names[port.station_id] == 1
            }
            failures: Failures = {}
            if limits:
                failures = await async_send_apart(lambda part: _async_send(client, part), limits)
    except (EevionError, TimeoutError) as err:
        LOGGER.debug("Stations cannot be released: %r", err)
        return set()
    gone = lowered.keys() - ports.keys() if sites.is_complete else set()
    return gone | (limits.keys() - failures.keys())


async def _async_send(client: EevionClient, limits: Mapping[str, ChargingLimit]) -> Failures:
    results = await client.set_charging_limits(limits=lambda: list(limits.values()))
    return refused_limits(limits, results)
