"""What a person chose for a station, and what is remembered of it over a restart."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import time
import math
from typing import Any, Final, Self

from ..const import MAX_LIMIT_A
from ..storage.values import StoredDataError, fields, flag, moment, moment_or_never, optional, text
from .model import Mode

DEFAULT_READY_BY: Final = time(7)
MAX_TARGET_KWH: Final = 500
MAX_PRICE: Final = 1000
_MOST_A = 10_000
_MOST_WS = 1e12


@dataclass(slots=True, kw_only=True)
class SmartStationMemory:
    """What is remembered of one station."""

    mode: Mode = Mode.MANUAL
    is_always_on: bool = False
    target_wh: float = 0
    """Energy of a session; 0 is none."""
    ready_by: time = DEFAULT_READY_BY
    price_limit: float = 0
    """Per kWh, in the currency of the price sensor."""

    session_id: str | None = None
    """The session that the rest is about."""
    sent_a: float | None = None
    """The limit that smart charging sent last, unless a person has given one since."""
    before_a: float | None = None
    """The limit that a person gave last; None for the highest."""
    held_a: float | None = None
    """What a person's limit was before it was lowered to protect the breaker."""
    deadline: float | None = None
    """When the target of the session is or was to be reached, in epoch seconds."""
    is_starting: bool = False
    """Whether smart charging has sent a start, and the session is not seen yet."""
    is_start_known: bool = False
    """Whether the start of the session needs no more to be looked at."""
    is_overridden: bool = False
    """Whether a person's limit or start counts until the session ends."""
    is_end_known: bool = False
    """Whether the end of the session needs no more to be looked at."""
    is_ended_by_hand: bool = False
    """Whether a person ended the session: it is not started again for that vehicle."""
    retry_at: float = 0
    """When a start may be tried again, in epoch seconds."""
    charged_ws: float = 0
    """Energy of the session that was seen to flow, in watt-seconds."""
    sun_ws: float = 0
    """What of it the grid did not deliver."""

    @property
    def solar_share(self) -> float:
        """The part of the session's energy that the grid did not deliver, in %; 0 of nothing."""
        return 100 * self.sun_ws / self.charged_ws if self.charged_ws > 0 else 0

    @property
    def is_lowered(self) -> bool:
        """Whether smart charging has paused the station, or lowered a person's limit."""
        return self.sent_a == 0 or self.held_a is not None

    @property
    def is_by_hand(self) -> bool:
        """Whether something that a person gave by hand counts before the mode."""
        return self.is_overridden or self.is_ended_by_hand

    def released_a(self, amps: float | None) -> float:
        """Return the limit of a station that is not controlled any more, in amps.

        A person's limit of before, else the station's own `amps`; None is not reported.
        """
        return self.held_a or self.before_a or amps or MAX_LIMIT_A

    def begin(self, session_id: str) -> None:
        """Forget what was about the session before; a start of `manual` is none by hand."""
        self.session_id = session_id
        self.is_start_known = self.is_starting or self.mode is Mode.MANUAL
        self.is_starting = self.is_overridden = False
        self.is_end_known = self.is_ended_by_hand = False
        self.retry_at = 0
        self.charged_ws = self.sun_ws = 0

    def forgive(self, *, is_ended: bool) -> None:
        """End what was given by hand: a person chose a mode anew.

        `is_ended` says whether the session has ended already.
        """
        self.is_overridden = self.is_ended_by_hand = False
        self.is_start_known, self.is_end_known = True, is_ended
        self.retry_at = 0

    def to_json(self) -> dict[str, Any]:
        """Return what a storage holds."""
        return asdict(self) | {"ready_by": self.ready_by.isoformat()}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Read `to_json`; raise StoredDataError for anything else."""
        stored = {**_ADDED, **fields(stored)}
        fields(stored, *_CHECKS)
        return cls(**{name: check(stored[name]) for name, check in _CHECKS.items()})


def _mode(value: Any) -> Mode:
    try:
        return Mode(text(value))
    except ValueError as err:
        raise StoredDataError("a mode that does not exist") from err


def _time(value: Any) -> time:
    try:
        found = time.fromisoformat(text(value))
    except ValueError as err:
        raise StoredDataError("no time of day") from err
    if found.tzinfo:
        raise StoredDataError("a time of day with a zone")
    return found


def _number(lowest: float, highest: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not lowest <= value <= highest:
            raise StoredDataError("a number that does not occur")
        return float(value)

    return check


def _amps(value: Any) -> float | None:
    return optional(_number(0, _MOST_A), value)


# Fields that files of earlier versions lack.
_ADDED = {"deadline": None}
_CHECKS: dict[str, Callable[[Any], Any]] = {
    "mode": _mode,
    "is_always_on": flag,
    "target_wh": _number(0, MAX_TARGET_KWH * 1000),
    "ready_by": _time,
    "price_limit": _number(-MAX_PRICE, MAX_PRICE),
    "session_id": lambda value: optional(text, value),
    "sent_a": _amps,
    "before_a": _amps,
    "held_a": _amps,
    "deadline": lambda value: optional(moment, value),
    "is_starting": flag,
    "is_start_known": flag,
    "is_overridden": flag,
    "is_end_known": flag,
    "is_ended_by_hand": flag,
    "retry_at": moment_or_never,
    "charged_ws": _number(0, _MOST_WS),
    "sun_ws": _number(0, _MOST_WS),
}
