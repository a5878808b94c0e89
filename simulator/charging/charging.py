"""Sessions at work: starting, power, ending."""

from typing import TYPE_CHECKING

from ..errors import StartRefusedError
from .station import LEVEL_2, Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..ids import Ids
    from ..settings import Settings
    from ..timeline import Timeline
    from .station import Station

NOT_PLUGGED_IN = (
    "Impossible de démarrer une nouvelle session. Le connecteur doit être branché au "
    "véhicule pour lancer une session de recharge à distance."
)
_CANNOT_START = "Impossible de démarrer une nouvelle session."


class Charging:
    """Runs the sessions of a world.

    Nothing is integrated in steps: each change of power is an event of the timeline.
    """

    def __init__(
        self,
        timeline: Timeline,
        ids: Ids,
        settings: Settings,
        on_end: Callable[[Session], None],
    ) -> None:
        """Initialize; ``on_end`` is called when the station reports the end of a session."""
        self._timeline = timeline
        self._ids = ids
        self._settings = settings
        self._on_end = on_end
        self.sessions: dict[str, Session] = {}
        """Every session in the cloud, in the order of creation."""
        self.active: dict[str, Session] = {}
        """Those whose end the station has not reported."""
        self.ended: list[Session] = []
        """The others, in the order in which their ends were reported."""

    def check_start(self, station: Station) -> None:
        """Refuse a start that the station cannot follow."""
        if not station.online:
            reason = (701, "La borne n'est pas connectée au réseau.")
        elif station.out_of_service or station.fault:
            reason = (702, "La borne est hors service.")
        elif station.session is not None:
            reason = (703, "Une session est déjà en cours.")
        elif station.car is None:
            raise StartRefusedError(707, NOT_PLUGGED_IN, station.port_id)
        else:
            return
        code, text = reason
        raise StartRefusedError(code, f"{_CANNOT_START} {text}", station.port_id)

    def start(
        self,
        station: Station,
        start_with: str,
        *,
        webhook: str = "",
        continue_if_full: bool = True,
    ) -> Session:
        """Start a session: it authorizes first, then charges."""
        self.check_start(station)
        now_ms = self._timeline.now_ms
        car = station.car
        session = Session(
            session_id=self._ids.document(),
            station=station,
            tariff=station.tariff,
            created_ms=now_ms,
            car=car,
            updated_ms=now_ms,
            start_with=start_with,
            customer_id="" if start_with == "Eevion" else self._ids.document(),
            auth_id=self._ids.authorization(),
            vehicle=car.vehicle if car else "Unknown",
            webhook=webhook,
            continue_if_full=continue_if_full,
            limit_s=station.session_limit_s,
        )
        if car and station.model.level > LEVEL_2:
            session.start_percent = car.percent()
        station.session = session
        station.ledger.append(session)
        self.sessions[session.session_id] = session
        self.active[session.session_id] = session
        self._timeline.after(self._settings.authorizing_s, lambda: self._begin(session))
        self.refresh(station)
        return session

    def _begin(self, session: Session) -> None:
        if session.end_ms is not None:
            return
        session.start_ms = session.updated_ms = self._timeline.now_ms
        if session.limit_s is not None:
            self._timeline.after(session.limit_s, lambda: self.end(session, reason="Remote"))
        self.refresh(session.station)

    def refresh(self, station: Station) -> None:
        """Bring power and status in line with what the station now allows."""
        now_ms = self._timeline.now_ms
        session = station.session
        if session is not None and session.start_ms is not None and session.car:
            charged_wms = session.curve.energy_wms(now_ms)
            room_wms = session.car.room_wms(charged_wms)
            watts = min(station.allowed_w(now_ms), session.car.max_w) if room_wms else 0
            session.curve.set(now_ms, watts)
            self._plan_full(station, room_wms, watts)
            if not room_wms and not session.continue_if_full:
                self.end(session, reason="Remote")
        self._report_status(station)

    def _plan_full(self, station: Station, room_wms: int, watts: int) -> None:
        if station.full_timer:
            station.full_timer.cancel()
            station.full_timer = None
        if watts:
            full_ms = self._timeline.now_ms - (-room_wms // watts)
            station.full_timer = self._timeline.at(full_ms, lambda: self.refresh(station))

    def _report_status(self, station: Station) -> None:
        status = station.connector_status(self._timeline.now_ms)
        is_reported = station.silent_since_ms is None
        if is_reported and status != station.reported_status:
            station.reported_status = status
            station.status_ms = self._timeline.now_ms

    def end(self, session: Session, *, reason: str) -> None:
        """End a session, unless it has ended."""
        if session.end_ms is not None:
            return
        station, now_ms = session.station, self._timeline.now_ms
        session.end_ms, session.end_reason = now_ms, reason
        charged_wms = session.curve.energy_wms(now_ms)
        session.curve.set(now_ms, 0)
        if session.car:
            if session.start_percent is not None:
                session.end_percent = session.car.percent(charged_wms)
            session.car.filled_wms += charged_wms
        if station.full_timer:
            station.full_timer.cancel()
        station.session = None
        station.charged_here = True
        self._report_status(station)
        if station.silent_since_ms is None:
            self._report_end(session)

    def report(self, station: Station) -> None:
        """Report the ends of sessions since the station was last connected."""
        for session in station.ledger:
            if session.end_ms is not None and session.session_id in self.active:
                self._report_end(session)

    def _report_end(self, session: Session) -> None:
        del self.active[session.session_id]
        self.ended.append(session)
        session.updated_ms = self._timeline.now_ms
        self._on_end(session)
