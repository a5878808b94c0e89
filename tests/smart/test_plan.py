"""Plans: the cheapest slots before a deadline, in time whatever the prices are."""

import math

from hypothesis import given, strategies as st
import pytest

from custom_components.eevion.smart.model import PriceSlot
from custom_components.eevion.smart.plan import make_plan

HOUR = 3600.0
NOW = 1_000_000.0
POWER = 7200.0


def hours(*prices: float) -> list[PriceSlot]:
    return [
        PriceSlot(start=NOW + i * HOUR, end=NOW + (i + 1) * HOUR, price=price)
        for i, price in enumerate(prices)
    ]


def spans(
    *prices: float, hours_left: float, energy_wh: float, is_on: bool = False
) -> list[tuple[float, float]]:
    plan = make_plan(
        hours(*prices),
        now=NOW,
        ready_by=NOW + hours_left * HOUR,
        energy_wh=energy_wh,
        power_w=POWER,
        is_on=is_on,
    )
    return [((s.start - NOW) / HOUR, (s.end - NOW) / HOUR) for s in plan.slots]


def test_the_cheapest_hour() -> None:
    assert spans(0.3, 0.1, 0.3, hours_left=3, energy_wh=POWER * 0.9) == [
        (pytest.approx(2 - 0.9), 2.0)
    ]


def test_slots_that_follow_each_other_are_one() -> None:
    [(start, end)] = spans(0.3, 0.1, 0.1, 0.3, hours_left=4, energy_wh=POWER * 1.9)
    assert (start, end) == (pytest.approx(1.1), 3.0)


def test_the_dearest_slot_is_used_in_part_and_at_its_end() -> None:
    first, second = spans(0.2, 0.9, 0.1, hours_left=3, energy_wh=POWER * 1.5)
    assert first == (pytest.approx(1 - 0.5 - 0.02 - 120 / HOUR), 1.0)
    assert second == (2.0, 3.0)


def test_without_prices_it_starts_as_late_as_is_safe() -> None:
    [(start, end)] = spans(hours_left=8, energy_wh=POWER * 2)
    assert end == 8.0
    assert 5.8 < start < 6.0


def test_a_gap_counts_as_the_mean_of_the_known_prices() -> None:
    prices = [*hours(0.5), PriceSlot(start=NOW + 2 * HOUR, end=NOW + 3 * HOUR, price=0.1)]
    plan = make_plan(prices, now=NOW, ready_by=NOW + 3 * HOUR, energy_wh=POWER * 1.5, power_w=POWER)
    assert [
        (round((s.start - NOW) / HOUR, 2), round((s.end - NOW) / HOUR, 2)) for s in plan.slots
    ] == [
        (1.44, 2.0),
        (2.0, 3.0),
    ]
    assert plan.cost == pytest.approx(POWER * (0.5 * 0.3 + 1 * 0.1) / 1000)


@pytest.mark.parametrize(("price", "cost"), [(0.2, 1.44), (None, None)])
def test_without_a_list_the_present_price_counts(price: float | None, cost: float | None) -> None:
    for hours_left in (0.5, 8):
        plan = make_plan(
            [],
            now=NOW,
            ready_by=NOW + hours_left * HOUR,
            energy_wh=POWER,
            power_w=POWER,
            price=price,
        )
        assert plan.cost == (cost and pytest.approx(cost))


def test_a_list_that_ends_before_the_deadline() -> None:
    """The hours behind it count as the mean: cheaper ones of the list come first, dearer not."""
    cheap, rest = spans(0.1, 0.5, hours_left=8, energy_wh=POWER * 2)
    assert cheap == (0.0, 1.0)
    assert rest == (pytest.approx(8 - 1 - 0.02 - 120 / HOUR), 8.0)


def test_the_cost_is_that_of_the_energy() -> None:
    plan = make_plan(
        hours(0.3, 0.1), now=NOW, ready_by=NOW + 2 * HOUR, energy_wh=3600, power_w=POWER
    )
    assert plan.cost == pytest.approx(0.36)


def test_too_late_starts_at_once() -> None:
    plan = make_plan(
        hours(0.9, 0.1), now=NOW, ready_by=NOW + HOUR, energy_wh=POWER * 2, power_w=POWER
    )
    assert not plan.is_reachable
    assert plan.is_on(NOW)
    assert plan.slots[0].end > NOW + 2 * HOUR


def test_over_is_too_late() -> None:
    plan = make_plan([], now=NOW, ready_by=NOW - HOUR, energy_wh=1000, power_w=POWER)
    assert plan.is_on(NOW)
    assert plan.cost is None


@pytest.mark.parametrize(("energy_wh", "power_w"), [(0, POWER), (1000, 0), (-5, POWER)])
def test_nothing_to_plan(energy_wh: float, power_w: float) -> None:
    plan = make_plan(hours(0.1), now=NOW, ready_by=NOW + HOUR, energy_wh=energy_wh, power_w=power_w)
    assert plan.starts_at is None
    assert plan.cost is None


def test_what_goes_on_is_not_interrupted_for_the_same_price() -> None:
    assert spans(0.1, 0.1, hours_left=2, energy_wh=POWER * 0.5)[0][0] > 1
    assert spans(0.1, 0.1, hours_left=2, energy_wh=POWER * 0.5, is_on=True)[0][0] == 0


PRICES = st.lists(
    st.tuples(st.floats(-5 * HOUR, 40 * HOUR), st.floats(0, 6 * HOUR), st.floats(-1, 3, width=32)),
    max_size=30,
)


@given(
    prices=PRICES,
    hours_left=st.floats(-5, 48),
    energy_wh=st.floats(1, 100_000),
    power_w=st.floats(1000, 22_000),
    is_on=st.booleans(),
)
def test_any_prices(
    prices: list[tuple[float, float, float]],
    hours_left: float,
    energy_wh: float,
    power_w: float,
    is_on: bool,
) -> None:
    """Gaps, overlaps, other days: a plan holds the energy, in time wherever that is possible."""
    slots = [
        PriceSlot(start=NOW + start, end=NOW + start + length, price=price)
        for start, length, price in prices
    ]
    ready_by = NOW + hours_left * HOUR
    plan = make_plan(
        slots, now=NOW, ready_by=ready_by, energy_wh=energy_wh, power_w=power_w, is_on=is_on
    )
    held_wh = sum(s.end - s.start for s in plan.slots) / HOUR * power_w
    assert held_wh >= energy_wh - 1e-3
    assert all(a.end <= b.start for a, b in zip(plan.slots, plan.slots[1:], strict=False))
    assert all(s.start >= NOW and s.start < s.end for s in plan.slots)
    assert plan.is_reachable == (NOW + energy_wh / power_w * HOUR <= ready_by)
    if plan.is_reachable:
        assert plan.slots[-1].end <= ready_by + 1e-3
    assert plan.cost is None or math.isfinite(plan.cost)


def test_only_slots_up_to_the_deadline_begin_early() -> None:
    """Before other slots, there is time to make good; the margin costs as little as can be."""
    [(start, end)] = spans(0.3, 0.1, 0.3, hours_left=3, energy_wh=POWER * 0.5)
    assert (start, end) == (pytest.approx(1.5), 2.0)
    [(start, end)] = spans(0.3, 0.3, 0.1, hours_left=3, energy_wh=POWER * 0.5)
    assert (start, end) == (pytest.approx(2.5 - 0.01 - 120 / HOUR), 3.0)
    dear, cheap = spans(0.2, 0.9, 0.1, hours_left=3, energy_wh=POWER)
    assert dear == (pytest.approx(1 - 0.02 - 120 / HOUR), 1.0)
    assert cheap == (2.0, 3.0)


def test_a_charge_is_not_interrupted_for_minutes() -> None:
    prices = [0.3, 0.1, 0.1]
    soon = {"now": NOW + HOUR - 300, "ready_by": NOW + 4 * HOUR, "energy_wh": 1.9 * POWER}
    plan = make_plan(hours(*prices), power_w=POWER, is_on=False, **soon)
    assert not plan.is_on(NOW + HOUR - 300)
    soon["energy_wh"] = 2 * POWER
    assert make_plan(hours(*prices), power_w=POWER, is_on=True, **soon).is_on(NOW + HOUR - 300)
    soon["now"] = NOW + HOUR - 700
    assert not make_plan(hours(*prices), power_w=POWER, is_on=True, **soon).is_on(NOW + HOUR - 700)
