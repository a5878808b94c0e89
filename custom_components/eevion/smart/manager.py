"""The connections of one account, and what entities show of them."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from ..api import LimitUnit
from ..commands import ByHand, Control
from ..const import DOMAIN, LOGGER
from ..coordinator import STATIONS_CHANGED, EevionCoordinator
from ..polling import EntryTimer
from .const import CONF_STATIONS, SUBENTRY_SMART_CHARGING
from .controller import Controller
from .settings import ConnectionSettings, flat
from .station import SmartStation
from .store import SmartStore

KEYS: Final = frozenset(
    {
        "always_charge",
        "charging_mode",
        "planned_cost",
        "planned_start",
        "price_limit",
        "ready_by",
        "session_solar_share",
        "smart_charging",
        "target_energy",
    }
)
"""The keys of all entities of smart charging."""
# After a release that failed: the first pause doubles up to the longest one.
_RELEASE_AGAIN_S, _LONGEST_RELEASE_AGAIN_S = 60, 600


def port_ids_of(hass: HomeAssistant, device_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the port ids of devices; those that are gone are left out."""
    devices = dr.async_get(hass)
    return tuple(
        port_id
        for device_id in device_ids
        if (device := devices.async_get(device_id))
        for domain, port_id in device.identifiers
        if domain == DOMAIN
    )


class SmartCharging:
    """The controllers of an account; empty where no connection is set up."""

    def __init__(
        self, hass: HomeAssistant, coordinator: EevionCoordinator, charging: Control
    ) -> None:
        """Prepare; `async_load` comes next."""
        self._hass = hass
        self._coordinator = coordinator
        self._charging = charging
        self._entry: ConfigEntry = coordinator.config_entry
        self._store = SmartStore(hass, self._entry)
        self._controllers: dict[str, Controller] = {}
        """By subentry id."""
        self._stations: dict[str, tuple[Controller, SmartStation]] = {}
        """By port id."""
        self._listeners: dict[str, list[CALLBACK_TYPE]] = {}
        self._release_timer = EntryTimer(hass, self._entry, self._async_begin_release)
        self._release_again_s = 0
        """Pause after the last failed release, in seconds; 0 without one."""

    async def async_load(self) -> None:
        """Read what is remembered, and make a controller for each connection."""
        await self._store.async_load()
        for subentry_id, port_ids in self._connections().items():
            subentry = self._entry.subentries[subentry_id]
            settings = ConnectionSettings.from_config(
                subentry_id, subentry.title, subentry.data, port_ids
            )
            controller = Controller(
                self._coordinator, self._charging, settings, self._store, self._async_changed
            )
            self._controllers[subentry_id] = controller
            self._stations |= {p: (controller, s) for p, s in controller.stations.items()}
        self._remove_entities()

    def _connections(self) -> dict[str, tuple[str, ...]]:
        """Return the port ids of connections, by subentry id; a station has only the first."""
        connections: dict[str, tuple[str, ...]] = {}
        taken: set[str] = set()
        for subentry_id, data in _settings(self._entry).items():
            found = dict.fromkeys(port_ids_of(self._hass, data.get(CONF_STATIONS, ())))
            connections[subentry_id] = tuple(p for p in found if p not in taken)
            taken.update(found)
        return connections

    @callback
    def async_start(self) -> None:
        """Begin to control; stations that no connection has any more get their limit back."""
        entry = self._entry
        entry.async_on_unload(self._charging.async_add_listener(self._async_given_by_hand))
        entry.async_on_unload(
            self._coordinator.async_add_listener(self._async_stations_changed, STATIONS_CHANGED)
        )
        entry.async_on_unload(
            async_dispatcher_connect(
                self._hass,
                SIGNAL_CONFIG_ENTRY_CHANGED,
                partial(self._async_entry_changed, _settings(entry)),
            )
        )
        for controller in self._controllers.values():
            controller.async_start()
        if self._store.stations.keys() - self._stations.keys():
            self._async_begin_release()

    async def async_close(self, replaced: Mapping[str, str]) -> None:
        """Write what is remembered; `replaced` has new port ids by old ones."""
        for old_id, new_id in replaced.items():
            if memory := self._store.stations.pop(old_id, None):
                self._store.stations.setdefault(new_id, memory)
        await self._store.async_close()

    def station(self, port_id: str) -> SmartStation | None:
        """Return a station; None where it belongs to no connection."""
        found = self._stations.get(port_id)
        return found[1] if found else None

    @callback
    def async_choose(self, port_id: str, **choices: Any) -> None:
        """Remember what a person chose, by the fields of `SmartStationMemory`, and act on it.

        An automation may choose every few seconds what is chosen already: that is no request to
        the cloud, unless it is a mode that ends what was given by hand.
        """
        controller, station = self._stations[port_id]
        memory = station.memory
        is_end_of_by_hand = "mode" in choices and memory.is_by_hand
        if not is_end_of_by_hand and all(getattr(memory, n) == v for n, v in choices.items()):
            return
        for name, value in choices.items():
            setattr(memory, name, value)
        controller.async_chosen(port_id, choices)

    @callback
    def async_add_listener(self, port_id: str, update: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `update` when a station's decision or memory has changed."""
        listeners = self._listeners.setdefault(port_id, [])
        listeners.append(update)
        return partial(listeners.remove, update)

    def as_dict(self) -> list[dict[str, Any]]:
        """Return what was read, decided and sent, for diagnostics."""
        return [controller.as_dict() for controller in self._controllers.values()]

    @callback
    def _async_changed(self, port_ids: Iterable[str]) -> None:
        for port_id in port_ids:
            for update in tuple(self._listeners.get(port_id, ())):
                update()

    @callback
    def _async_given_by_hand(self, port_id: str, what: ByHand) -> None:
        if found := self._stations.get(port_id):
            found[0].async_given_by_hand(port_id, what)

    @callback
    def _async_stations_changed(self) -> None:
        """Reload where a station of a connection has come, or come back."""
        wanted = {port_id for port_ids in self._connections().values() for port_id in port_ids}
        if wanted - self._stations.keys():
            self._hass.config_entries.async_schedule_reload(self._entry.entry_id)

    @callback
    def _async_entry_changed(
        self, before: Mapping[str, Any], change: ConfigEntryChange, entry: ConfigEntry
    ) -> None:
        """Reload where a connection was added, changed or deleted."""
        is_own = change is ConfigEntryChange.UPDATED and entry.entry_id == self._entry.entry_id
        if is_own and _settings(entry) != before:
            self._hass.config_entries.async_schedule_reload(entry.entry_id)

    @callback
    def _async_begin_release(self) -> None:
        self._entry.async_create_background_task(
            self._hass, self._async_release(), "release stations"
        )

    async def _async_release(self) -> None:
        """Give paused stations that no connection has any more the limit of before."""
        limits: dict[str, float] = {}
        for port_id in self._store.stations.keys() - self._stations.keys():
            memory = self._store.stations[port_id]
            if (state := self._coordinator.data.stations.get(port_id)) is None:
                continue
            is_ours = state.limit is None or state.limit_in(LimitUnit.AMPERE) == memory.sent_a
            if memory.is_lowered and is_ours:
                limits[port_id] = memory.released_a(state.port.amps)
            else:
                del self._store.stations[port_id]
        failures = await self._charging.async_try_limits(limits, LimitUnit.AMPERE)
        for port_id in limits.keys() - failures.keys():
            self._store.stations.pop(port_id, None)
        self._store.async_write_soon()
        if failures:
            if not self._release_again_s:
                LOGGER.warning("Some stations that smart charging paused cannot be released yet")
            self._release_again_s = min(
                max(2 * self._release_again_s, _RELEASE_AGAIN_S), _LONGEST_RELEASE_AGAIN_S
            )
            self._release_timer.async_set(self._release_again_s)
        elif self._release_again_s:
            self._release_again_s = 0
            LOGGER.info("All stations that smart charging paused are released")

    def _remove_entities(self) -> None:
        """Remove the entities of stations that no connection has any more."""
        entities = er.async_get(self._hass)
        wanted = {
            f"{port_id}_{key}"
            for port_id, (_, station) in self._stations.items()
            for key in KEYS - ({"price_limit"} if not station.has_price else set())
        }
        for entity in er.async_entries_for_config_entry(entities, self._entry.entry_id):
            if entity.translation_key in KEYS and entity.unique_id not in wanted:
                entities.async_remove(entity.entity_id)


def _settings(entry: ConfigEntry) -> dict[str, dict[str, Any]]:
    """Return the settings of connections, by subentry id."""
    return {
        subentry_id: flat(subentry.data)
        for subentry_id, subentry in entry.subentries.items()
        if subentry.subentry_type == SUBENTRY_SMART_CHARGING
    }
