"""How many stations the sun carries, and with how much: timers as a value, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass

# A vehicle that draws a little more than the sun gives is left alone.
_TOLERANCE_W = 50
# A vehicle follows a new limit after so long.
_AHEAD_S = 10
# What was available of late is remembered for so long.
_HISTORY_S = 60


@dataclass(frozen=True, slots=True)
class SurplusState:
    """What is to be remembered from one step to the next."""

    count: int = 0
    """How many stations the sun carries."""
    changing_since: float | None = None
    """Since when it could carry more, or no longer carries as many."""
    is_rising: bool = False
    history: tuple[tuple[float, float], ...] = ()
    """Moments and the watts that were available, of the last seconds."""

    def lowest(self, available_w: float, *, since: float) -> float:
        """Return the least that was available after a moment."""
        return min([available_w, *(watts for at, watts in self.history if at > since)])

    def falling(self, available_w: float, *, now: float) -> float:
        """Return how much less there will be when a vehicle has followed, if it falls on."""
        before = [(at, watts) for at, watts in self.history if now - at >= _AHEAD_S / 2]
        if not before:
            return 0
        at, watts = before[-1]
        return max(0, (watts - available_w) * _AHEAD_S / (now - at))


def follow(
    state: SurplusState,
    *,
    available_w: float,
    needs_w: Sequence[float],
    most_w: Sequence[float],
    now: float,
    start_delay_s: float,
    pause_delay_s: float,
) -> SurplusState:
    """Return the state after a look at the surplus.

    `needs_w` and `most_w` are the least and the most powers of the stations that may charge, in
    their order. One more station starts when there has been enough for it beside all that the
    others can use, for `start_delay_s` without a break; the last ones pause when there has not
    been enough for the least of all for `pause_delay_s`: a passing cloud costs no start.
    """
    history = tuple((at, w) for at, w in state.history if 0 <= now - at < _HISTORY_S)
    count = min(state.count, len(needs_w))
    target = min(count, carries(available_w + _TOLERANCE_W, needs_w))
    if count < len(needs_w) and sum(most_w[:count]) + needs_w[count] <= available_w:
        target = count + 1
    if target == count:
        since, rises = None, False
    else:
        rises = target > count
        goes_on = state.changing_since is not None and state.is_rising is rises
        # A clock that was set back would wait for ever.
        since = min(state.changing_since or now, now) if goes_on else now
        if now - since >= (start_delay_s if rises else pause_delay_s):
            count, since = target, None
    return SurplusState(
        count=count,
        changing_since=since,
        is_rising=rises,
        history=(*history, (now, available_w)),
    )


def carries(available_w: float, needs_w: Sequence[float]) -> int:
    """Return how many of the stations, in their order, a power is enough for."""
    total = 0.0
    for index, need in enumerate(needs_w):
        total += need
        if total > available_w:
            return index
    return len(needs_w)
