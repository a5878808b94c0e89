"""A charging session."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .billing import Bill, Usage, make_bill
from .power import PowerCurve

if TYPE_CHECKING:
    from .car import Car
    from .station import Station
    from .tariff import Tariff


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
