"""What sensors read, whatever they report: units, words, silence, prices and cheap times."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from custom_components.eevion.smart.inputs import Inputs, Sensors
from custom_components.eevion.smart.model import Readings
from tests.smart.home import BATTERY, CHEAP, GRID, LEVEL, PRICE

type Report = Callable[..., None]


@pytest.fixture
def report(hass: HomeAssistant) -> Report:
    def set_state(entity_id: str, value: object, unit: str | None = "W", **more: object) -> None:
        attributes = more | ({"unit_of_measurement": unit} if unit else {})
        hass.states.async_set(entity_id, str(value), attributes)

    return set_state


def inputs(hass: HomeAssistant, **chosen: object) -> Inputs:
    return Inputs(hass, Sensors.from_config({"grid_power": GRID} | chosen))


@pytest.mark.parametrize(
    ("value", "unit", "watts"),
    [
        (-3000, "W", -3000),
        (-4.2, "kW", -4200),
        (-0.0042, "MW", -4200),
        (-4_200_000, "mW", -4200),
        (1e-6, "GW", 1000),
        (0, "W", 0),
        ("1e3", "W", 1000),
        (" 250 ", "W", 250),
    ],
)
async def test_units_of_power(
    hass: HomeAssistant, report: Report, value: object, unit: str, watts: float
) -> None:
    report(GRID, value, unit)
    assert inputs(hass).read().grid_w == pytest.approx(watts)


@pytest.mark.parametrize(
    "unit", [None, "A", "mA", "Wh", "kWh", "%", "VA", "watts", "", ["W"], {"W": "kW"}]
)
async def test_a_unit_that_is_none_of_power(hass: HomeAssistant, report: Report, unit: Any) -> None:
    report(GRID, 5, unit)
    assert inputs(hass).read().grid_w is None


@pytest.mark.parametrize(("value", "unit"), [(1e308, "W"), (-1e308, "GW"), (2, "TW")])
async def test_a_power_that_no_house_has(
    hass: HomeAssistant, report: Report, value: float, unit: str
) -> None:
    report(GRID, value, unit)
    assert inputs(hass).read().grid_w is None


@pytest.mark.parametrize(
    "word", ["unavailable", "unknown", "2,4", "nan", "inf", "-inf", "", "none", "1 kW", "0x10"]
)
async def test_a_word_that_is_no_number(
    hass: HomeAssistant, report: Report, freezer: FrozenDateTimeFactory, word: str
) -> None:
    """The last value counts for as long as a frozen sensor's does, then none."""
    reader = inputs(hass)
    report(GRID, 700)
    assert reader.read().grid_w == 700
    report(GRID, word)
    freezer.tick(timedelta(seconds=59))
    assert reader.read().grid_w == 700
    freezer.tick(timedelta(seconds=2))
    assert reader.read().grid_w is None
    report(GRID, 800)
    assert reader.read().grid_w == 800


async def test_a_sensor_that_is_frozen(
    hass: HomeAssistant, report: Report, freezer: FrozenDateTimeFactory
) -> None:
    """A sensor that reports the same again is heard; one that says nothing is not."""
    reader = inputs(hass, fallback_delay=30)
    for _ in range(10):
        report(GRID, 700)
        freezer.tick(timedelta(seconds=20))
        assert reader.read().grid_w == 700
    freezer.tick(timedelta(seconds=20))
    assert reader.read().grid_w is None


@pytest.mark.parametrize("hours", [-30, 30])
async def test_a_clock_that_jumps_makes_no_value_young(
    hass: HomeAssistant, report: Report, freezer: FrozenDateTimeFactory, hours: int
) -> None:
    reader = inputs(hass)
    report(GRID, 700)
    assert reader.read().grid_w == 700
    hass.states.async_set(GRID, "unavailable")
    freezer.tick(timedelta(hours=hours))
    assert reader.read().grid_w is None


async def test_a_sensor_that_is_gone(hass: HomeAssistant) -> None:
    assert inputs(hass).read().grid_w is None


@pytest.mark.parametrize(
    ("chosen", "grid_w", "battery_w"),
    [
        ({}, 500, 2000),
        ({"grid_power_sign": "import", "battery_power_sign": "charge"}, 500, 2000),
        ({"grid_power_sign": "export", "battery_power_sign": "discharge"}, -500, -2000),
    ],
)
async def test_signs(
    hass: HomeAssistant,
    report: Report,
    chosen: dict[str, object],
    grid_w: float,
    battery_w: float,
) -> None:
    report(GRID, 500)
    report(BATTERY, 2, "kW")
    readings = inputs(hass, battery_power=BATTERY, **chosen).read()
    assert (readings.grid_w, readings.battery_w) == (grid_w, battery_w)


@pytest.mark.parametrize(
    ("battery", "level", "expected"),
    [
        ("1000", "50", (1000, 50)),
        ("unavailable", "50", (None, 50)),
        ("1000", "unavailable", (None, None)),
        ("1000", "half", (None, None)),
    ],
)
async def test_a_battery(
    hass: HomeAssistant,
    report: Report,
    battery: str,
    level: str,
    expected: tuple[float | None, float | None],
) -> None:
    """Without its state of charge, nobody knows whether the battery goes first."""
    report(GRID, 0)
    report(BATTERY, battery)
    report(LEVEL, level, "%")
    readings = inputs(hass, battery_power=BATTERY, battery_level=LEVEL).read()
    assert (readings.battery_w, readings.battery_level) == expected


async def test_a_level_that_is_seldom_reported_is_not_frozen(
    hass: HomeAssistant, report: Report, freezer: FrozenDateTimeFactory
) -> None:
    report(BATTERY, 1000)
    report(LEVEL, 50, "%")
    reader = inputs(hass, battery_power=BATTERY, battery_level=LEVEL)
    freezer.tick(timedelta(hours=5))
    assert reader.read().battery_level == 50


@pytest.mark.parametrize(
    ("value", "unit", "price"),
    [(0.3, "EUR/kWh", 0.3), (300, "EUR/MWh", 0.3), (-12, "c/kWh", -12), ("off", "EUR/kWh", None)],
)
async def test_prices(
    hass: HomeAssistant, report: Report, value: object, unit: str, price: float | None
) -> None:
    report(PRICE, value, unit)
    readings = inputs(hass, price=PRICE).read()
    assert readings.price == pytest.approx(price)
    assert readings.is_price_missing is (price is None)


async def test_a_list_gives_the_present_price_where_the_state_does_not(
    hass: HomeAssistant, report: Report, freezer: FrozenDateTimeFactory
) -> None:
    freezer.move_to("2026-11-02T10:20:00+00:00")
    rows = [{"start": "2026-11-02T05:00:00-05:00", "price": 250}]
    report(PRICE, "unknown", "EUR/MWh", prices=rows)
    reader = inputs(hass, price=PRICE)
    assert reader.read().price == 0.25
    freezer.tick(timedelta(hours=1))
    assert reader.read().price is None
    assert reader.read().is_price_missing


@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_price_and_its_list_outlive_a_short_absence(
    hass: HomeAssistant, report: Report, freezer: FrozenDateTimeFactory, *, is_gone: bool
) -> None:
    """A sensor that is set up anew has neither its unit nor its list for a while."""
    freezer.move_to("2026-11-02T10:20:00+00:00")
    rows = [{"start": f"2026-11-02T{hour}:00:00+00:00", "price": 10 * hour} for hour in (10, 11)]
    report(PRICE, 100, "EUR/MWh", prices=rows)
    reader = inputs(hass, price=PRICE)
    before = reader.read()
    assert [slot.price for slot in before.prices] == [0.1, 0.11]
    if is_gone:
        hass.states.async_remove(PRICE)
    else:
        report(PRICE, "unavailable", None)
    freezer.tick(timedelta(seconds=59))
    assert reader.read() == before
    freezer.tick(timedelta(seconds=2))
    assert reader.read().prices == ()
    assert reader.read().is_price_missing
    report(PRICE, 120, "EUR/MWh")
    assert (reader.read().price, reader.read().prices) == (0.12, ())


@pytest.mark.parametrize(
    ("state", "is_cheap"), [("on", True), ("off", False), ("unknown", None), ("12", None)]
)
async def test_cheap_times(hass: HomeAssistant, state: str, *, is_cheap: bool | None) -> None:
    hass.states.async_set(CHEAP, state)
    readings = inputs(hass, cheap_times=CHEAP).read()
    assert readings.is_cheap is is_cheap
    assert readings.is_price_missing is (is_cheap is None)


async def test_nothing_is_chosen(hass: HomeAssistant) -> None:
    assert Inputs(hass, Sensors.from_config({})).read() == Readings()
