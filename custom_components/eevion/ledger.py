"""The accounting: every session once, every total only upwards.

Pure of Home Assistant and of the network: it is told sessions, in whatever order and
however often, and says what each station has delivered and earned. Amounts are whole
numbers (thousandths of a watt-hour, hundredths of a cent), so that sums are exact.
Times are epoch seconds.
"""

from dataclasses import dataclass, field
from typing import Any, Self

from .api import Session
from .sums import Sums, money_units, wh_units

# Sessions that ended so long ago are added up; a report finds what comes later still.
_KEPT_S = 31 * 86400


@dataclass(slots=True)
class Entry:
    """What counts of one session."""

    energy: int = 0
    cost: int = 0
    currency: str | None = None
    start: float | None = None
    end: float | None = None
    updated: float | None = None
    is_open: bool = True

    def told(self, session: Session) -> Self:
        """Return the entry after an answer; what it leaves out stays."""
        energy, cost = session.energy_wh, session.cost
        start = session.started_at or session.created_at
        return type(self)(
            energy=self.energy if energy is None else wh_units(energy),
            cost=self.cost if cost is None or cost < 0 else money_units(cost),
            currency=session.currency or self.currency,
            start=start.timestamp() if start else self.start,
            end=session.ended_at.timestamp() if session.ended_at else self.end,
            updated=session.updated_at.timestamp() if session.updated_at else self.updated,
            is_open=session.is_active,
        )

    @property
    def over_at(self) -> float | None:
        """When it was over, as well as can be told."""
        if self.is_open:
            return None
        return max(filter(None, (self.start, self.end)), default=self.updated)


@dataclass(slots=True)
class Account:
    """One station's ledger."""

    sessions: dict[str, Entry] = field(default_factory=dict)
    """Open ones and those of the last month, by session id."""
    folded: Sums = field(default_factory=Sums)
    """All before: the report's lifetime figure, later the sessions of past months."""
    counted_until: float = 0
    """Sessions that were over by then are in `folded`."""
    missed: Sums = field(default_factory=Sums)
    """What a report knew and no session told; a session that comes late is taken out of it."""
    missed_until: float = 0
    """When that report was made."""
    shown: Sums = field(default_factory=Sums)
    """The highest totals: a correction downwards waits until it is made up for."""
    is_begun: bool = False
    """Whether the lifetime figure is in."""
    currency: str | None = None
    site_id: str | None = None
    before_site: Sums = field(default_factory=Sums)
    """What it began at where its site had totals already: those must not jump."""

    @property
    def has_open_session(self) -> bool:
        """Whether a session goes on, as far as is known."""
        return any(entry.is_open for entry in self.sessions.values())

    def take(self, session: Session) -> bool:
        """Take in what an answer tells of a session; return whether anything changed."""
        known = self.sessions.get(session.session_id)
        entry = (known or Entry()).told(session)
        if known is None:
            if self._is_counted(entry):
                return False
            self._find_missed(entry)
        elif entry == known or _is_stale(entry, known):
            return False
        self.sessions[session.session_id] = entry
        if entry.currency:
            self._set_currency(entry.currency)
        return True

    def _is_counted(self, entry: Entry) -> bool:
        over_at = entry.over_at
        return over_at is not None and over_at <= self.counted_until

    def _find_missed(self, entry: Entry) -> None:
        over_at = entry.over_at
        if over_at is not None and over_at <= self.missed_until:
            self.missed.take_out(entry.energy, entry.cost, entry.currency)

    def _set_currency(self, currency: str) -> None:
        if self.currency is None:
            # Reports name no currency: theirs is the one of the station's sessions.
            self.folded.name_currency(currency)
            self.missed.name_currency(currency)
            self.before_site.name_currency(currency)
        self.currency = currency

    def shown_of_site(self) -> Sums:
        """Return what it adds to the totals of its site."""
        shown = self.shown.copy()
        shown.take_out(self.before_site.energy, 0, None)
        for currency, cost in self.before_site.cost.items():
            shown.take_out(0, cost, currency)
        return shown

    def begin(self, lifetime: Sums, counted_until: float) -> None:
        """Begin at a lifetime figure that holds all sessions that were over by then."""
        self.folded = lifetime
        self.counted_until = counted_until
        self.is_begun = True
        for session_id, entry in list(self.sessions.items()):
            if self._is_counted(entry):
                del self.sessions[session_id]
        if self.currency:
            self.folded.name_currency(self.currency)
            self.before_site.name_currency(self.currency)

    def told(self) -> Sums:
        """Return what sessions and the beginning add up to."""
        sums = self.folded.copy()
        for entry in self.sessions.values():
            sums.add(entry.energy, entry.cost, entry.currency)
        return sums

    def compare(self, lifetime: Sums, at: float) -> Sums:
        """Count what a report knows beyond the sessions; return that difference."""
        self.missed = lifetime.beyond(self.told())
        if self.currency:
            self.missed.name_currency(self.currency)
        self.missed_until = at
        return self.missed

    def raise_shown(self) -> Sums:
        """Raise the shown totals to what is counted by now, and return them."""
        counted = self.told()
        counted.add_all(self.missed)
        self.shown.raise_to(counted)
        return self.shown

    def fold(self, now: float) -> None:
        """Add up the sessions of past months, which keeps the storage small."""
        horizon = now - _KEPT_S
        for session_id, entry in list(self.sessions.items()):
            if (over_at := entry.over_at) is not None and over_at < horizon:
                self.folded.add(entry.energy, entry.cost, entry.currency)
                del self.sessions[session_id]
        if self.is_begun:
            self.counted_until = max(self.counted_until, horizon)

    def to_json(self) -> dict[str, Any]:
        """Return what a storage holds."""
        return {
            "sessions": {
                session_id: [getattr(entry, name) for name in Entry.__slots__]
                for session_id, entry in self.sessions.items()
            },
            "folded": self.folded.to_json(),
            "missed": self.missed.to_json(),
            "shown": self.shown.to_json(),
            "counted_until": self.counted_until,
            "missed_until": self.missed_until,
            "is_begun": self.is_begun,
            "currency": self.currency,
            "site_id": self.site_id,
            "before_site": self.before_site.to_json(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read `to_json`; raise LookupError, TypeError or ValueError for anything else."""
        return cls(
            sessions={
                session_id: Entry(**dict(zip(Entry.__slots__, row, strict=True)))
                for session_id, row in stored["sessions"].items()
            },
            folded=Sums.from_json(stored["folded"]),
            missed=Sums.from_json(stored["missed"]),
            shown=Sums.from_json(stored["shown"]),
            counted_until=float(stored["counted_until"]),
            missed_until=float(stored["missed_until"]),
            is_begun=bool(stored["is_begun"]),
            currency=stored["currency"],
            site_id=stored["site_id"],
            before_site=Sums.from_json(stored["before_site"]),
        )


def _is_stale(entry: Entry, known: Entry) -> bool:
    """Tell whether an answer is older than what is known: repeated, or late."""
    if entry.is_open and not known.is_open:
        return True
    return bool(entry.updated and known.updated and entry.updated < known.updated)
