"""The rate limit of a key, in virtual time."""

import asyncio
from collections import deque
from contextlib import suppress
from itertools import pairwise
import math

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.eevion.api import EevionRateLimitError, Lane, RateLimit

from .virtual_time import now, run

WALL = 1_700_000_000.0


def limiter(**options) -> RateLimit:
    return RateLimit(monotonic=now, wall=lambda: WALL + now(), **options)


def free_places(limit: RateLimit, lane: Lane) -> int:
    """Return how many requests of a lane could be sent now."""
    return 0 if limit._paused_for(lane) else max(0, limit._shared(lane) - limit.used)


async def use(limit: RateLimit, lane: Lane, times: int = 1, **options) -> None:
    for _ in range(times):
        async with limit.slot(lane, **options):
            pass


class Life:
    """One run of the program: its monotonic clock begins anew, and it ends at any moment."""

    def __init__(self, saved: list[float], arrived: list[float]) -> None:
        self.saved = saved
        self._arrived = arrived
        self._born = now()
        self._tasks: list[asyncio.Task[None]] = []
        self.limit = RateLimit(
            monotonic=lambda: now() - self._born,
            wall=lambda: WALL + now(),
        )
        self.limit.add_use_listener(self._save)
        self.limit.restore(saved)

    def _save(self) -> None:
        self.saved = self.limit.dump()

    def begin(self, lane: Lane, duration: float, share: float) -> None:
        self._tasks.append(asyncio.create_task(self._request(lane, duration, share)))

    async def _request(self, lane: Lane, duration: float, share: float) -> None:
        with suppress(EevionRateLimitError):
            async with self.limit.slot(lane):
                await asyncio.sleep(duration * share)
                self._arrived.append(now())
                await asyncio.sleep(duration * (1 - share))

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


REQUESTS = st.tuples(
    st.floats(min_value=0, max_value=4),
    st.sampled_from(Lane),
    st.floats(min_value=0, max_value=15),
    st.floats(min_value=0, max_value=1),
    st.integers(min_value=1, max_value=40),
)


@settings(max_examples=150, deadline=None)
@given(
    requests=st.lists(REQUESTS, min_size=5, max_size=40),
    restarts=st.sets(st.integers(min_value=0, max_value=40), max_size=4),
)
def test_no_window_ever_holds_more_than_the_limit(requests, restarts):
    async def main() -> None:
        arrived: list[float] = []
        life = Life([], arrived)
        for number, (gap, lane, duration, share, burst) in enumerate(requests):
            await asyncio.sleep(gap)
            if number in restarts:
                await life.end()
                life = Life(life.saved, arrived)
            for _ in range(burst):
                life.begin(lane, duration, share)
        await asyncio.sleep(200)
        await life.end()
        window: deque[float] = deque()
        for moment in sorted(arrived):
            window.append(moment)
            while window[0] <= moment - 60:
                window.popleft()
            assert len(window) <= 60

    run(main())


def test_the_budget_is_used_up_to_the_last_request():
    async def main() -> None:
        limit = limiter()
        await use(limit, Lane.COMMAND, 60)
        assert now() == 0
        assert (limit.used, free_places(limit, Lane.COMMAND)) == (60, 0)
        with pytest.raises(EevionRateLimitError) as refused:
            await use(limit, Lane.COMMAND)
        assert refused.value.retry_after == pytest.approx(60, abs=0.2)
        await use(limit, Lane.COMMAND, max_wait=61)
        assert now() == pytest.approx(60, abs=0.2)
        assert limit.used == 1

    run(main())


@pytest.mark.parametrize(
    ("lane", "places"),
    [
        (Lane.COMMAND, 60),
        (Lane.CONFIRM, 56),
        (Lane.POLL, 48),
        (Lane.START, 48),
        (Lane.BACKGROUND, 36),
    ],
)
def test_each_lane_leaves_the_reserve_of_those_before_it(lane, places):
    async def main() -> None:
        limit = limiter()
        assert free_places(limit, lane) == places
        await use(limit, lane, places)
        assert free_places(limit, lane) == 0
        with pytest.raises(EevionRateLimitError):
            await use(limit, lane, max_wait=1)
        await use(limit, Lane.COMMAND, 60 - places)
        assert now() == 0

    run(main())


def test_a_small_limit_lets_every_lane_through():
    async def main() -> None:
        limit = limiter(limit=2)
        for lane in Lane:
            await use(limit, lane, max_wait=math.inf)

    run(main())


def test_commands_go_before_all_who_wait():
    async def main() -> None:
        limit = limiter()
        await use(limit, Lane.COMMAND, 60)
        order: list[str] = []

        async def one(lane: Lane, name: str) -> None:
            async with limit.slot(lane, max_wait=math.inf):
                order.append(name)
                await asyncio.sleep(50)

        async with asyncio.TaskGroup() as group:
            for lane, name in (
                (Lane.BACKGROUND, "report"),
                (Lane.START, "totals"),
                (Lane.POLL, "poll 1"),
                (Lane.POLL, "poll 2"),
                (Lane.CONFIRM, "confirm"),
                (Lane.COMMAND, "command 1"),
                (Lane.COMMAND, "command 2"),
            ):
                group.create_task(one(lane, name))
        assert order == [
            "command 1",
            "command 2",
            "confirm",
            "poll 1",
            "poll 2",
            "totals",
            "report",
        ]

    run(main())


def test_polls_without_end_never_hold_up_a_command():
    async def main() -> None:
        limit = limiter()

        async def poll() -> None:
            while True:
                async with limit.slot(Lane.BACKGROUND, max_wait=math.inf):
                    await asyncio.sleep(0.5)

        polls = [asyncio.create_task(poll()) for _ in range(30)]
        for _ in range(100):
            await asyncio.sleep(10)
            began = now()
            await use(limit, Lane.COMMAND, 2)
            assert now() == began
        for task in polls:
            task.cancel()
        await asyncio.gather(*polls, return_exceptions=True)

    run(main())


def test_a_wait_that_grows_too_long_ends():
    async def main() -> None:
        limit = limiter()
        async with limit.slot(Lane.COMMAND):
            await use(limit, Lane.COMMAND, 59)
            await asyncio.sleep(35)
            waiting = asyncio.create_task(use(limit, Lane.CONFIRM))
            await asyncio.sleep(1)
            limit.backed_off(40)
            with pytest.raises(EevionRateLimitError) as refused:
                await waiting
            assert now() == 65
            assert refused.value.retry_after == pytest.approx(11)

    run(main())


def test_a_wait_that_would_be_too_long_is_refused_at_once():
    async def main() -> None:
        limit = limiter()
        await use(limit, Lane.COMMAND, 30)
        await asyncio.sleep(40)
        await use(limit, Lane.COMMAND, 30)
        first = [asyncio.create_task(use(limit, Lane.COMMAND)) for _ in range(30)]
        await asyncio.sleep(0)
        with pytest.raises(EevionRateLimitError) as refused:
            await use(limit, Lane.COMMAND)
        assert now() == 40
        assert refused.value.retry_after == pytest.approx(60, abs=0.2)
        await asyncio.gather(*first)

    run(main())


def test_requests_under_way_keep_their_places():
    async def main() -> None:
        limit = limiter(limit=1)
        async with limit.slot(Lane.COMMAND):
            await asyncio.sleep(100)
            assert limit.used == 1
            with pytest.raises(EevionRateLimitError) as refused:
                await use(limit, Lane.COMMAND)
            assert refused.value.retry_after == pytest.approx(60, abs=0.2)
        await asyncio.sleep(59)
        assert limit.used == 1
        await asyncio.sleep(2)
        assert limit.used == 0

    run(main())


def test_a_request_that_stops_waiting_uses_no_place():
    async def main() -> None:
        limit = limiter(limit=1)
        async with limit.slot(Lane.COMMAND):
            tasks = [asyncio.create_task(use(limit, Lane.POLL, max_wait=math.inf)) for _ in "ab"]
            await asyncio.sleep(1)
            tasks[0].cancel()
            await asyncio.sleep(1)
        await tasks[1]
        assert tasks[0].cancelled()
        assert now() == pytest.approx(62, abs=0.2)
        assert limit.used == 1

    run(main())


@pytest.mark.parametrize("is_served_first", [True, False])
def test_a_request_cancelled_as_it_gets_its_place_frees_it(is_served_first):
    async def main() -> None:
        limit = limiter()
        limit.backed_off(5)
        task = asyncio.create_task(use(limit, Lane.COMMAND))
        if is_served_first:
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        loop.call_at(5, task.cancel)
        await asyncio.gather(task, return_exceptions=True)
        assert now() == 5
        assert task.cancelled()
        assert limit.used == 0

    run(main())


def test_a_failed_request_counts_as_well():
    async def main() -> None:
        limit = limiter()
        with pytest.raises(OSError, match="broken"):
            async with limit.slot(Lane.POLL):
                raise OSError("broken")
        assert limit.used == 1

    run(main())


@pytest.mark.parametrize(
    ("lane", "pauses"),
    [(Lane.POLL, [5, 10, 20, 40, 60, 60]), (Lane.COMMAND, [1, 2, 4, 8, 16, 32])],
)
def test_refusals_pause_longer_each_time(lane, pauses):
    """Commands come first also here, and are no flood either."""

    async def main() -> None:
        limit = limiter()
        sent_at = []
        for _ in range(len(pauses) + 1):
            async with limit.slot(lane, max_wait=math.inf):
                sent_at.append(now())
                limit.backed_off()
            assert free_places(limit, lane) == 0
            with pytest.raises(EevionRateLimitError):
                await use(limit, lane, max_wait=0.5)
        gaps = [later - earlier for earlier, later in pairwise(sent_at)]
        assert gaps == pytest.approx(pauses)
        await use(limit, lane, max_wait=math.inf)
        begin = now()
        async with limit.slot(lane):
            limit.backed_off()
        await use(limit, lane, max_wait=math.inf)
        assert now() - begin == pytest.approx(pauses[0]), "a success begins anew"

    run(main())


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        (None, 5),
        (17, 17),
        (0, 1),
        (-3, 5),
        (math.nan, 5),
        (math.inf, 120),
        (86400, 120),
    ],
)
def test_retry_after_is_honored_within_reason(retry_after, pause):
    async def main() -> None:
        limit = limiter()
        limit.backed_off(retry_after)
        assert limit.paused_for == pause
        await use(limit, Lane.POLL, max_wait=math.inf)
        assert now() == pytest.approx(pause)

    run(main())


def test_requests_refused_together_are_one_refusal():
    async def main() -> None:
        limit = limiter()
        await use(limit, Lane.POLL, 30)
        for _ in range(5):
            limit.backed_off()
        limit.backed_off(30)
        limit.backed_off(8)
        assert limit.paused_for == 30
        assert limit.is_contended
        await asyncio.sleep(29)
        await use(limit, Lane.COMMAND, 2)
        assert free_places(limit, Lane.POLL) == 0
        await asyncio.sleep(31)
        assert free_places(limit, Lane.POLL) == 30 - 6 - 2, "not halved five times"

    run(main())


def test_what_was_under_way_at_a_refusal_is_part_of_it():
    """Its own refusal comes when the pause is over already."""

    async def main() -> None:
        limit = limiter()
        await use(limit, Lane.POLL, 30)
        async with limit.slot(Lane.POLL) as first, limit.slot(Lane.POLL) as second:
            limit.backed_off(2, acquired_at=first)
            assert limit.paused_for == 2
            await asyncio.sleep(10)
            limit.backed_off(2, acquired_at=second)
            assert limit.paused_for == 2
        await asyncio.sleep(61)
        assert free_places(limit, Lane.POLL) == 32 - 6
        async with limit.slot(Lane.POLL) as third:
            limit.backed_off(acquired_at=third)
        assert limit.paused_for == 10, "the second refusal and not the third"

    run(main())


@pytest.mark.parametrize("used", [4, 20, 30])
def test_after_refusals_polls_go_on_soon(used):
    """Two answers 429 with `Retry-After: 2`, one after the other."""

    async def main() -> None:
        limit = limiter()
        await use(limit, Lane.POLL, used)
        for _ in range(2):
            async with limit.slot(Lane.POLL) as acquired_at:
                limit.backed_off(2, acquired_at=acquired_at)
            await asyncio.sleep(2)
        refused_at = now()
        await use(limit, Lane.POLL)
        assert now() - refused_at <= 15
        for _ in range(75):
            await asyncio.sleep(4)
            await use(limit, Lane.POLL, max_wait=15)
        assert not limit.is_contended

    run(main())


def test_polls_use_less_than_at_the_refusal_and_recover():
    async def main() -> None:
        limit = limiter()
        assert not limit.is_contended
        await use(limit, Lane.POLL, 25)
        limit.backed_off(1)
        await asyncio.sleep(60.2)
        assert free_places(limit, Lane.POLL) == 25 - 6
        assert free_places(limit, Lane.BACKGROUND) == 36 * 19 // 48
        assert free_places(limit, Lane.COMMAND) == 60
        for seconds in (50, 50, 44):
            await asyncio.sleep(seconds)
            await use(limit, Lane.COMMAND)
            assert limit.is_contended
        await asyncio.sleep(6)
        await use(limit, Lane.COMMAND)
        assert not limit.is_contended

    run(main())


def test_the_more_often_it_is_refused_the_longer_it_leaves_room():
    """Another program that uses forty of sixty requests all day."""

    async def main() -> None:
        limit = limiter()
        others: deque[float] = deque()
        ours: deque[float] = deque()
        refusals: list[float] = []

        def is_accepted() -> bool:
            for places in (others, ours):
                while places and places[0] <= now() - 60:
                    places.popleft()
            return len(others) + len(ours) < 60

        async def other() -> None:
            while True:
                await asyncio.sleep(1.5)
                if is_accepted():
                    others.append(now())

        task = asyncio.create_task(other())
        polls = 0
        while now() < 86_400:
            async with limit.slot(Lane.POLL, max_wait=math.inf) as acquired_at:
                await asyncio.sleep(0.1)
                if is_accepted():
                    ours.append(now())
                    polls += 1
                else:
                    refusals.append(now())
                    limit.backed_off(2, acquired_at=acquired_at)
            await asyncio.sleep(2)
        task.cancel()
        assert len(refusals) < 100
        assert polls > 86_400 / 6, "and no more is left to it than it uses"

    run(main())


def test_after_any_number_of_refusals_room_is_left_for_half_an_hour_at_most():
    async def main() -> None:
        limit = limiter()
        for _ in range(12):
            async with limit.slot(Lane.POLL, max_wait=math.inf):
                limit.backed_off(2)
            await asyncio.sleep(120)
        share = limit._share
        await asyncio.sleep(1800 - 120 - 10)
        await use(limit, Lane.COMMAND)
        assert limit._share == share
        await asyncio.sleep(20)
        await use(limit, Lane.COMMAND)
        assert limit._share > share

    run(main())


def test_where_others_leave_nothing_polls_are_paced():
    async def main() -> None:
        limit = limiter()
        sent = []
        while now() < 600:
            async with limit.slot(Lane.POLL, max_wait=math.inf) as acquired_at:
                sent.append(now())
                limit.backed_off(1, acquired_at=acquired_at)
        assert 35 <= len(sent) <= 66

    run(main())


def test_a_request_sent_before_the_refusal_is_no_success_after_it():
    async def main() -> None:
        limit = limiter()
        await use(limit, Lane.COMMAND, 30)
        async with limit.slot(Lane.COMMAND):
            await asyncio.sleep(1)
            limit.backed_off(1)
            await asyncio.sleep(70)
        assert free_places(limit, Lane.POLL) == 31 - 6 - 1

    run(main())


def test_a_restart_forgets_no_place():
    async def main() -> None:
        limit = limiter()
        await use(limit, Lane.COMMAND, 20)
        await asyncio.sleep(10)
        async with limit.slot(Lane.COMMAND):
            dumped = limit.dump()
        assert len(dumped) == 21
        restored = limiter()
        restored.restore(dumped)
        assert restored.used == 21
        await asyncio.sleep(50.2)
        assert restored.used == 1, "what was under way ended at the restart at the latest"
        await asyncio.sleep(10)
        assert restored.used == 0

    run(main())


def test_a_clock_set_back_makes_nothing_last_longer_than_a_period():
    async def main() -> None:
        limit = limiter()
        limit.restore([WALL + 86400, WALL + 5, WALL - 59, WALL - 61, 0])
        assert limit.used == 3
        await asyncio.sleep(60.2)
        assert limit.used == 0

    run(main())


def test_junk_is_not_restored():
    async def main() -> None:
        limit = limiter()
        limit.restore(["x", None, True, math.nan, math.inf, [], {}])
        assert limit.used == 0
        limit.restore([WALL] * 1000)
        assert limit.used == 60

    run(main())


def test_each_use_calls_the_listeners():
    async def main() -> None:
        dumps: list[list[float]] = []
        limit = limiter()
        limit.add_use_listener(lambda: dumps.append(limit.dump()))
        await use(limit, Lane.POLL, 3)
        assert [len(dump) for dump in dumps] == [1, 2, 3]

    run(main())


async def test_the_clocks_of_the_machine_by_default(freezer):
    limit = RateLimit()
    await use(limit, Lane.POLL)
    freezer.tick(59)
    assert limit.used == len(limit.dump()) == 1
    freezer.tick(2)
    assert limit.used == 0
