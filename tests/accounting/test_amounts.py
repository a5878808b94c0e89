"""Sums to the thousandth of a watt-hour and the hundredth of a cent."""

import json

from hypothesis import given, strategies as st
import pytest

from custom_components.eevion.accounting.amounts import UNNAMED, Sums, money_units, wh_units

UNITS = st.integers(0, 10**15)
CURRENCIES = st.sampled_from(["CAD", "USD"])
SUMS = st.builds(Sums, UNITS, st.dictionaries(CURRENCIES, UNITS))
REPORTED = st.builds(Sums, UNITS, st.dictionaries(st.just(UNNAMED), UNITS))
AMOUNTS = st.tuples(UNITS, UNITS, CURRENCIES)


@pytest.mark.parametrize(
    ("wh", "units"), [(0, 0), (1, 1000), (0.001, 1), (0.0004, 0), (9330.5, 9_330_500)]
)
def test_energy(wh: float, units: int) -> None:
    assert wh_units(wh) == units


@pytest.mark.parametrize(
    ("amount", "units"),
    [(0, 0), (0.01, 100), (12.34, 123_400), (0.1 + 0.2, 3000), (19.99, 199_900)],
)
def test_money(amount: float, units: int) -> None:
    assert money_units(amount) == units


@given(st.lists(st.integers(0, 100_000), max_size=50))
def test_cents_add_up(cents: list[int]) -> None:
    """Added as fractions of a dollar they would not."""
    sums = Sums()
    for cent in cents:
        sums.add(0, money_units(cent / 100), "CAD")
    assert sums.totals("CAD").cost == sum(cents) / 100


@given(st.lists(AMOUNTS, max_size=20), st.randoms())
def test_the_order_does_not_matter(amounts: list[tuple[int, int, str]], random) -> None:
    one, other = Sums(), Sums()
    for amount in amounts:
        one.add(*amount)
    random.shuffle(amounts)
    for amount in amounts:
        other.add(*amount)
    assert one == other


@given(SUMS, AMOUNTS)
def test_added_amounts_can_be_subtracted(sums: Sums, amount: tuple[int, int, str]) -> None:
    before = sums.copy()
    sums.add(*amount)
    sums.subtract(*amount)
    assert sums.energy == before.energy
    assert all(sums.cost[currency] == before.cost.get(currency, 0) for currency in sums.cost)


@given(SUMS, AMOUNTS)
def test_no_more_is_subtracted_than_was_added(sums: Sums, amount: tuple[int, int, str]) -> None:
    before = sums.copy()
    sums.subtract(*amount)
    assert 0 <= sums.energy <= before.energy
    assert sums.cost.keys() == before.cost.keys()
    assert all(0 <= sums.cost[currency] <= before.cost[currency] for currency in sums.cost)


@given(SUMS, SUMS)
def test_raising_never_lowers(sums: Sums, other: Sums) -> None:
    before = sums.copy()
    sums.raise_to(other)
    assert sums.energy == max(before.energy, other.energy)
    for currency in ("CAD", "USD"):
        highest = max(before.cost.get(currency, 0), other.cost.get(currency, 0))
        assert sums.cost.get(currency, 0) == highest


@given(REPORTED, SUMS)
def test_the_excess_of_a_report(lifetime: Sums, reported: Sums) -> None:
    excess = lifetime.beyond(reported)
    money = sum(lifetime.cost.values()) - sum(reported.cost.values())
    assert excess.energy == max(0, lifetime.energy - reported.energy)
    assert sum(excess.cost.values()) == max(0, money)


def test_money_without_a_currency_is_added_to_none() -> None:
    sums = Sums()
    sums.add(5, 700, None)
    assert sums == Sums(5)


def test_currencies_are_never_added() -> None:
    sums = Sums()
    sums.add(0, 10_000, "CAD")
    sums.add(0, 20_000, "USD")
    assert sums.totals("CAD").cost == 1
    assert sums.totals("USD").cost == 2
    assert sums.totals(None).cost is None


@pytest.mark.parametrize("before", [{}, {"CAD": 500}])
def test_money_gets_its_currency_once(before: dict[str, int]) -> None:
    sums = Sums(0, {UNNAMED: 300, **before})
    sums.name_currency("CAD")
    assert sums.cost == {"CAD": 300 + before.get("CAD", 0)}
    sums.name_currency("USD")
    assert sums.cost == {"CAD": 300 + before.get("CAD", 0)}


@given(SUMS | REPORTED)
def test_stored(sums: Sums) -> None:
    assert Sums.from_json(json.loads(json.dumps(sums.to_json()))) == sums


def test_what_is_stored_is_a_copy() -> None:
    """It is written by another thread, while the ledger goes on."""
    sums = Sums(5, {"CAD": 6})
    stored = sums.to_json()
    sums.add(1, 1, "CAD")
    assert stored == [5, {"CAD": 6}]


@pytest.mark.parametrize(
    "stored", [None, 5, [], [1], ["a", {}], [None, {}], [1, []], [1, {"CAD": None}], [1, {}, 2]]
)
def test_something_else_is_stored(stored) -> None:
    with pytest.raises((AttributeError, LookupError, TypeError, ValueError)):
        Sums.from_json(stored)
