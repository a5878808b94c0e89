"""A station (one port) and its site."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .car import Car
    from .catalog import Address, Lifecycle, Model
    from .session import Session
    from .tariff import Tariff
    from .timeline import Timer

IN_SERVICE = "inService"
"""Not documented; only ``outOfService`` is."""
OUT_OF_SERVICE = "outOfService"
LEVEL_2 = 2
MIN_LEVEL_2_AMPS = 6
"""A level 2 station cannot charge with less (IEC 61851); it pauses instead."""


@dataclass(slots=True, kw_only=True)
class Site:
    """A site and its stations, in the order in which the cloud lists them."""

    site_id: str
    address: Address
    added_ms: int
    updated_ms: int
    name: str
    stations: list[Station] = field(default_factory=list)

    def sort(self) -> None:
        """Bring the stations into the order that ``orderNb`` asks for."""
        self.stations.sort(key=lambda station: station.order)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandEvent:
    """A demand response event; ``end_ms`` 0 means open-ended."""

    start_ms: int
    end_ms: int
    limit_w: int
    type: str = "openADRSimple"

    def in_progress(self, at_ms: int) -> bool:
        """Tell whether it limits (or waits to limit) at a moment."""
        return self.start_ms <= at_ms and (self.end_ms == 0 or at_ms < self.end_ms)


@dataclass(frozen=True, slots=True)
class Message:
    """What a station shows to drivers; ``expires_ms`` 0 means never."""

    text: str
    expires_ms: int


@dataclass(slots=True, kw_only=True)
class Station:
    """A station: what it is, and the state that it is in."""

    port_id: str
    name: str
    site: Site
    model: Model
    tariff: Tariff
    restriction: str
    added_ms: int
    updated_ms: int
    lifecycle: Lifecycle = "active"
    meter_interval_ms: int = 0

    connected: bool = True
    silent_since_ms: int | None = None
    rebooting: bool = False
    priority_status: str = IN_SERVICE
    fault: str = ""
    visible: bool = True
    order: int = 0
    model_id: str = ""
    communication_id: str = ""
    message: Message | None = None
    session_limit_s: int | None = None

    car: Car | None = None
    session: Session | None = None
    charged_here: bool = False
    """The plugged-in car has had a session that ended."""
    limit_w: int | None = None
    demand: list[DemandEvent] = field(default_factory=list)

    status_ms: int = 0
    reported_status: str = "Available"
    ledger: list[Session] = field(default_factory=list)
    full_timer: Timer | None = None
    offline_timer: Timer | None = None
    boot_timer: Timer | None = None

    zero_duration_in_lists: bool = False
    no_heartbeat: bool = False
    limits_as_list: bool = False

    @property
    def out_of_service(self) -> bool:
        """Whether its owner has taken it out of service."""
        return self.priority_status == OUT_OF_SERVICE

    @property
    def online(self) -> bool:
        """Whether the cloud reaches it."""
        return self.lifecycle == "active" and self.connected and not self.rebooting

    @property
    def site_status(self) -> str:
        """The port's ``status`` in a site."""
        if self.lifecycle != "active":
            return self.lifecycle
        if not self.online:
            return "unknown"
        if self.out_of_service or self.fault:
            return "offline"
        return "available" if self.session is None else "in use"

    def connector_status(self, at_ms: int) -> str:
        """Return the ``stationStatus`` of sessions."""
        if self.lifecycle != "active":
            words = {"coming soon": "Under Construction", "removed": "Decommissioned"}
            return words[self.lifecycle]
        if self.rebooting:
            return "Unavailable"
        if self.fault:
            return "Faulted"
        if self.out_of_service and self.session is None:
            return "Out of Service"
        return self._plug_status(at_ms)

    def _plug_status(self, at_ms: int) -> str:
        if self.car is None:
            return "Available"
        if self.session is None:
            return "Finishing" if self.charged_here else "Preparing"
        if self.session.start_ms is None:
            return "Preparing"
        if self.session.curve.watts(at_ms):
            return "Charging"
        return "SuspendedEV" if self.allowed_w(at_ms) else "SuspendedEVSE"

    def active_demand(self, at_ms: int) -> DemandEvent | None:
        """Return the event in progress with the lowest limit."""
        events = [event for event in self.demand if event.in_progress(at_ms)]
        return min(events, key=lambda event: event.limit_w, default=None)

    def allowed_w(self, at_ms: int) -> int:
        """Return what the station lets a car draw."""
        watts = self.model.max_w
        if self.limit_w is not None:
            watts = min(watts, self.limit_w)
        if event := self.active_demand(at_ms):
            watts = min(watts, event.limit_w)
        minimum_w = MIN_LEVEL_2_AMPS * self.model.volts if self.model.level == LEVEL_2 else 1
        return watts if watts >= minimum_w else 0

    def known_ms(self, now_ms: int) -> int:
        """Return until when the cloud knows what happens here."""
        return now_ms if self.silent_since_ms is None else self.silent_since_ms
