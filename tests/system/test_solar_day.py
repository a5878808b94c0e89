"""A measured day with clouds: smart charging beside the published rule of evcc."""

from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from benchmarks.smart_days import DAY_MIN, Day, read_days, read_year
from benchmarks.smart_evcc import LoadPoint, Rate, Site, cheapest, replay_evcc
from benchmarks.smart_goals import Pair, failures, mean, print_table, print_verdict
from benchmarks.smart_home import FIRST_DAY, Home, add_stations
from benchmarks.smart_plant import DEMAND_WH, STEP_S, VOLTS, Battery, Meter, Plant, Tally, total
from benchmarks.smart_year import replay_year
from simulator import Cloud, Settings
from tests.conftest import API_KEY

CSV = Path(__file__).parents[1] / "fixtures" / "solar_2018-10-14.csv"


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), stations=1, sites=1, request_log_size=100_000)


@pytest.fixture
def cloud(settings: Settings, freezer: FrozenDateTimeFactory) -> Cloud:
    freezer.move_to(FIRST_DAY)
    cloud = Cloud(settings)
    add_stations(cloud)
    return cloud


@pytest.fixture
def home(
    hass: HomeAssistant,
    quick: None,
    loaded: MockConfigEntry,
    cloud: Cloud,
    freezer: FrozenDateTimeFactory,
) -> Home:
    return Home(hass, loaded, cloud, freezer)


def flat(watts_m2: float) -> Day:
    return Day("flat", (watts_m2,) * DAY_MIN)


@pytest.mark.timeout(180)  # ten seconds on an idle machine
async def test_a_solar_day(home: Home) -> None:
    plant = Plant(*read_days(CSV))
    # At whatever second of half a minute evcc looks.
    rules = [replay_evcc(plant, phase_s=phase) for phase in range(0, 30, STEP_S)]
    await home.set_up()
    await home.choose("smart")
    ours = await home.replay(plant)

    assert ours.charged_wh > 15_000
    assert list(failures("a day", [Pair("day", DEMAND_WH, ours, rules)])) == []
    for rule in rules:
        assert ours.solar_wh >= rule.solar_wh
        assert ours.imported_wh <= rule.imported_wh
        assert ours.starts <= rule.starts
        assert ours.changes <= rule.changes
    assert ours.requests == ours.changes
    assert ours.fullest_minute <= 2


async def test_a_day_without_sun(home: Home) -> None:
    await home.set_up()
    await home.choose("smart")
    assert await home.replay(Plant(flat(0))) == Tally()


async def test_a_demand_that_is_met(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """One car after the other; each ends with what fits in."""
    monkeypatch.setattr("benchmarks.smart_home.DEMAND_WH", 500)
    await home.set_up(count=2)
    await home.choose("smart")
    tally = await home.replay(Plant(flat(600)), seconds=range(36_000, 43_200, STEP_S))
    assert tally.charged_wh == pytest.approx(1000, abs=40)
    assert tally.imported_wh == pytest.approx(0, abs=40)
    assert tally.starts == 2
    assert tally.fullest_minute <= 2


async def test_a_battery_goes_first(home: Home) -> None:
    await home.set_up(with_battery=True)
    await home.choose("smart")
    tally = await home.replay(Plant(flat(500)), seconds=range(36_000, 37_800, STEP_S))
    assert tally == Tally()


async def test_a_meter_that_dies(home: Home) -> None:
    await home.set_up()
    await home.choose("smart")
    plant, seconds = Plant(flat(600)), range(36_000, 37_200, STEP_S)
    tally = await home.replay(plant, seconds=seconds, dead=range(36_300, 37_200))
    assert tally.starts == 1
    assert 100 < tally.charged_wh < 500


async def test_the_main_breaker(home: Home) -> None:
    """Two cars with all that a load leaves that jumps at random."""
    await home.set_up(count=2, main_limit_a=40)
    await home.choose("fast")
    tally = await home.replay(
        Plant.jumping(1), seconds=range(3600, 5400, STEP_S), main_limit_w=40 * VOLTS
    )
    assert tally.over_limit == 1
    assert tally.changes > 4
    assert tally.charged_wh > 100


def test_figures() -> None:
    """Two steps with 6 A: in the first one the sun gives half of it."""
    plant = Plant(flat(0))
    nets = iter((-720, -2000, 300, 300))
    plant.net_w = lambda _: next(nets)  # type: ignore[method-assign]
    meter = Meter(plant, 1)
    for limit in (6, 6, 0, 6):
        meter.count_step(0, limit * VOLTS, [limit])
    tally = meter.close()
    assert tally.charged_wh == pytest.approx(12)
    assert tally.imported_wh == pytest.approx(2 + 4)
    assert tally.cost == pytest.approx(0.006 * 0.12)
    assert tally.solar_share == pytest.approx(0.5)
    assert (tally.starts, tally.changes) == (2, 3)


def test_a_battery_that_gives() -> None:
    """What the car takes from it is missing in the end, and is no import."""
    meter = Meter(Plant(flat(0)), 1, Battery())
    meter.count_step(0, 3600, [15])
    tally = meter.close()
    assert tally.imported_wh == 0
    assert tally.drained_wh == pytest.approx(10)


def test_days_together() -> None:
    days = [Tally(charged_wh=10, fullest_minute=2, starts=1), Tally(charged_wh=20, starts=2)]
    assert total(days) == Tally(charged_wh=30, fullest_minute=2, starts=3)
    assert mean(days, "starts") == 1.5


def test_the_published_rule() -> None:
    rule, limit = Site(1), 0
    sun = [2400] * 300 + [0] * 400
    limits = []
    for second in range(0, len(sun), STEP_S):
        [limit] = rule.limits(second, limit * 240 - sun[second], [limit])
        limits.append(limit)
    changes = {
        second * STEP_S: now
        for second, (before, now) in enumerate(zip([0, *limits], limits, strict=False))
        if now != before
    }
    assert changes == {60: 6, 90: 10, 300: 6, 480: 0}


def test_load_points_are_looked_at_in_turn() -> None:
    site, limits = Site(2), [8, 8]
    seen = []
    for second in range(0, 90, STEP_S):
        limits = site.limits(second, -240, limits)
        seen.append(tuple(limits))
    assert seen[0] == (9, 8)
    assert seen[3] == (9, 9)
    assert seen[6] == (10, 9)
    assert LoadPoint().limit(0, -240 * 50, 8) == 32


def test_the_published_plan() -> None:
    """The cheapest hours, the latest among equals; the first one starts late."""
    rates = [Rate(hour, hour + 1, price) for hour, price in enumerate((3, 1, 2, 1, 1))]
    plan = cheapest(rates, now=0, target_time=4, seconds=2.5)
    assert [(rate.start, rate.end) for rate in plan] == [(1, 2), (2, 2.5), (3, 4)]
    plan = cheapest(rates, now=0, target_time=5, seconds=2.5)
    assert [(rate.start, rate.end) for rate in plan] == [(1.5, 2), (3, 4), (4, 5)]
    assert cheapest(rates, now=3, target_time=5, seconds=3)[0].start == 3
    assert cheapest(rates, now=3, target_time=5, seconds=0) == []


def test_targets_are_met_at_no_higher_cost() -> None:
    """Dark and bright days, in the cheapest hours of the night."""
    days = [flat(0), flat(100), flat(400), flat(0)]
    ours, evcc = replay_year(days, target_wh=12_000)
    assert ours.missed == 0
    assert ours.charged_wh == pytest.approx(36_000)
    assert ours.cost <= evcc.cost


def test_files(tmp_path: Path) -> None:
    """Comments, gaps, odd values, days in any order of columns."""
    path = tmp_path / "days.csv"
    path.write_text(
        "# a comment\nday, minute, ghi_w_m2\n\n1,10,100\n1,12,300\n1,13,nan\n1,14,-5\n2,0,\n2,1,7\n"
    )
    first, second = read_days(path)
    assert (first.name, second.name) == ("days 1", "days 2")
    assert first.ghi[9:16] == (0, 100, 200, 300, 150, 0, 0)
    assert second.ghi[:3] == (0, 7, 0)
    [plain] = read_days(CSV)
    assert (plain.name, len(plain.ghi), max(plain.ghi) > 500) == (CSV.stem, DAY_MIN, True)
    path.write_text("month,day,hour,ghi_w_m2\n1,1,11,60\n1,1,12,30\n1,2,12,1\n")
    one, two = read_year(path)
    assert one.ghi[659:661] == (0, 60)
    assert one.ghi[719:721] == (60, 30)
    assert max(two.ghi) == 1


def test_goals(capsys: pytest.CaptureFixture[str]) -> None:
    evcc = [Tally(charged_wh=1000, imported_wh=100, starts=2, changes=9)] * 3
    good = Pair("good", 1000, Tally(charged_wh=1000, imported_wh=90, starts=2, changes=8), evcc)
    assert list(failures("t", [good])) == []
    bad = Pair("bad", 1000, Tally(charged_wh=800, imported_wh=0, starts=3, missed=1), evcc)
    missed = list(failures("t", [bad]))
    assert [line.split()[1] for line in missed] == ["solar_wh", "starts", "bad", "1"]
    print_table("t", [good, bad])
    assert not print_verdict(missed)
    assert print_verdict([])
    shown = capsys.readouterr().out
    assert "| all | ours | 1.80 | 95.0% |" in shown
    assert "MISSED t: starts is 3, with evcc 2" in shown
