"""Prices: their lists, their units, plans and what entities show of them."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.eevion.smart.controller import _ready_by
from custom_components.eevion.smart.inputs import PriceUnit, price_unit
from custom_components.eevion.smart.memory import SmartStationMemory
from custom_components.eevion.smart.price_list import price_slots
from tests.smart.home import CHEAP, PRICE, Home

A = "2133"
T = datetime(2026, 11, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATEST = datetime.max  # noqa: DTZ901 -- beyond what a zone can be applied to


def row(start: datetime, hours: float, **values: object) -> dict[str, object]:
    return {"start": start, "end": start + hours * HOUR, **values}


@pytest.mark.parametrize(
    "attributes",
    [
        {"raw_today": [row(T, 1, value=0.1)], "raw_tomorrow": [row(T + HOUR, 1, value=0.2)]},
        {
            "today": [
                {"startsAt": T.isoformat(), "total": 0.1},
                {"startsAt": (T + HOUR).isoformat(), "total": 0.2},
            ]
        },
        {"prices": [{"time": T, "price": "0.1"}, {"time": T + HOUR, "price": "0.2"}]},
        {"rates": [row(T, 1, value_inc_vat=0.1), row(T + HOUR, 1, value_inc_vat=0.2)]},
        {
            "forecasts": [
                {"start_time": T.isoformat(), "end_time": (T + HOUR).isoformat(), "per_kwh": 0.1},
                {
                    "start_time": (T + HOUR).isoformat(),
                    "end_time": (T + 2 * HOUR).isoformat(),
                    "per_kwh": 0.2,
                },
            ]
        },
        {
            "data": [
                {
                    "start_time": start.isoformat(),
                    "end_time": (start + HOUR).isoformat(),
                    "price_per_kwh": price,
                }
                for start, price in ((T, 0.1), (T + HOUR, 0.2))
            ]
        },
        {"prices": {T.isoformat(): 0.1, (T + HOUR).isoformat(): 0.2}},
        {"prices": [row(T + HOUR, 1, value=0.2), {"start": "?"}, None, 7, row(T, 1, value=0.1)]},
        {
            "zone": [
                {"time": "2026-11-02T05:00:00-05:00", "price": 0.1},
                row(T + HOUR, 1, price=0.2),
            ]
        },
    ],
)
def test_lists_of_prices(attributes: dict[str, Any]) -> None:
    found = [(slot.start, slot.end, slot.price) for slot in price_slots(attributes)]
    start = T.timestamp()
    assert found == [(start, start + 3600, 0.1), (start + 3600, start + 7200, 0.2)]


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"prices": "0.1"},
        {"prices": [0.1, 0.2]},
        {"prices": [{"start": T, "price": True}, {"start": T, "price": "nan"}]},
        {"prices": [{"start": T, "price": None}, {"start": 5, "price": 0.1}]},
        {"prices": [row(T, -1, price=0.1)]},
        {"prices": [{"start": LATEST, "price": 0.1, "end": LATEST}]},
        {"prices": [{"start": T, "price": 0.1}] * 2001},
        {"attribution": {"a": 1}},
        {"prices": [{"start": "2026-02-30T10:00:00", "price": 0.1}]},
        {"prices": [{"start": "2026-11-02T25:00:00+00:00", "price": 0.1}]},
        {"prices": {"2026-11-02T10:00:00+99:00": 0.1}},
    ],
)
def test_what_is_no_list(attributes: dict[str, Any]) -> None:
    assert price_slots(attributes) == ()


def test_times_without_a_zone_are_local() -> None:
    dt_util.set_default_time_zone(dt_util.get_time_zone("America/Toronto"))  # type: ignore[arg-type]
    try:
        (slot,) = price_slots({"prices": [{"time": "2026-11-02T05:00:00", "price": 1}]})
    finally:
        dt_util.set_default_time_zone(UTC)
    assert slot.start == T.timestamp()


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-11-02", 24)]
)
def test_a_day_on_which_clocks_change(day: str, hours: int) -> None:
    """Each hour of the list has its price, also the one that comes twice."""
    zone = ZoneInfo("America/Toronto")
    begin = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=zone).astimezone(UTC)
    starts = [(begin + i * HOUR).astimezone(zone) for i in range(hours)]
    rows = [{"start": start.isoformat(), "price": i} for i, start in enumerate(starts)]
    slots = price_slots({"prices": rows})
    assert [slot.price for slot in slots] == list(range(hours))
    assert all(one.end == two.start for one, two in pairwise(slots))
    assert starts[-1].date().isoformat() == day
    assert slots[-1].end - slots[0].start == hours * 3600
    moments = [{"start": start, "price": i} for i, start in enumerate(starts)]
    assert slots == price_slots({"prices": moments})


def test_a_list_in_another_time_zone_is_the_same_list() -> None:
    zones = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns")
    hours = [T + i * HOUR for i in range(4)]
    lists = [
        price_slots({"prices": [row(at.astimezone(ZoneInfo(zone)), 1, price=1) for at in hours]})
        for zone in zones
    ]
    assert all(found == lists[0] for found in lists)
    assert lists[0][0].start == T.timestamp()


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("EUR/kWh", PriceUnit("EUR", 1)),
        ("EUR/MWh", PriceUnit("EUR", 0.001)),
        ("¢/Wh", PriceUnit("¢", 1000)),
        ("CAD", PriceUnit("CAD", 1)),
        (None, PriceUnit(None, 1)),
        (5, PriceUnit("5", 1)),
    ],
)
def test_units_of_prices(unit: object, expected: PriceUnit) -> None:
    assert price_unit(unit) == expected


@pytest.fixture
async def priced(home: Home) -> Home:
    """A station with a price sensor, a vehicle and the mode `smart`."""
    home.price(0.3)
    await home.add(A, price={"price": PRICE})
    home.world.plug_in(A, card=True)
    await home.run(40)
    await home.choose(A, "smart")
    return home


async def test_a_price_limit(priced: Home) -> None:
    await priced.run(240)
    assert priced.reason(A) == "waiting_for_price"
    assert priced.limits(A)[-1] == 0
    await priced.call("number", "set_value", A, "price_limit", value=0.25)
    priced.price(0.24)
    await priced.run(40)
    assert priced.reason(A) == "price"
    assert priced.limits(A)[-1] == priced.world.station(A).model.amps
    priced.price(260, "CAD/MWh")
    await priced.run(40)
    assert priced.limits(A)[-1] < priced.world.station(A).model.amps
    state = priced.station(A).state("number", "price_limit")
    assert state.attributes["unit_of_measurement"] == "CAD/kWh"


async def test_a_list_with_a_day_that_does_not_exist(priced: Home) -> None:
    """One row that cannot be read stops neither the price nor the control of the stations."""
    rows = [{"start": "2026-02-30T10:00:00", "end": "2026-02-30T11:00:00", "value": 0.1}]
    priced.price(0.05, raw_today=rows)
    await priced.call("number", "set_value", A, "price_limit", value=0.1)
    await priced.run(30)
    assert priced.reason(A) == "price"
    assert priced.limits(A)[-1] == priced.world.station(A).model.amps


async def test_a_price_that_is_missing(priced: Home) -> None:
    priced.price("unavailable")
    await priced.run(120)
    assert priced.reason(A) == "sensor_missing"


async def test_a_plan(priced: Home, hass: HomeAssistant) -> None:
    """The cheap hour before the deadline; the entities show when and for how much."""
    now = dt_util.utcnow().replace(minute=0, second=0, microsecond=0)
    prices = [
        row(now + i * HOUR, 1, value=value) for i, value in enumerate((0.4, 0.4, 0.1, 0.4, 0.4))
    ]
    priced.price(0.4, raw_today=prices)
    deadline = dt_util.as_local(now + 5 * HOUR).time()
    await priced.call("time", "set_value", A, "ready_by", time=deadline.isoformat())
    await priced.call("number", "set_value", A, "target_energy", value=5)
    station = priced.station(A)
    state = station.state("sensor", "planned_start")
    start = dt_util.parse_datetime(state.state)
    assert start
    assert now + 2 * HOUR <= start < now + 3 * HOUR
    (slot,) = state.attributes["slots"]
    assert slot["start"] == start
    assert slot["end"] == now + 3 * HOUR
    assert slot["price"] == 0.1
    cost = station.state("sensor", "planned_cost")
    assert float(cost.state) == pytest.approx(0.5, abs=0.05)
    assert cost.attributes["unit_of_measurement"] == "CAD"
    while dt_util.utcnow() < start + timedelta(minutes=2):
        await priced.run(60, step_s=60)
    assert priced.reason(A) == "plan"
    assert station["sensor.planned_start"] == state.state, "it stands while the plan goes on"
    while dt_util.utcnow() < now + 3.2 * HOUR:
        await priced.run(60, step_s=60)
    assert priced.reason(A) == "target_reached"
    assert priced.limits(A)[-1] == 0
    assert station["sensor.planned_start"] == "unavailable"
    assert station["sensor.planned_cost"] == "unavailable"


async def test_cheap_times(home: Home, hass: HomeAssistant) -> None:
    hass.states.async_set(CHEAP, "off")
    await home.add(A, price={"cheap_times": CHEAP})
    home.world.plug_in(A, card=True)
    await home.run(40)
    await home.choose(A, "smart")
    await home.run(240)
    assert home.reason(A) == "waiting_for_price"
    hass.states.async_set(CHEAP, "on")
    await home.run(40)
    assert home.reason(A) == "price"
    hass.states.async_set(CHEAP, "unavailable")
    await home.run(40)
    assert home.reason(A) == "sensor_missing"


@pytest.mark.parametrize(
    ("zone", "now", "ready_by", "expected"),
    [
        ("America/Toronto", "2026-03-08T05:00:00+00:00", "02:30", "2026-03-08T07:30:00+00:00"),
        ("America/Toronto", "2026-11-01T04:00:00+00:00", "01:30", "2026-11-01T05:30:00+00:00"),
        ("America/Toronto", "2026-11-02T12:00:00+00:00", "07:00", "2026-11-03T12:00:00+00:00"),
    ],
)
async def test_ready_by_where_clocks_change(
    hass: HomeAssistant, zone: str, now: str, ready_by: str, expected: str
) -> None:
    await hass.config.async_set_time_zone(zone)
    memory = SmartStationMemory(ready_by=time.fromisoformat(ready_by))
    moment = datetime.fromisoformat(now).timestamp()
    assert _ready_by(memory, moment) == datetime.fromisoformat(expected).timestamp()


@pytest.mark.usefixtures("no_errors_logged")
@pytest.mark.parametrize("unit", ["CAD/kWh", "CAD/Wh"])
@pytest.mark.parametrize("price", [1e308, -1e308])
async def test_prices_that_are_none(home: Home, price: float, unit: str) -> None:
    """Their sum would be no number that a sensor can show."""
    hours = [{"start": (T + i * HOUR).isoformat(), "price": price} for i in range(-3, 30)]
    home.price(price, unit, prices=hours)
    await home.add(A, price={"price": PRICE})
    home.world.plug_in(A, card=True)
    await home.call("number", "set_value", A, "target_energy", value=8)
    await home.choose(A, "smart")
    await home.run(70)
    assert home.reason(A) == "sensor_missing"
    assert home.station(A)["sensor.planned_cost"] == "unavailable"
    home.price(0.2)
    await home.run(10)
    assert float(home.station(A)["sensor.planned_cost"]) == pytest.approx(8 * 0.2, abs=0.3)
