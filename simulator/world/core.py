"""What a world consists of, and how its parts reach each other."""

from random import Random

from ..charging.charging import Charging
from ..charging.session_json import session_json
from ..charging.station import Session, Station
from ..clock import Clock
from ..errors import NOT_ALLOWED, ApiError, ControlError
from ..ids import Ids
from ..json_values import JsonObject
from ..settings import Settings
from ..timeline import Timeline
from .builder import Builder
from .exceptions_log import ExceptionsLog, StationException
from .webhooks import Delivery, Kind, Outbox


class WorldCore:
    """Sites, stations and sessions of one account in one environment."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        outbox: Outbox,
        *,
        seed: str,
        label: str,
        saved_ms: int | None,
    ) -> None:
        """Build the sites and stations that belong to a seed.

        ``saved_ms`` is when the former run ended: this one begins not before it.
        """
        self.settings = settings
        self.clock = clock
        self.outbox = outbox
        begin_ms = clock.now_ms() - round(settings.head_start_s * 1000)
        self.timeline = Timeline(max(begin_ms, saved_ms or begin_ms))
        self.ids = Ids(Random(seed))
        self.builder = Builder(settings, self.ids, self.timeline.now_ms, label)
        self.tariffs = self.builder.tariffs()
        self.sites = self.builder.sites(self.tariffs)
        self.tickets: list[JsonObject] = []
        self.exceptions = ExceptionsLog(self._post_exception)
        if saved_ms is not None:
            # Sites and stations are those of the former run, sessions have ids of their own.
            self.ids = Ids(Random(f"{seed} {saved_ms}"))
        self.charging = Charging(self.timeline, self.ids, settings, self._post_session)
        self._by_name = {station.name: station for station in self.stations}

    @property
    def stations(self) -> list[Station]:
        """Every station that the cloud lists."""
        return [station for site in self.sites for station in site.stations]

    def advance(self) -> int:
        """Catch up with the clock; return simulated epoch milliseconds."""
        self.timeline.run_until(self.clock.now_ms())
        return self.timeline.now_ms

    def find(self, name: str) -> Station | None:
        """Return the station with a display name."""
        return self._by_name.get(name)

    def station(self, name: str) -> Station:
        """Return a station as it is now; without one, refuse a person."""
        self.advance()
        station = self.find(name)
        if station is None:
            raise ControlError(f"There is no station {name!r}")
        return station

    def allowed(self, name: str) -> Station:
        """Return a station; without one, refuse a request."""
        station = self.find(name)
        if station is None:
            raise ApiError(NOT_ALLOWED)
        return station

    def ledger(self, name: str) -> list[Session]:
        """Return every session of a station: the simulator's own truth."""
        return self.station(name).ledger

    def post(self, kind: Kind, url: str, body: object) -> None:
        """Queue a webhook call."""
        self.outbox.post(Delivery(kind=kind, url=url, body=body, created_ms=self.timeline.now_ms))

    def _post_session(self, session: Session) -> None:
        if session.webhook:
            body = session_json(session, self.timeline.now_ms)
            self.post("session", session.webhook, body)

    def _post_exception(self, entry: StationException) -> None:
        body = {"type": "exceptions", "content": [entry.as_json()]}
        self.post("exceptions", self.settings.exceptions_webhook, body)
