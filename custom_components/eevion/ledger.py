"""The accounting: every session once, every total only upwards.

Pure of Home Assistant and of the network: it is told sessions, in whatever order and
however often, and says what each station has delivered and earned. Amounts are whole
numbers (thousandths of a watt-hour, hundredths of a cent), so that sums are exact.
Times are epoch seconds.
"""

from dataclasses import dataclass, field
from typing import Any, Self, TypeGuard

from .api import Session
from .api.parse import say_once
from .posting import Posted, Posting
from .sums import Sums, money_units, wh_units

# Sessions that ended so long ago are added up; a report finds what comes later still.
_KEPT_S = 31 * 86400
# More than a session can come to: such figures are taken for none.
_MOST_WH = 1e9
_MOST_MONEY = 1e6


@dataclass(slots=True)
class Entry:
    """What counts of one session."""

    energy: int = 0
    cost: int = 0
    currency: str | None = None
    created: float | None = None
    start: float | None = None
    end: float | None = None
    updated: float | None = None
    is_open: bool = True
    posted: Posted | None = None
    """What the hourly statistics hold of it."""

    def told(self, session: Session) -> Self:
        """Return the entry after an answer; what it leaves out stays."""
        energy, cost = session.energy_wh, session.cost
        created = session.created_at
        start = session.started_at or created
        return type(self)(
            energy=wh_units(energy) if _is_likely(energy, _MOST_WH) else self.energy,
            cost=money_units(cost) if _is_likely(cost, _MOST_MONEY) else self.cost,
            currency=session.currency or self.currency,
            created=created.timestamp() if created else self.created,
            start=start.timestamp() if start else self.start,
            end=session.ended_at.timestamp() if session.ended_at else self.end,
            updated=session.updated_at.timestamp() if session.updated_at else self.updated,
            is_open=session.is_active,
            posted=self.posted,
        )

    def to_json(self) -> list[Any]:
        """Return what a storage holds."""
        *values, posted = (getattr(self, name) for name in self.__slots__)
        is_as_told = posted == (self.energy, self.cost, self.start, self.end)
        return [*values, is_as_told or (list(posted) if posted else False)]

    @classmethod
    def from_json(cls, stored: list[Any]) -> Self:
        """Read `to_json`; raise TypeError or ValueError for anything else."""
        energy, cost, currency, *moments, is_open, posted = stored
        created, start, end, updated = (None if m is None else float(m) for m in moments)
        if not isinstance(is_open, bool):
            raise TypeError(stored)
        entry = cls(int(energy), int(cost), _text(currency), created, start, end, updated, is_open)
        if posted is not False:
            if posted is True:
                posted = (energy, cost, start, end)
            energy, cost, start, end = posted
            entry.posted = Posted(int(energy), int(cost), float(start), float(end))
        return entry

    @property
    def over_at(self) -> float | None:
        """When it was over, as well as can be told."""
        if self.is_open:
            return None
        moments = (self.created, self.start, self.end)
        return max(filter(None, moments), default=self.updated)


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
    cost_currency: str | None = None
    """The currency of the statistics, which never changes."""
    posting: Posting | None = None
    """What is on its way to the statistics."""
    has_posted: bool = False
    uncosted: set[int] = field(default_factory=set)
    """Hours of days whose electricity cost is still to be asked for."""

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
        elif entry == known or _is_stale(entry, known):
            return False
        _say_oddities(session)
        self.sessions[session.session_id] = entry
        if entry.currency and self._is_newest(entry):
            self._set_currency(entry.currency)
        self._find_missed(entry, known or Entry())
        return True

    def _is_newest(self, entry: Entry) -> bool:
        return all((other.start or 0) <= (entry.start or 0) for other in self.sessions.values())

    def _is_counted(self, entry: Entry) -> bool:
        # What goes on since before then is known already, or an answer of long ago.
        moment = entry.start if entry.is_open else entry.over_at
        return moment is not None and moment <= self.counted_until

    def _find_missed(self, entry: Entry, known: Entry) -> None:
        over_at = entry.over_at
        if over_at is not None and over_at <= self.missed_until:
            energy, cost = entry.energy - known.energy, entry.cost - known.cost
            self.missed.take_out(max(0, energy), max(0, cost), entry.currency)

    def _set_currency(self, currency: str) -> None:
        if self.currency not in (None, currency):
            say_once("sessions of a station in two currencies")
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
            if self.has_posted and entry.posted is None:
                continue  # the statistics want it first
            if (over_at := entry.over_at) is not None and over_at < horizon:
                self.folded.add(entry.energy, entry.cost, entry.currency)
                del self.sessions[session_id]
        if self.is_begun:
            self.counted_until = max(self.counted_until, horizon)

    def to_json(self) -> dict[str, Any]:
        """Return what a storage holds."""
        return {
            "sessions": {
                session_id: entry.to_json() for session_id, entry in self.sessions.items()
            },
            "folded": self.folded.to_json(),
            "missed": self.missed.to_json(),
            "shown": self.shown.to_json(),
            "counted_until": self.counted_until,
            "missed_until": self.missed_until,
            "is_begun": self.is_begun,
            "currency": self.currency,
            "site_id": self.site_id,
            "cost_currency": self.cost_currency,
            "posting": self.posting.to_json() if self.posting else None,
            "has_posted": self.has_posted,
            "uncosted": sorted(self.uncosted),
            "before_site": self.before_site.to_json(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read `to_json`; raise LookupError, TypeError or ValueError for anything else."""
        return cls(
            sessions={
                session_id: Entry.from_json(row) for session_id, row in stored["sessions"].items()
            },
            folded=Sums.from_json(stored["folded"]),
            missed=Sums.from_json(stored["missed"]),
            shown=Sums.from_json(stored["shown"]),
            counted_until=float(stored["counted_until"]),
            missed_until=float(stored["missed_until"]),
            is_begun=bool(stored["is_begun"]),
            currency=_text(stored["currency"]),
            site_id=_text(stored["site_id"]),
            cost_currency=_text(stored["cost_currency"]),
            posting=Posting.from_json(stored["posting"]) if stored["posting"] else None,
            has_posted=bool(stored["has_posted"]),
            uncosted=set(stored["uncosted"]),
            before_site=Sums.from_json(stored["before_site"]),
        )


def _text(stored: Any) -> str | None:
    if not isinstance(stored, str | None):
        raise TypeError(stored)
    return stored


def _is_stale(entry: Entry, known: Entry) -> bool:
    """Tell whether an answer is older than what is known: repeated, or late."""
    if entry.is_open and not known.is_open:
        return True
    return bool(entry.updated and known.updated and entry.updated < known.updated)


def _is_likely(amount: float | None, most: float) -> TypeGuard[float]:
    return amount is not None and 0 <= amount <= most


def _say_oddities(session: Session) -> None:
    """Log what cannot be counted as it is told."""
    if not _is_likely(session.energy_wh, _MOST_WH):
        say_once("a session without a likely energy")
    if not _is_likely(session.cost, _MOST_MONEY):
        say_once("a session without a likely cost")
    elif session.cost and session.currency is None:
        say_once("a cost without a currency")
    if session.ended_at and session.started_at and session.ended_at < session.started_at:
        say_once("a session that ended before it began")
