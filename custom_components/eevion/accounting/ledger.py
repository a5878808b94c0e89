"""The ledger of a station: every session counts once, and totals only rise.

Independent of Home Assistant and of the network. Sessions may be applied in any order and any
number of times. Amounts are whole numbers (thousandths of a watt-hour, hundredths of a cent),
so that sums are exact. Times are in epoch seconds.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from ..api import Session
from ..api.parse import log_once
from ..storage.values import (
    fields,
    flag,
    hour,
    items,
    moment,
    moment_or_never,
    optional,
    power,
    text,
    units,
)
from .amounts import UNNAMED, Sums, money_units, wh_units
from .bounds import DAY_S, LONGEST_S, highest_power, is_likely_date, most_cost, most_energy
from .posted import CLOCKS_DIFFER_S, LONGEST_SESSION_S, Posted

# Age of ended sessions that are summed up; later changes of them are found by a report.
_KEPT_S = 31 * 86400
# Time within which the lists repeat a session: that of a few reconciliations.
_REPEATED_WITHIN_S = 900
_STORED = (
    "sessions",
    "folded",
    "missed",
    "shown",
    "counted_until",
    "missed_until",
    "is_begun",
    "currency",
    "site_id",
    "cost_currency",
    "has_posted",
    "uncosted",
    "before_site",
)


@dataclass(slots=True)
class LedgerSession:
    """The amounts and dates of one session."""

    energy: int = 0
    cost: int = 0
    currency: str | None = None
    created: float | None = None
    start: float | None = None
    end: float | None = None
    updated: float | None = None
    is_open: bool = True
    posted: Posted | None = None
    """The amounts that the hourly statistics hold."""

    def merged_with(
        self, session: Session, max_power_w: float | None = None, now: float | None = None
    ) -> Self:
        """Return this session with the values of an answer, except missing and implausible ones.

        `max_power_w` is that of the port, None where it is unknown.
        """
        created, ended = session.created_at, session.ended_at
        start = session.begun_at
        entry = type(self)(
            energy=self.energy,
            cost=self.cost,
            currency=session.currency or self.currency,
            created=created.timestamp() if created else self.created,
            start=start.timestamp() if start else self.start,
            # The end of an active session is empty or premature.
            end=None if session.is_active else ended.timestamp() if ended else self.end,
            updated=session.updated_at.timestamp() if session.updated_at else self.updated,
            is_open=session.is_active,
            posted=self.posted,
        )
        seconds = entry.seconds(now)
        if self.begin is not None:
            # A changed begin in one answer must not make a right figure implausible.
            seconds = max(seconds, self.seconds(now, updated=entry.updated))
        if session.energy_wh is not None:
            energy = wh_units(session.energy_wh)
            if energy > most_energy(max_power_w, seconds):
                # With a wrong energy the cost is wrong as well.
                return entry
            entry.energy = energy
        if session.cost is not None:
            cost = money_units(session.cost)
            if 0 <= cost <= most_cost(max_power_w, seconds):
                entry.cost = cost
        return entry

    def seconds(self, now: float | None, *, updated: float | None = None) -> float:
        """Return the duration in seconds; a day where the dates are implausible.

        The end counts up to the later of `updated`, by default that of the session, and `now`,
        as either clock may be wrong.
        """
        moments = [moment for moment in (updated or self.updated, now) if moment]
        begin = self.created or self.start
        if self.created and self.start and self.created - self.start <= LONGEST_S:
            begin = min(self.created, self.start)
        if begin is None or not moments or (latest := max(moments)) < begin:
            return DAY_S
        if not self.is_open and self.end is not None and begin <= self.end <= latest:
            latest = self.end
        return min(latest - begin, LONGEST_S)

    def reopened(self) -> Self:
        """Return this session as one that has not ended."""
        return replace(self, is_open=True, end=None)

    def to_json(self) -> list[Any]:
        """Return the content for storage."""
        *values, posted = (getattr(self, name) for name in self.__slots__)
        is_as_reported = posted == (self.energy, self.cost, self.start, self.end)
        return [*values, is_as_reported or (list(posted) if posted else False)]

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return stored content; raise StoredDataError for other content."""
        energy, cost, currency, *moments, is_open, posted = items(stored, 9)
        created, start, end, updated = (optional(moment, value) for value in moments)
        entry = cls(
            energy=units(energy),
            cost=units(cost),
            currency=optional(text, currency),
            created=created,
            start=start,
            end=end,
            updated=updated,
            is_open=flag(is_open),
        )
        if posted is not False:
            if posted is True:
                posted = [energy, cost, entry.start, entry.end]
            entry.posted = Posted.from_json(posted)
        return entry

    def is_other_than(self, entry: LedgerSession) -> bool:
        """Return whether an answer with the same id may be about another session.

        Its begin differs, or nothing is counted yet: the id is known of a start, or was closed.
        """
        return self.begin != entry.begin or not (self.energy or self.cost)

    def began_with(self, other: LedgerSession) -> bool:
        """Return whether its dates equal those of another session.

        One without dates matches every open session.
        """
        if self.begin is None:
            return other.is_open
        # A missing start was set to that of the creation.
        starts = [entry.start for entry in (self, other) if entry.start != entry.created]
        creations = [entry.created for entry in (self, other)]
        dates = [two for two in (starts, creations) if len(two) == 2 and None not in two]  # noqa: PLR2004
        return bool(dates) and all(first == second for first, second in dates)

    @property
    def begin(self) -> float | None:
        """The begin: the earlier of creation and start."""
        return min(filter(None, (self.created, self.start)), default=None)

    def as_posted(self, currency: str | None, now: float) -> Posted:
        """Return the amounts of an ended session that the statistics are to hold.

        Money in another currency than theirs is left out. `now` is in epoch seconds.
        """
        end = self.start if self.end is None else self.end
        if end is None or end > now + CLOCKS_DIFFER_S:
            end = self.posted.end if self.posted else min(self.updated or now, now)
        start = end if self.start is None else self.start
        if not 0 <= end - start <= LONGEST_SESSION_S:
            start = end
        cost = self.cost if self.currency == currency is not None else 0
        return Posted(self.energy, cost, start, end)

    @property
    def over_at(self) -> float | None:
        """The end: the latest of the dates, else of the last change; None while it is open."""
        if self.is_open:
            return None
        moments = (self.created, self.start, self.end)
        return max(filter(None, moments), default=self.updated)


@dataclass(slots=True)
class StationLedger:
    """One station's ledger."""

    sessions: dict[str, LedgerSession] = field(default_factory=dict)
    """Open sessions and those of the last month, by session id."""
    folded: Sums = field(default_factory=Sums)
    """The sum of older sessions: the report's lifetime figure, and those of past months."""
    counted_until: float = 0
    """Sessions that ended until then are in `folded`."""
    missed: Sums = field(default_factory=Sums)
    """The excess of a report over the sessions; late sessions are subtracted from it."""
    missed_until: float = 0
    """Time of that report."""
    shown: Sums = field(default_factory=Sums)
    """The highest totals: after a correction downwards they stay until they are reached."""
    is_begun: bool = False
    """Whether the lifetime figure is in `folded`."""
    currency: str | None = None
    site_id: str | None = None
    statistics_port_id: str | None = None
    """The port that the statistics are named after, where this port replaced it."""
    before_site: Sums = field(default_factory=Sums)
    """The part that does not count for its site: delivered elsewhere, or before its totals."""
    elsewhere: dict[str, Sums] = field(default_factory=dict)
    """The part that counts for its former sites, by site id."""
    max_power_w: float | None = None
    """The highest power of the port so far, in W: that of one answer may be too low."""
    cost_currency: str | None = None
    """The currency of the statistics, which never changes."""
    has_posted: bool = False
    """Whether there are statistics; sessions are then posted before they are folded."""
    uncosted: set[int] = field(default_factory=set)
    """Hours of days whose electricity cost is not fetched yet."""
    is_checked: bool = field(default=False, compare=False)
    """Whether stored sessions were compared with the power of the port; not stored."""
    named_once: dict[str, float] = field(default_factory=dict, compare=False)
    """Times of sessions that a single answer listed since the start; not stored."""
    withheld: dict[str, float] = field(default_factory=dict, compare=False)
    """Times of the first answer of sessions that do not count yet; not stored."""

    def apply(self, session: Session, now: float | None = None) -> bool:
        """Apply a session of an answer; return whether the ledger changed."""
        known = self.sessions.get(session.session_id)
        entry = (known or LedgerSession()).merged_with(session, self.max_power_w, now)
        if known is None and self._is_counted(entry):
            return self.name_currency(entry.currency)
        if (known is None or known.is_other_than(entry)) and self._is_withheld(
            session.session_id, entry, now or 0
        ):
            return False
        if known is None:
            self.named_once[session.session_id] = now or 0
        else:
            if self.named_once.get(session.session_id) != (now or 0):
                self.named_once.pop(session.session_id, None)
            if entry == known or _is_stale(entry, known, now):
                return False
        _log_oddities(session)
        self.sessions[session.session_id] = entry
        self.name_currency(entry.currency)
        self._find_missed(entry, known or LedgerSession())
        return True

    def _is_withheld(self, session_id: str, entry: LedgerSession, now: float) -> bool:
        """Return whether a session may be another one under a wrong id.

        A port has one session at a time. A session with the dates of another one counts from
        the second answer that lists it, soon after the first; the other one then does not
        count, where a single answer listed that.
        """
        twins = self._twins(session_id, entry)
        if not twins:
            return False
        first = self.withheld.get(session_id)
        if first is None or not 0 < now - first <= _REPEATED_WITHIN_S:
            self.withheld[session_id] = now
            return True
        del self.withheld[session_id]
        for twin in twins & self.named_once.keys():
            self._clear(twin)
        return False

    def _twins(self, session_id: str, entry: LedgerSession) -> set[str]:
        """Return the ids of other sessions with the same dates."""
        return {
            other_id
            for other_id, other in self.sessions.items()
            if other_id != session_id and entry.began_with(other)
        }

    def _clear(self, session_id: str) -> None:
        """Set the amounts of a session to 0."""
        self.sessions[session_id] = replace(self.sessions[session_id], energy=0, cost=0)

    def is_beyond(self, session: Session, now: float) -> bool:
        """Return whether the figures of an answer are implausibly high."""
        if (entry := self.sessions.get(session.session_id)) is None:
            return False
        energy, cost = wh_units(session.energy_wh or 0), money_units(session.cost or 0)
        return _cannot_be(entry, energy, cost, self.max_power_w, now)

    def is_open(self, session_id: str) -> bool:
        """Return whether a session goes on, as far as is known."""
        session = self.sessions.get(session_id)
        return session is not None and session.is_open

    def close(self, session_id: str) -> None:
        """Close a session that the cloud has no record of; a later answer may reopen it.

        With the dates of another session, it was that one under a wrong id.
        """
        if not self.is_open(session_id):
            return  # another answer has shown its end meanwhile
        entry = self.sessions[session_id]
        twins = (self.sessions[twin] for twin in self._twins(session_id, entry))
        if any(twin.energy >= entry.energy for twin in twins):
            self._clear(session_id)
        self.sessions[session_id] = replace(self.sessions[session_id], is_open=False, end=None)

    def reopen(self, session_id: str) -> bool:
        """Reopen a session; return whether it was closed."""
        entry = self.sessions[session_id]
        if entry.is_open:
            return False
        self.sessions[session_id] = entry.reopened()
        return True

    def check(self, max_power_w: float | None, now: float) -> bool:
        """Update the power of the port, and once clear stored sessions that exceed it.

        Returns whether there were any. A cleared session is open again, so that it is fetched.
        The first power of a port is not used for that, as it may be wrong.
        """
        highest = highest_power(self.max_power_w, max_power_w)
        sure, self.max_power_w = (highest if self.max_power_w else None), highest
        if self.is_checked:
            return False  # later sessions were checked when they were applied
        self.is_checked = True
        wrong = {
            session_id: replace(entry, energy=0, cost=0, is_open=True, updated=None)
            for session_id, entry in self.sessions.items()
            if _cannot_be(entry, entry.energy, entry.cost, sure, now)
        }
        self.sessions |= wrong
        return bool(wrong)

    def move_to(self, site_id: str) -> bool:
        """Set the site; return whether it changed.

        The amounts so far stay with the former site; an active session counts where it ends.
        """
        if site_id == self.site_id:
            return False
        if self.site_id is not None and self.is_begun:
            self.raise_shown()
            left, before = self.shown_of_site(), self.shown.copy()
            for entry in self.sessions.values():
                if entry.is_open:
                    left.subtract(entry.energy, entry.cost, entry.currency)
                    before.subtract(entry.energy, entry.cost, entry.currency)
            self.elsewhere.setdefault(self.site_id, Sums()).add_all(left)
            self.before_site = before
        self.site_id = site_id
        return True

    def _is_counted(self, entry: LedgerSession) -> bool:
        # An open session from before then is counted already, or the answer is old.
        moment = entry.start if entry.is_open else entry.over_at
        return moment is not None and moment <= self.counted_until

    def _find_missed(self, entry: LedgerSession, known: LedgerSession) -> None:
        over_at = entry.over_at
        if over_at is not None and over_at <= self.missed_until:
            energy, cost = entry.energy - known.energy, entry.cost - known.cost
            self.missed.subtract(max(0, energy), max(0, cost), entry.currency)

    def name_currency(self, currency: str | None) -> bool:
        """Set the currency, unless there is one, also that of money without a currency."""
        if currency is None or self.currency is not None:
            return False
        self.currency = currency
        for sums in (self.folded, self.missed, self.before_site, *self.elsewhere.values()):
            sums.name_currency(currency)
        return True

    def of_sites(self) -> dict[str, Sums]:
        """Return its part of the totals of sites, by site id."""
        sums = {site_id: left.copy() for site_id, left in self.elsewhere.items()}
        if self.site_id is not None:
            sums.setdefault(self.site_id, Sums()).add_all(self.shown_of_site())
        return sums

    def shown_of_site(self) -> Sums:
        """Return its part of the totals of its present site."""
        shown = self.shown.copy()
        shown.subtract(self.before_site.energy, 0, None)
        for currency, cost in self.before_site.cost.items():
            shown.subtract(0, cost, currency)
        return shown

    def begin(
        self,
        lifetime: Sums,
        counted_until: float,
        *,
        reported_at: float = 0,
        is_site_shown: bool = False,
    ) -> None:
        """Begin with a lifetime figure of all sessions that ended until `counted_until`.

        `reported_at` is the time of the report. Where the total of the site was shown without
        this station, that does not rise by the figure.
        """
        self.folded = lifetime
        self.counted_until = counted_until
        self.missed_until = reported_at
        if is_site_shown:
            self.before_site = lifetime.copy()
        self.is_begun = True
        for session_id, entry in list(self.sessions.items()):
            if self._is_counted(entry):
                del self.sessions[session_id]
        if self.currency:
            self.folded.name_currency(self.currency)
            self.before_site.name_currency(self.currency)

    def total(self, until: float | None = None) -> Sums:
        """Return the sum of `folded` and of the sessions that began until a moment."""
        sums = self.folded.copy()
        for entry in self.sessions.values():
            if until is None or ((begin := entry.begin) is not None and begin <= until):
                sums.add(entry.energy, entry.cost, entry.currency)
        return sums

    def unsettled_since(self, since: float) -> float | None:
        """Return the time before the first session that lasted until `since`; None without one."""
        begins = [
            entry.begin or since
            for entry in self.sessions.values()
            if (over_at := entry.over_at) is None or over_at >= since
        ]
        return max(0.0, min(begins) - 1) if begins else None

    @property
    def lacks_currency(self) -> bool:
        """Whether there is money without a currency."""
        return self.currency is None and UNNAMED in (self.folded.cost | self.missed.cost)

    def compare(self, lifetime: Sums, at: float, until: float | None = None) -> Sums:
        """Set `missed` to the excess of a report (until a moment) over the sessions; return it."""
        self.missed = lifetime.beyond(self.total(until))
        if self.currency:
            self.missed.name_currency(self.currency)
        self.missed_until = at
        return self.missed

    def compare_before(self, at: float) -> None:
        """Mark the last report as one from before `at`: the clock may have been set back since."""
        self.missed_until = min(self.missed_until, at)

    def keep_statistics_of(self, port_id: str) -> None:
        """Keep the statistics of a port that this one replaced, or of the first of several."""
        self.statistics_port_id = self.statistics_port_id or port_id

    def set_statistics_currency(self, currency: str) -> None:
        """Set the currency of the statistics, unless there is one."""
        self.cost_currency = self.cost_currency or currency

    def mark_posted(self, marks: Mapping[str, Posted], hours: Iterable[int]) -> None:
        """Record that sessions are posted, by session id, and which hours changed."""
        self.mark_hours_posted(hours)
        for session_id, mark in marks.items():
            if entry := self.sessions.get(session_id):
                for posted in filter(None, (entry.posted, mark)):
                    if posted.energy:
                        self.uncosted |= posted.boundary_hours
                entry.posted = mark

    def mark_hours_posted(self, hours: Iterable[int]) -> None:
        """Record that there are statistics, and which hours have no electricity cost yet."""
        self.uncosted.update(hours)
        self.has_posted = True

    def mark_costed(self, hours: Iterable[int]) -> None:
        """Record that the statistics hold the electricity cost of hours."""
        self.uncosted.difference_update(hours)

    def raise_shown(self) -> Sums:
        """Raise the shown totals to the counted ones, and return them.

        They fall only where the difference is too large for a correction, and so was wrong.
        """
        counted = self.total()
        counted.add_all(self.missed)
        self.shown.raise_to(counted)
        if self.shown.energy - counted.energy > most_energy(self.max_power_w, DAY_S):
            self.shown.energy = counted.energy
        most = most_cost(self.max_power_w, DAY_S)
        for currency, cost in list(self.shown.cost.items()):
            if cost - counted.cost.get(currency, 0) > most:
                self.shown.cost[currency] = counted.cost.get(currency, 0)
            elif currency not in (*counted.cost, self.currency):
                del self.shown.cost[currency]  # it was in an answer by mistake
        self._choose_currency(counted)
        return self.shown

    def _choose_currency(self, counted: Sums) -> None:
        """Change the currency once the shown cost does not fall by that.

        The currency of a single session may be a mistake.
        """
        named = [entry.currency for entry in self.sessions.values()]

        def rank(currency: str | None) -> tuple[int, int]:
            if currency is None:
                return (0, 0)
            return self.shown.cost.get(currency, 0), counted.cost.get(currency, 0)

        for currency in self.shown.cost.keys() - {UNNAMED, self.currency}:
            is_lasting = named.count(currency) > 1 or self.currency not in named
            if is_lasting and rank(currency) > rank(self.currency):
                log_once("sessions of a station in two currencies")
                self.currency = currency

    def fold(self, now: float) -> None:
        """Sum up the sessions of past months, which limits the size of the storage."""
        horizon = now - _KEPT_S
        for named in (self.named_once, self.withheld):
            for session_id in [id_ for id_, at in named.items() if at < horizon]:
                del named[session_id]
        for session_id, entry in list(self.sessions.items()):
            over_at = entry.over_at
            if over_at is None or over_at >= horizon:
                continue
            if self.has_posted and entry.posted is None and over_at >= horizon - _KEPT_S:
                continue  # it is posted first
            self.folded.add(entry.energy, entry.cost, entry.currency)
            del self.sessions[session_id]
        if self.is_begun:
            self.counted_until = max(self.counted_until, horizon)

    def to_json(self, unannounced: Container[str] = ()) -> dict[str, Any]:
        """Return the content for storage.

        Sessions of `unannounced` are stored as open ones, so that the next start announces
        their end where this one does not come to it.
        """
        return {
            "sessions": {
                session_id: (entry.reopened() if session_id in unannounced else entry).to_json()
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
            "statistics_port_id": self.statistics_port_id,
            "max_power_w": self.max_power_w,
            "cost_currency": self.cost_currency,
            "has_posted": self.has_posted,
            "uncosted": sorted(self.uncosted),
            "before_site": self.before_site.to_json(),
            "elsewhere": {site_id: left.to_json() for site_id, left in self.elsewhere.items()},
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return stored content; raise StoredDataError for other content."""
        stored = fields(stored, *_STORED)
        return cls(
            sessions={
                text(session_id): LedgerSession.from_json(row)
                for session_id, row in fields(stored["sessions"]).items()
            },
            folded=Sums.from_json(stored["folded"]),
            missed=Sums.from_json(stored["missed"]),
            shown=Sums.from_json(stored["shown"]),
            counted_until=moment_or_never(stored["counted_until"]),
            missed_until=moment_or_never(stored["missed_until"]),
            is_begun=flag(stored["is_begun"]),
            currency=optional(text, stored["currency"]),
            site_id=optional(text, stored["site_id"]),
            statistics_port_id=optional(text, stored.get("statistics_port_id")),
            # Older files lack it.
            max_power_w=optional(power, stored.get("max_power_w")),
            cost_currency=optional(text, stored["cost_currency"]),
            has_posted=flag(stored["has_posted"]),
            uncosted={hour(value) for value in items(stored["uncosted"])},
            before_site=Sums.from_json(stored["before_site"]),
            elsewhere={
                # Older files lack it.
                text(site_id): Sums.from_json(left)
                for site_id, left in fields(stored.get("elsewhere", {})).items()
            },
        )


def _cannot_be(
    entry: LedgerSession, energy: int, cost: int, max_power_w: float | None, now: float
) -> bool:
    """Return whether amounts are more than the port can deliver in the duration of a session."""
    seconds = entry.seconds(now)
    return energy > most_energy(max_power_w, seconds) or cost > most_cost(max_power_w, seconds)


def _is_stale(entry: LedgerSession, known: LedgerSession, now: float | None) -> bool:
    """Return whether an answer is older than the present entry, by the cloud's `updatedAt`.

    Either `updatedAt` or Home Assistant's clock is wrong where that of the present entry is
    after `now`. An answer with an earlier date then counts if no amount falls by it.

    An ended session is reopened by a newer answer only; one that was closed without an end, by
    any that is not older.
    """
    is_newer = is_older = False
    if entry.updated and known.updated:
        is_newer, is_older = entry.updated > known.updated, entry.updated < known.updated
    if entry.is_open and not known.is_open and not is_newer and known.end is not None:
        return True
    if is_older and is_likely_date(entry.updated, now) and not is_likely_date(known.updated, now):
        return not _may_follow(entry, known)
    return is_older


def _may_follow(entry: LedgerSession, known: LedgerSession) -> bool:
    """Return whether an answer may be the newer one, whatever its date.

    The energy of an active session does not fall. That of an ended one changes by a correction
    only, which does not differ from an old answer.
    """
    if known.is_open:
        return entry.energy >= known.energy
    return not entry.is_open and (entry.energy, entry.cost) == (known.energy, known.cost)


def _log_oddities(session: Session) -> None:
    """Log values that do not count as reported."""
    if session.energy_wh is None:
        log_once("a session without a likely energy")
    if session.cost is None or session.cost < 0:
        log_once("a session without a likely cost")
    elif session.cost and session.currency is None:
        log_once("a cost without a currency")
    if session.ended_at and session.started_at and session.ended_at < session.started_at:
        log_once("a session that ended before it began")
