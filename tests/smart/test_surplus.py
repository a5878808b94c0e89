"""How many stations the sun carries: a passing cloud costs no start."""

from itertools import pairwise
import math

from hypothesis import given, strategies as st
import pytest

from custom_components.eevion.smart.surplus import SurplusState, carries, follow

NEED = 1440.0
NOW = 5000.0


def run(powers: list[float], state: SurplusState | None = None, needs: int = 1) -> list[int]:
    """Return how many stations are carried after each of the looks, ten seconds apart."""
    state = state or SurplusState()
    counts = []
    for index, power in enumerate(powers):
        state = follow(
            state,
            available_w=power,
            needs_w=[NEED] * needs,
            most_w=[2 * NEED] * needs,
            now=1000.0 + 10 * index,
            start_delay_s=60,
            pause_delay_s=180,
        )
        counts.append(state.count)
    return counts


def test_a_start_waits() -> None:
    assert run([NEED] * 8) == [0] * 6 + [1] * 2


def test_a_break_starts_the_delay_anew() -> None:
    assert run([NEED] * 5 + [0] + [NEED] * 7) == [0] * 12 + [1]


def test_a_passing_cloud_costs_no_start() -> None:
    assert run([0] * 17 + [NEED] + [0] * 17, SurplusState(count=1)) == [1] * 35


def test_a_lasting_cloud_pauses() -> None:
    assert run([0] * 20, SurplusState(count=1)) == [1] * 18 + [0] * 2


def test_a_little_less_is_enough_to_go_on() -> None:
    assert run([NEED - 40] * 30, SurplusState(count=1)) == [1] * 30
    assert run([NEED - 40] * 30) == [0] * 30


def test_one_station_after_the_other() -> None:
    """The next one starts when there is more than the others can use."""
    assert run([5 * NEED] * 21, needs=3) == [0] * 6 + [1] * 7 + [2] * 7 + [3]
    assert run([2.9 * NEED] * 20, needs=3) == [0] * 6 + [1] * 14
    assert run([0] * 20, SurplusState(count=3), needs=3)[-1] == 0


def test_a_clock_that_is_set_back_does_not_wait_for_ever() -> None:
    state = SurplusState(count=0, changing_since=9e9, is_rising=True)
    assert run([NEED] * 8, state)[-1] == 1


def test_stations_that_leave() -> None:
    assert run([9 * NEED], SurplusState(count=3), needs=1) == [1]


def test_carries() -> None:
    assert carries(3000, [1440, 4320, 1440]) == 1
    assert carries(1439, [1440]) == 0
    assert carries(1e9, []) == 0


@given(st.lists(st.floats(-5000, 20_000), min_size=1, max_size=60), st.integers(0, 4))
def test_changes_are_as_far_apart_as_the_delays(powers: list[float], needs: int) -> None:
    counts = run(powers, needs=needs)
    assert all(0 <= count <= needs for count in counts)
    changes = [
        (index, after - before)
        for index, (before, after) in enumerate(zip([0, *counts], counts, strict=False))
        if after != before
    ]
    for (first, _), (second, delta) in pairwise(changes):
        assert second - first >= (7 if delta > 0 else 18)


@pytest.mark.parametrize(
    ("history", "falling_w"),
    [
        ([], 0),
        ([(NOW - 10, 3000.0)], 1000),
        ([(NOW - 30, 9000.0), (NOW - 10, 3000.0), (NOW - 1, 2100.0)], 1000),
        ([(NOW - 40, 6000.0)], 1000),
        ([(NOW - 10, 1500.0)], 0),
        ([(NOW - 2, 9000.0)], 0),
        ([(NOW - 10, -math.inf)], 0),
    ],
)
def test_what_falls_goes_on_to_fall(history: list[tuple[float, float]], falling_w: float) -> None:
    state = SurplusState(history=(*history, (NOW, 2000.0)))
    assert state.falling(2000, now=NOW) == falling_w


def test_nothing_falls_while_nothing_is_known() -> None:
    state = SurplusState(history=((NOW - 10, -math.inf), (NOW, -math.inf)))
    assert state.falling(-math.inf, now=NOW) == 0


def test_the_lowest_of_late() -> None:
    state = SurplusState(history=((980.0, 400.0), (990.0, 500.0)))
    assert state.lowest(700, since=980) == 500
    assert state.lowest(700, since=970) == 400
    assert state.lowest(300, since=970) == 300
