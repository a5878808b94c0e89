"""One step of the rule: who charges, with how much, and why."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.eevion.smart.model import (
    Connection,
    Decision,
    Mode,
    Outcome,
    PriceSlot,
    Readings,
    Reason,
    StationInput,
)
from custom_components.eevion.smart.rule import State, step

V = 240.0
HOUR = 3600.0
NOW = 1_000_000.0
GRID = Connection(has_grid=True)
BREAKER = Connection(has_grid=True, main_limit_w=40 * V)


def station(**changes: object) -> StationInput:
    """A station in `smart` with a vehicle that draws what it is permitted."""
    values = {
        "port_id": "a",
        "mode": Mode.SMART,
        "is_active": True,
        "limit_a": 0,
        "is_charging": bool(changes.get("limit_a")),
    } | changes
    return StationInput(**values)  # type: ignore[arg-type]


def decide(
    *stations: StationInput,
    connection: Connection = GRID,
    state: State | None = None,
    now: float = NOW,
    **readings: object,
) -> tuple[State, Outcome]:
    return step(state or State(), connection, Readings(**readings), stations, now=now)  # type: ignore[arg-type]


def only(outcome: Outcome) -> Decision:
    [decision] = outcome.decisions.values()
    return decision


def result(*stations: StationInput, **values: object) -> tuple[int | None, Reason]:
    decision = only(decide(*stations, **values)[1])  # type: ignore[arg-type]
    return decision.limit_a, decision.reason


class House:
    """A house whose meter sees what the vehicles draw; a step is ten seconds."""

    def __init__(self, *stations: StationInput, connection: Connection = GRID) -> None:
        self.stations = list(stations)
        self.connection = connection
        self.state = State()
        self.now = NOW
        self.reasons: dict[str, Reason] = {}

    def run(self, seconds: float, *, base_w: float, **readings: object) -> list[float]:
        """Return the meter's reading after each step."""
        grid = []
        for _ in range(int(seconds / 10)):
            drawn = sum(s.drawn_w for s in self.stations)
            self.state, outcome = step(
                self.state,
                self.connection,
                Readings(grid_w=base_w + drawn, **readings),  # type: ignore[arg-type]
                self.stations,
                now=self.now,
            )
            for index, s in enumerate(self.stations):
                decision = outcome.decisions[s.port_id]
                self.reasons[s.port_id] = decision.reason
                if decision.limit_a is not None:
                    self.stations[index] = replace(
                        s, limit_a=decision.limit_a, is_charging=decision.limit_a > 0
                    )
            grid.append(base_w + sum(s.drawn_w for s in self.stations))
            self.now += 10
        return grid

    @property
    def limits(self) -> list[float]:
        return [s.limit_a for s in self.stations]


@pytest.mark.parametrize(
    ("changes", "readings", "expected"),
    [
        ({"mode": Mode.MANUAL, "limit_a": 20}, {"grid_w": 0}, (None, Reason.MANUAL)),
        ({"mode": Mode.OFF, "limit_a": 20}, {"grid_w": 0}, (0, Reason.OFF)),
        ({"mode": Mode.FAST}, {"grid_w": 0}, (32, Reason.FAST)),
        ({"is_overridden": True, "limit_a": 20}, {"grid_w": 0}, (None, Reason.OVERRIDDEN)),
        ({"mode": Mode.OFF, "is_overridden": True}, {"grid_w": 0}, (None, Reason.OVERRIDDEN)),
        ({}, {"grid_w": 0}, (0, Reason.WAITING_FOR_SUN)),
        ({"is_always_on": True}, {"grid_w": 0}, (6, Reason.ALWAYS)),
        ({"target_wh": 5000, "charged_wh": 5000}, {"grid_w": -9000}, (0, Reason.TARGET_REACHED)),
        (
            {"price_limit": 0.1},
            {"grid_w": 0, "price": 0.1},
            (32, Reason.PRICE),
        ),
        ({"price_limit": 0.1}, {"grid_w": 0, "price": 0.11}, (0, Reason.WAITING_FOR_SUN)),
        ({}, {"grid_w": 0, "is_cheap": True}, (32, Reason.PRICE)),
        ({}, {"grid_w": 0, "is_cheap": False}, (0, Reason.WAITING_FOR_SUN)),
        ({}, {"grid_w": None}, (0, Reason.SENSOR_MISSING)),
        ({}, {"grid_w": 0, "battery_w": None}, (0, Reason.SENSOR_MISSING)),
        ({}, {"grid_w": 0, "is_price_missing": True}, (0, Reason.SENSOR_MISSING)),
        ({"mode": Mode.FAST}, {"grid_w": None}, (32, Reason.FAST)),
        (
            {"target_wh": 9000, "ready_by": NOW + HOUR},
            {"grid_w": None},
            (32, Reason.PLAN),
        ),
        (
            {"target_wh": 9000, "ready_by": NOW + 9 * HOUR},
            {"grid_w": 0},
            (0, Reason.WAITING_FOR_PLAN),
        ),
        (
            {"mode": Mode.FAST, "demand_response_w": 16 * V},
            {"grid_w": 0},
            (16, Reason.LIMITED_BY_DEMAND_RESPONSE),
        ),
        (
            {"mode": Mode.FAST, "demand_response_w": 1000},
            {"grid_w": 0},
            (0, Reason.LIMITED_BY_DEMAND_RESPONSE),
        ),
        ({"is_active": False}, {"grid_w": -9000}, (None, Reason.WAITING_FOR_VEHICLE)),
        (
            {"is_active": False, "mode": Mode.FAST},
            {"grid_w": 0},
            (None, Reason.WAITING_FOR_VEHICLE),
        ),
        ({"is_active": False, "mode": Mode.OFF}, {"grid_w": 0}, (0, Reason.OFF)),
        ({"is_active": False, "mode": Mode.MANUAL}, {"grid_w": 0}, (None, Reason.MANUAL)),
        (
            {"is_active": False, "mode": Mode.FAST, "may_start": True},
            {"grid_w": 0},
            (32, Reason.FAST),
        ),
    ],
)
def test_one_look(
    changes: dict[str, object], readings: dict[str, object], expected: tuple[int | None, Reason]
) -> None:
    assert result(station(**changes), **readings) == expected


def test_without_a_meter_it_waits_for_the_price() -> None:
    connection = Connection()
    assert result(station(), connection=connection) == (0, Reason.WAITING_FOR_PRICE)
    assert result(station(), connection=connection, is_cheap=True) == (32, Reason.PRICE)


def test_the_fallback_limit() -> None:
    connection = replace(BREAKER, fallback_a=8)
    assert result(station(limit_a=20), connection=connection) == (8, Reason.SENSOR_MISSING)
    fast = station(mode=Mode.FAST, limit_a=20)
    assert result(fast, connection=connection) == (8, Reason.SENSOR_MISSING)
    manual = station(mode=Mode.MANUAL, limit_a=20)
    assert result(manual, connection=connection) == (None, Reason.MANUAL)


def test_the_sun() -> None:
    house = House(station())
    house.run(60, base_w=-2500)
    assert house.limits == [0]
    house.run(20, base_w=-2500)
    assert house.limits == [10]
    assert house.reasons == {"a": Reason.SUN}
    house.run(10, base_w=-2700)
    assert house.limits == [10]  # a small rise is to last
    house.run(30, base_w=-2700)
    assert house.limits == [11]
    house.run(10, base_w=-4900)
    assert house.limits == [20]
    house.run(10, base_w=-1500)
    assert house.limits == [6]  # a fall counts at once
    house.run(170, base_w=0)
    assert house.limits == [6]
    house.run(30, base_w=0)
    assert house.limits == [0]
    assert house.reasons == {"a": Reason.WAITING_FOR_SUN}


def test_always_on_follows_the_sun_too() -> None:
    house = House(station(is_always_on=True))
    house.run(100, base_w=0)
    assert house.limits == [6]
    house.run(120, base_w=-3000)
    assert house.limits == [12]
    house.run(300, base_w=0)
    assert house.limits == [6]


def test_the_house_battery_goes_first() -> None:
    connection = replace(GRID, battery_first=80)
    house = House(station(), connection=connection)
    house.run(120, base_w=0, battery_w=4000, battery_level=50)
    assert house.limits == [0]
    house.run(120, base_w=0, battery_w=4000, battery_level=80)
    assert house.limits == [6 + 10]
    house = House(station(), connection=connection)
    house.run(120, base_w=-4000, battery_w=-4000, battery_level=100)
    assert house.limits == [0]  # what the battery gives is no sun


def test_two_stations_share_the_sun() -> None:
    """The second one gets what the first one cannot use."""
    house = House(station(max_a=16), station(port_id="b"))
    house.run(200, base_w=-21 * V)
    assert house.limits == [16, 0]
    house.run(120, base_w=-26 * V)
    assert house.limits == [16, 10]
    house.run(10, base_w=-14 * V)
    assert house.limits == [6, 6], "what falls may fall on"
    house.run(40, base_w=-14 * V)
    assert house.limits == [8, 6]
    house.run(300, base_w=-11 * V)
    assert house.limits == [11, 0]


def test_a_full_vehicle_leaves_the_sun_to_the_next() -> None:
    """It keeps its limit, which costs nothing; the next one starts with all there is."""
    full = station(limit_a=10, power_w=0, is_charging=True)
    other = station(port_id="b")
    state, outcome = decide(full, other, grid_w=-10 * V)
    full = replace(full, is_charging=False)
    for second in range(10, 90, 10):
        state, outcome = decide(full, other, grid_w=-10 * V, state=state, now=NOW + second)
    assert outcome.decisions["a"] == Decision(limit_a=10, reason=Reason.WAITING_FOR_VEHICLE)
    assert outcome.decisions["b"] == Decision(limit_a=10, reason=Reason.SUN)


def test_a_vehicle_that_takes_its_time_is_waited_for() -> None:
    slow, other = station(limit_a=6, power_w=0, is_charging=False), station(port_id="b")
    state = State(on=frozenset("a"), candidates=frozenset("ab"))
    limits = []
    for second in range(0, 200, 10):
        state, outcome = decide(slow, other, grid_w=-8 * V, state=state, now=NOW + second)
        limits.append(outcome.decisions["b"].limit_a)
    assert limits[:18] == [0] * 18
    assert limits[-1] == 8


def test_a_small_vehicle_keeps_a_limit_that_it_does_not_use() -> None:
    """What it draws is subtracted while the sun carries it; then it follows again."""
    small = station(limit_a=24, power_w=16 * V, is_charging=True)
    other = station(port_id="b")
    state = State()
    for second in range(0, 200, 10):
        state, outcome = decide(small, other, grid_w=-9 * V, state=state, now=NOW + second)
    assert outcome.decisions["a"] == Decision(limit_a=24, reason=Reason.SUN)
    assert outcome.decisions["b"] == Decision(limit_a=9, reason=Reason.SUN)
    state, outcome = decide(small, grid_w=2 * V, state=state, now=NOW + 200)
    assert outcome.decisions["a"] == Decision(limit_a=14, reason=Reason.SUN)


def test_a_limit_that_is_not_used_is_within_the_breaker() -> None:
    rest = station(limit_a=32, power_w=0, is_charging=False)
    connection = replace(BREAKER, main_limit_w=20 * V)
    state = State()
    for second in range(0, 130, 10):
        state, outcome = decide(
            rest, grid_w=0, connection=connection, state=state, now=NOW + second
        )
    assert only(outcome) == Decision(limit_a=20, reason=Reason.WAITING_FOR_VEHICLE)
    state, outcome = decide(rest, grid_w=16 * V, connection=connection, state=state, now=NOW + 130)
    assert only(outcome) == Decision(limit_a=0, reason=Reason.LIMITED_BY_CONNECTION)


def test_several_stations_are_sent_to_less_often() -> None:
    assert decide(station(), grid_w=0)[1].between_s == 30
    assert decide(station(), station(port_id="b"), grid_w=0)[1].between_s == 60
    parked = station(port_id="b", is_active=False)
    assert decide(station(), parked, grid_w=0)[1].between_s == 30


def test_who_is_behind_the_target_goes_first() -> None:
    late = station(port_id="b", target_wh=9000, ready_by=NOW + 20 * HOUR)
    house = House(station(), late)
    house.run(80, base_w=-8 * V)
    assert house.limits == [0, 8]


def test_a_plan_takes_the_cheap_hour() -> None:
    prices = tuple(
        PriceSlot(start=NOW + i * HOUR, end=NOW + (i + 1) * HOUR, price=price)
        for i, price in enumerate((0.4, 0.1, 0.4))
    )
    values = {"grid_w": 0, "prices": prices}
    one = station(target_wh=5000, ready_by=NOW + 3 * HOUR)
    decision = only(decide(one, **values)[1])
    assert (decision.limit_a, decision.reason) == (0, Reason.WAITING_FOR_PLAN)
    assert decision.plan
    assert decision.plan.starts_at == pytest.approx(NOW + 2 * HOUR - 5000 / (32 * V) * HOUR)
    decision = only(decide(one, now=NOW + 1.99 * HOUR, **values)[1])
    assert (decision.limit_a, decision.reason) == (32, Reason.PLAN)


def test_a_plan_goes_by_what_the_vehicle_can_take() -> None:
    """It was seen to draw less than it might; that it draws less than 6 A permit says nothing."""
    slow = station(target_wh=7200, ready_by=NOW + 2.9 * HOUR, limit_a=32, power_w=2500)
    state = State()
    for second in range(0, 130, 10):
        state, outcome = decide(slow, grid_w=0, state=state, now=NOW + second)
    paused = replace(slow, limit_a=0, power_w=0, is_charging=False)
    state, outcome = decide(paused, grid_w=0, state=state, now=NOW + 130)
    assert only(outcome) == Decision(limit_a=32, reason=Reason.PLAN, plan=only(outcome).plan)
    state, outcome = decide(replace(paused, is_active=False), grid_w=0, state=state, now=NOW + 140)
    state = replace(state, planned=frozenset())
    assert only(decide(paused, grid_w=0, state=state)[1]).reason is Reason.WAITING_FOR_PLAN
    sunny = replace(slow, limit_a=6, power_w=6 * V)
    assert only(decide(sunny, grid_w=0)[1]).reason is Reason.SUN


@pytest.mark.parametrize(("power_w", "is_known"), [(2400, True), (2600, False)])
def test_what_a_vehicle_takes_counts_until_it_takes_more(power_w: float, *, is_known: bool) -> None:
    """A vehicle that took 2.5 kW in the cold charges faster when it is warm."""
    state = State(appetites={"a": 2500})
    now, _ = decide(station(limit_a=32, power_w=power_w), state=state)
    assert ("a" in now.appetites) is is_known


def test_a_missed_target_is_pursued() -> None:
    one = station(target_wh=9000, ready_by=NOW + HOUR)
    state, _ = decide(one, grid_w=0)
    tomorrow = replace(one, ready_by=NOW + 25 * HOUR, charged_wh=8000)
    state, outcome = decide(tomorrow, grid_w=0, state=state, now=NOW + HOUR)
    assert only(outcome).reason is Reason.PLAN
    done = replace(tomorrow, charged_wh=9000)
    _, outcome = decide(done, grid_w=0, state=state, now=NOW + HOUR + 60)
    assert only(outcome).reason is Reason.TARGET_REACHED
    gone = replace(tomorrow, is_active=False)
    _, outcome = decide(gone, grid_w=0, state=state, now=NOW + HOUR)
    assert only(outcome).reason is Reason.WAITING_FOR_VEHICLE


def test_the_breaker_comes_first() -> None:
    house = House(station(mode=Mode.FAST), station(port_id="b", mode=Mode.FAST), connection=BREAKER)
    house.run(10, base_w=0)
    assert house.limits == [32, 8]
    assert house.reasons["b"] is Reason.LIMITED_BY_CONNECTION
    grid = house.run(20, base_w=25 * V)
    assert house.limits == [9, 6]
    assert max(grid) <= 40 * V
    house.run(50, base_w=0)
    assert house.limits == [9, 6]  # up it goes after a minute
    house.run(20, base_w=0)
    assert house.limits == [32, 8]


def test_the_sun_is_bound_by_the_breaker_and_by_the_utility() -> None:
    """Where either leaves less than 6 A, a station pauses, and its reason names which."""
    connection = Connection(has_grid=True, main_limit_w=8 * V)
    running = station(limit_a=10, is_always_on=True)
    assert result(running, connection=connection, grid_w=14 * V) == (
        0,
        Reason.LIMITED_BY_CONNECTION,
    )
    low = station(limit_a=10, is_always_on=True, demand_response_w=5 * V)
    assert result(low, grid_w=0) == (0, Reason.LIMITED_BY_DEMAND_RESPONSE)


def test_over_the_limit_is_urgent() -> None:
    one = station(limit_a=32, mode=Mode.FAST)
    _, outcome = decide(one, connection=BREAKER, grid_w=41 * V)
    assert outcome.is_urgent
    assert only(outcome).limit_a == 31
    _, outcome = decide(one, connection=BREAKER, grid_w=39 * V)
    assert not outcome.is_urgent


@pytest.mark.parametrize(("limit_a", "is_urgent"), [(24, True), (14, False)])
def test_a_limit_by_hand_that_will_be_over_is_urgent(limit_a: float, is_urgent: bool) -> None:
    """The meter does not show it yet: it still shows 10 A beside the 25 A of the house."""
    by_hand = station(mode=Mode.MANUAL, limit_a=limit_a, settling_w=10 * V)
    _, outcome = decide(by_hand, connection=BREAKER, grid_w=35 * V)
    assert outcome.is_urgent is is_urgent
    assert only(outcome).limit_a == (15 if is_urgent else None)


def test_too_little_for_six_amps_pauses() -> None:
    one = station(limit_a=32, mode=Mode.FAST)
    assert result(one, connection=BREAKER, grid_w=67 * V) == (0, Reason.LIMITED_BY_CONNECTION)


@pytest.mark.parametrize("changes", [{"mode": Mode.MANUAL}, {"is_overridden": True}])
def test_by_hand_is_lowered_for_protection_and_gets_back(changes: dict[str, object]) -> None:
    house = House(station(limit_a=30, **changes), connection=BREAKER)
    reason = Reason.OVERRIDDEN if "is_overridden" in changes else Reason.MANUAL
    house.run(20, base_w=5 * V)
    assert (house.limits, house.reasons["a"]) == ([30], reason)
    house.run(10, base_w=20 * V)
    assert (house.limits, house.reasons["a"]) == ([20], Reason.LIMITED_BY_CONNECTION)
    house.run(30, base_w=38 * V)
    assert house.limits == [0]
    house.run(40, base_w=20 * V)
    assert house.limits == [0]
    house.run(40, base_w=20 * V)
    assert house.limits == [20]
    house.run(80, base_w=0)
    assert (house.limits, house.reasons["a"]) == ([30], reason)
    house.stations[0] = replace(house.stations[0], limit_a=12)
    house.run(20, base_w=0)
    assert house.limits == [12]


def test_by_hand_goes_before_the_rule() -> None:
    manual = station(port_id="m", mode=Mode.MANUAL, limit_a=20)
    house = House(station(mode=Mode.FAST), manual, connection=BREAKER)
    house.run(10, base_w=0)
    assert house.limits == [20, 20]


def test_a_station_that_charges_by_plan_goes_on_with_the_sun() -> None:
    house = House(station(limit_a=32, price_limit=0.2))
    house.run(20, base_w=-10 * V, price=0.1)
    assert house.reasons["a"] is Reason.PRICE
    house.run(10, base_w=-10 * V, price=0.3)
    assert (house.limits, house.reasons["a"]) == ([10], Reason.SUN)


def test_a_vehicle_that_takes_less_leaves_the_rest() -> None:
    """The surplus is what others can have, not what the first one was permitted."""
    first = station(mode=Mode.FAST, limit_a=32, power_w=2400)
    _, outcome = decide(first, station(port_id="b", limit_a=0), grid_w=-2000)
    assert outcome.decisions["b"].limit_a == 0
    house = House(first, station(port_id="b"))
    house.run(80, base_w=-4500)
    assert house.limits == [32, 8]


def test_who_is_lowered_gets_it_back_when_the_session_has_ended() -> None:
    house = House(station(mode=Mode.MANUAL, limit_a=30), connection=BREAKER)
    house.run(20, base_w=5 * V)
    house.run(10, base_w=20 * V)
    assert house.limits == [20]
    house.stations[0] = replace(house.stations[0], is_active=False)
    house.run(10, base_w=20 * V)
    assert house.limits == [30]


def test_a_persons_limit_is_given_back_until_the_station_has_it() -> None:
    """The first request may be late, or be refused."""
    one = station(mode=Mode.MANUAL, limit_a=10)
    state = State(held={"a": 16})
    for _ in range(3):
        state, outcome = decide(one, connection=BREAKER, grid_w=10 * V, state=state)
        assert only(outcome).limit_a == 16
    state, outcome = decide(
        replace(one, limit_a=16), connection=BREAKER, grid_w=16 * V, state=state
    )
    assert only(outcome).limit_a is None
    assert state.held == {}


@pytest.mark.parametrize("changes", [{"limit_a": 4}, {"limit_a": 30, "demand_response_w": 1000}])
def test_a_limit_below_six_amps_is_no_matter_of_the_breaker(changes: dict[str, object]) -> None:
    one = station(mode=Mode.MANUAL, **changes)
    assert result(one, connection=BREAKER, grid_w=0) == (None, Reason.MANUAL)


def test_a_vehicle_whose_session_is_seen_late_is_not_lowered() -> None:
    """Until then the meter shows it as a load of the house."""
    late = station(mode=Mode.FAST, limit_a=32, is_active=False)
    state, _ = decide(late, connection=BREAKER, grid_w=33 * V)
    seen = replace(late, is_active=True, is_charging=True)
    state, outcome = decide(seen, connection=BREAKER, grid_w=33 * V, state=state, now=NOW + 10)
    assert only(outcome).limit_a == 32


def test_a_station_that_is_stuck_counts_as_a_load_of_the_house() -> None:
    stuck = station(mode=Mode.FAST, limit_a=24, is_stuck=True)
    other = station(port_id="b", mode=Mode.FAST, limit_a=20)
    _, outcome = decide(stuck, other, connection=BREAKER, grid_w=50 * V)
    assert outcome.is_urgent
    assert outcome.decisions["a"].limit_a is None
    assert outcome.decisions["b"].limit_a == 10


def test_a_change_that_the_meter_does_not_show_yet() -> None:
    one = station(mode=Mode.FAST, limit_a=22, settling_w=32 * V)
    assert result(one, connection=BREAKER, grid_w=50 * V)[0] == 22


def test_a_manual_station_without_a_session_takes_no_room() -> None:
    idle = station(mode=Mode.MANUAL, limit_a=32, is_active=False, may_start=True)
    fast = station(port_id="b", mode=Mode.FAST)
    _, outcome = decide(idle, fast, connection=BREAKER, grid_w=0)
    assert outcome.decisions["b"].limit_a == 32


MODES = st.sampled_from(Mode)
STATIONS = st.builds(
    StationInput,
    port_id=st.just(""),
    mode=MODES,
    is_always_on=st.booleans(),
    target_wh=st.sampled_from([0.0, 5000.0]),
    ready_by=st.none() | st.floats(NOW - HOUR, NOW + 30 * HOUR),
    price_limit=st.none() | st.floats(-1, 1),
    max_a=st.integers(0, 80),
    watts_per_a=st.sampled_from([120.0, 208.0, 240.0, 690.0]),
    limit_a=st.sampled_from([0, 6, 7.5, 16, 32, 80]),
    power_w=st.none() | st.floats(0, 20_000),
    is_active=st.booleans(),
    is_charging=st.booleans(),
    charged_wh=st.floats(0, 9000),
    demand_response_w=st.none() | st.floats(0, 10_000),
    is_overridden=st.booleans(),
    may_start=st.booleans(),
    is_stuck=st.booleans(),
    settling_w=st.none() | st.floats(0, 20_000),
)
READINGS = st.builds(
    Readings,
    grid_w=st.none() | st.floats(-20_000, 30_000),
    battery_w=st.none() | st.floats(-5000, 5000),
    battery_level=st.none() | st.floats(0, 100),
    price=st.none() | st.floats(-1, 1),
    is_cheap=st.none() | st.booleans(),
    is_price_missing=st.booleans(),
)
CONNECTIONS = st.builds(
    Connection,
    main_limit_w=st.none() | st.floats(0, 30_000),
    has_grid=st.booleans(),
    battery_first=st.floats(0, 100),
    fallback_a=st.sampled_from([0.0, 6.0, 10.0]),
)


@given(
    connection=CONNECTIONS,
    looks=st.lists(st.tuples(READINGS, st.lists(STATIONS, max_size=4)), min_size=1, max_size=4),
)
def test_whatever_is_read(
    connection: Connection, looks: list[tuple[Readings, list[StationInput]]]
) -> None:
    state = State()
    for index, (readings, stations) in enumerate(looks):
        now = NOW + 10 * index
        named = [replace(s, port_id=str(i)) for i, s in enumerate(stations)]
        held = state.held
        state, outcome = step(state, connection, readings, named, now=now)
        assert set(outcome.decisions) == {s.port_id for s in named}
        drawn_w = given_w = 0.0
        for s in named:
            decision = outcome.decisions[s.port_id]
            limit = decision.limit_a
            drawn_w += 0 if s.is_stuck else s.drawn_w
            is_left = s.mode is Mode.MANUAL or s.is_overridden
            if limit is None:
                assert s.is_stuck or not s.is_active or is_left
                given_w += s.limit_w if s.is_active else 0
                continue
            if is_left and limit == held.get(s.port_id):
                continue  # given back, also where the session has ended
            if s.mode is Mode.MANUAL:
                assert s.is_active
                continue
            assert limit == 0 or 6 <= limit <= s.max_a
            if s.demand_response_w is not None and not s.is_overridden:
                assert limit * s.watts_per_a <= s.demand_response_w
            given_w += limit * s.watts_per_a
            if s.mode is Mode.OFF and not s.is_overridden:
                assert limit == 0
        if connection.main_limit_w is not None and readings.grid_w is not None:
            room_w = connection.main_limit_w - (readings.grid_w - drawn_w)
            is_all_firm = all(d.limit_a is not None for d in outcome.decisions.values())
            if is_all_firm:
                limits_w = sum(
                    (outcome.decisions[s.port_id].limit_a or 0) * s.watts_per_a
                    for s in named
                    if s.is_active or s.port_id not in held
                )
                assert limits_w <= max(0, room_w) + 1e-6


def test_a_plan_counts_with_the_whole_amps_that_the_utility_permits() -> None:
    one = station(target_wh=6 * V, ready_by=NOW + 4 * HOUR, demand_response_w=6.9 * V)
    plan = only(decide(one, grid_w=0, price=0.1)[1]).plan
    assert plan
    assert plan.starts_at == pytest.approx(NOW + 3 * HOUR, abs=300)
    assert plan.starts_at < NOW + 3 * HOUR


@pytest.mark.parametrize(
    ("passed_s", "is_active", "is_overdue"),
    [(HOUR, True, True), (HOUR, False, False), (7 * HOUR, True, False)],
)
def test_how_long_a_deadline_is_pursued_that_is_over(
    passed_s: float, is_active: bool, is_overdue: bool
) -> None:
    one = station(
        target_wh=5000, ready_by=NOW + 20 * HOUR, is_active=is_active, may_start=not is_active
    )
    state, outcome = decide(one, grid_w=0, state=State(deadlines={"a": NOW - passed_s}))
    assert state.deadlines == {"a": NOW - passed_s if is_overdue else NOW + 20 * HOUR}
    assert (only(outcome).reason is Reason.PLAN) is is_overdue


def test_full_vehicles_keep_no_more_together_than_the_breaker_leaves() -> None:
    """They may begin to draw again at any time."""
    both = [station(port_id=name, limit_a=30, is_charging=False) for name in ("a", "b")]
    state = State(sparing=dict.fromkeys(("a", "b"), NOW - 300))
    _, outcome = decide(*both, connection=BREAKER, state=state, grid_w=5 * V)
    assert [outcome.decisions[name].limit_a for name in ("a", "b")] == [30, 0]


def test_the_sun_raises_nobody_to_what_the_breaker_leaves_for_a_moment() -> None:
    state = State(rooms=((NOW - 30, 8 * V),), on=frozenset("a"), candidates=frozenset("a"))
    sunny = station(limit_a=6)
    _, outcome = decide(sunny, connection=BREAKER, state=state, grid_w=-14 * V)
    assert only(outcome).limit_a == 8


def test_what_the_battery_delivers_is_not_of_the_sun() -> None:
    state = State(on=frozenset("a"), candidates=frozenset("a"))
    one = station(limit_a=10)
    _, outcome = decide(one, state=state, grid_w=0, battery_w=-4 * V)
    assert only(outcome).limit_a == 6


def test_who_charges_goes_before_who_does_not() -> None:
    waits = station(mode=Mode.FAST, limit_a=10, is_charging=False)
    charges = station(port_id="b", mode=Mode.FAST, limit_a=10)
    _, outcome = decide(waits, charges, connection=BREAKER, grid_w=40 * V)
    assert (outcome.decisions["a"].limit_a, outcome.decisions["b"].limit_a) == (0, 10)


def test_the_utility_is_named_where_it_permits_less_than_six_amps() -> None:
    one = station(is_always_on=True, demand_response_w=5 * V)
    assert result(one, grid_w=-20 * V) == (0, Reason.LIMITED_BY_DEMAND_RESPONSE)
