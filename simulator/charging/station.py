"""A site, its stations (one port each) and their sessions, which refer to each other."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..billing.bill import Bill, Usage, make_bill
from .power import PowerCurve

if TYPE_CHECKING:
    from ..billing.tariff import Tariff
    from ..timeline import Timer
    from .car import Car
    from .model import Address, Lifecycle, Model

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
        """Sort the stations by ``orderNb``."""
        self.stations.sort(key=lambda station: station.order)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandEvent:
    """A demand response event; ``end_ms`` 0 means open-ended."""

    start_ms: int
    end_ms: int
    limit_w: int
    type: str = "openADRSimple"

    def in_progress(self, at_ms: int) -> bool:
        """Return whether it limits (or waits to limit) at a moment."""
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
    def is_for_short_stays(self) -> bool:
        """Whether drivers leave when the battery is full."""
        return self.tariff.idle_fee is not None or self.model.level != LEVEL_2

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


@dataclass(slots=True, kw_only=True)
class Session:
    """What happened in a session; times are epoch milliseconds, simulated."""

    session_id: str
    station: Station
    tariff: Tariff
    created_ms: int
    car: Car | None = None
    start_with: str = "Unknown"
    customer_id: str = ""
    auth_id: str = ""
    vehicle: str = "Unknown"
    webhook: str = ""
    continue_if_full: bool = True
    start_percent: int | None = None
    end_percent: int | None = None
    limit_s: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    end_reason: str = ""
    updated_ms: int = 0
    curve: PowerCurve = field(default_factory=PowerCurve)

    @property
    def canceled(self) -> bool:
        """Whether it ended before any charging began."""
        return self.end_ms is not None and self.start_ms is None

    def snapshot(self, at_ms: int) -> Snapshot:
        """Return the session as the cloud sees it at a moment."""
        ended = self.end_ms is not None and self.end_ms <= at_ms
        until_ms = self.end_ms if ended and self.end_ms is not None else at_ms
        return Snapshot(session=self, ended=ended, until_ms=until_ms)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session at a moment."""

    session: Session
    ended: bool
    until_ms: int

    @property
    def status(self) -> str:
        """The session's ``status``."""
        if self.ended:
            return "complete"
        return "authorizing" if self.session.start_ms is None else "charging"

    @property
    def energy_wh(self) -> int:
        """What has been charged, in watt-hours."""
        return self.session.curve.energy_wh(self._metered_ms)

    @property
    def duration_s(self) -> int:
        """Seconds since charging began."""
        start_ms = self.session.start_ms
        return 0 if start_ms is None else (self.until_ms - start_ms) // 1000

    @property
    def updated_ms(self) -> int:
        """When the cloud's data last changed."""
        if self.ended or self.status == "authorizing":
            return self.session.updated_ms
        return max(self.session.updated_ms, self._metered_ms)

    @property
    def idle_s(self) -> int | None:
        """How long no power has flowed by now, or None if it flows or has ended."""
        spells = self.session.curve.idle_spells_ms(self.until_ms)
        if self.ended or not spells or self.session.curve.watts(self.until_ms):
            return None
        return spells[-1][1] // 1000

    @property
    def bill(self) -> Bill:
        """What it costs."""
        session = self.session
        spells = session.curve.idle_spells_ms(self.until_ms)
        usage = Usage(
            energy_wh=self.energy_wh,
            duration_s=self.duration_s,
            idle_spells_s=tuple(length_ms // 1000 for _, length_ms in spells),
            idle_now_s=self.idle_s,
        )
        return make_bill(session.tariff, session.station.site.address.tax, usage)

    @property
    def _metered_ms(self) -> int:
        """When the station last reported its meter."""
        interval_ms = self.session.station.meter_interval_ms
        if self.ended or not interval_ms or self.session.start_ms is None:
            return self.until_ms
        elapsed_ms = self.until_ms - self.session.start_ms
        return self.session.start_ms + elapsed_ms // interval_ms * interval_ms
