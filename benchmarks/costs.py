"""CPU time, the longest stall of the loop, and memory."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import gc
import time
import tracemalloc

type Work = Callable[[], Coroutine[None, None, None]]


@contextmanager
def old_frozen() -> Iterator[None]:
    """Let the garbage collector pass over what is there: it is no part of what comes."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass(frozen=True, kw_only=True)
class Cost:
    """In seconds of CPU time."""

    cpu: float
    stall: float
    """The longest turn of the event loop, without the collector of garbage."""


@contextmanager
def _collections_timed() -> Iterator[Callable[[], float]]:
    """Yield what returns the seconds that the collector of garbage took so far."""
    begin = total = 0.0

    def note(phase: str, _: object) -> None:
        nonlocal begin, total
        if phase == "start":
            begin = time.thread_time()
        else:
            total += time.thread_time() - begin

    gc.callbacks.append(note)
    try:
        yield lambda: total
    finally:
        gc.callbacks.remove(note)


async def cost(work: Work) -> Cost:
    """Return the cost of something."""
    with _collections_timed() as collected:
        return await _cost(work, collected)


async def _cost(work: Work, collected: Callable[[], float]) -> Cost:
    loop = asyncio.get_running_loop()
    turn: Callable[[], None] = loop._run_once  # type: ignore[attr-defined]  # noqa: SLF001
    longest = 0.0

    def timed_turn() -> None:
        nonlocal longest
        begin, collected_before = time.thread_time(), collected()
        turn()
        # A whole collection goes through all of Home Assistant, whoever made the garbage.
        longest = max(longest, time.thread_time() - begin - (collected() - collected_before))

    loop._run_once = timed_turn  # type: ignore[attr-defined]  # noqa: SLF001
    try:
        await asyncio.sleep(0)  # begin with a turn
        begin = time.process_time()
        await work()
        end = time.process_time()
        await asyncio.sleep(0)  # let the last turn end
    finally:
        del loop._run_once  # type: ignore[attr-defined]  # noqa: SLF001
    return Cost(cpu=end - begin, stall=longest)


async def memory(work: Work) -> int:
    """Return the bytes that something leaves behind."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    await work()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return after - before
