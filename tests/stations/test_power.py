"""Power out of energies that come late, seldom and in whole watt-hours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st
import pytest

from custom_components.eevion.api import ConnectorStatus, Session, SessionStatus
from custom_components.eevion.stations.power import PowerMeter

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
MAX_W = 9984.0

CHARGING = Session(
    session_id="one",
    port_id="port",
    status=SessionStatus.CHARGING,
    connector_status=ConnectorStatus.CHARGING,
    energy_wh=0,
)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def charging(energy_wh: float | None, updated_s: float | None = None, **reported) -> Session:
    updated_at = None if updated_s is None else at(updated_s)
    return replace(CHARGING, energy_wh=energy_wh, updated_at=updated_at, **reported)


class Meter:
    """A meter that is read so many seconds after the start."""

    def __init__(self, max_w: float | None = MAX_W) -> None:
        self._meter = PowerMeter()
        self._max_w = max_w

    def __call__(self, seconds: float, session: Session | None) -> float | None:
        return self._meter.read(session, at(seconds), self._max_w)


@pytest.mark.parametrize(
    ("session", "power"),
    [
        (None, 0),
        (charging(10), None),
        (charging(None), None),
        (charging(10, power_w=4321), 4321),
        (charging(10, connector_status=None), None),
        (charging(10, connector_status=ConnectorStatus.SUSPENDED_EV), 0),
        (charging(10, connector_status=ConnectorStatus.SUSPENDED_EVSE), 0),
        (charging(10, connector_status=ConnectorStatus.FAULTED), 0),
        (charging(10, status=SessionStatus.AUTHORIZING), 0),
        (charging(10, status=SessionStatus.COMPLETE), 0),
        (charging(10, status=SessionStatus.COMPLETE, power_w=4321), 0),
    ],
)
def test_the_first_answer(session: Session | None, power: float | None) -> None:
    assert Meter()(0, session) == power


@pytest.mark.parametrize(
    ("answers", "power"),
    [
        pytest.param([(0, 0, None), (60, 100, None)], 6000, id="by our clock"),
        pytest.param([(0, 0, 0), (61, 100, 60)], 6000, id="by the cloud's clock"),
        pytest.param([(0, 0, -500), (61, 100, -440)], 6000, id="the cloud's clock is late"),
        pytest.param([(0, 0, -500), (60, 100, 0)], None, id="something else was updated"),
        pytest.param([(0, 0, 0), (60, 100, 60), (130, 200, 120)], 6000, id="the answer was late"),
        pytest.param([(0, 0, 60), (60, 100, 0)], 6000, id="the cloud's clock went back"),
        pytest.param([(0, 0, None), (60, 100, None), (65, 100, None)], 6000, id="held"),
        pytest.param([(0, 0, None), (60, 100, None), (239, 100, None)], 6000, id="held long"),
        pytest.param([(0, 0, None), (60, 100, None), (241, 100, None)], 0, id="silent"),
        pytest.param([(0, 0, None), (600, 1000, None), (2400, 1000, None)], 6000, id="rare"),
        pytest.param([(0, 0, None), (600, 1000, None), (2401, 1000, None)], 0, id="rare, silent"),
        pytest.param([(0, 0, None), (1, 100, None)], MAX_W, id="no more than the station has"),
        pytest.param([(0, 500, None), (60, 100, None)], None, id="counted down"),
        pytest.param([(0, 500, None), (60, 0, None), (120, 50, None)], 3000, id="begun anew"),
        pytest.param([(0, 0, None), (0, 100, None)], None, id="in no time"),
    ],
)
def test_successive_answers(
    answers: list[tuple[float, float, float | None]], power: float | None
) -> None:
    meter = Meter()
    *_, last = [meter(seconds, charging(energy, updated)) for seconds, energy, updated in answers]
    assert last == power


def test_a_station_whose_highest_power_nobody_knows() -> None:
    meter = Meter(max_w=None)
    meter(0, charging(0))
    assert meter(1, charging(100)) == 360_000


def test_whole_watt_hours_make_a_calm_power() -> None:
    meter = Meter()
    found = [meter(seconds, charging(7680 * seconds // 3600)) for seconds in range(0, 600, 4)]
    assert all(power == pytest.approx(7680, abs=200) for power in found[6:])


def test_a_change_shows_within_half_a_minute() -> None:
    meter = Meter()
    for seconds in range(0, 120, 4):
        meter(seconds, charging(7680 * seconds / 3600))
    before = 7680 * 116 / 3600
    for seconds in range(4, 29, 4):
        power = meter(116 + seconds, charging(before + 1440 * seconds / 3600))
    assert power == 1440


def test_each_session_is_measured_for_itself() -> None:
    meter = Meter()
    meter(0, charging(5000))
    assert meter(60, charging(5100)) == 6000
    assert meter(120, charging(5200, session_id="two")) is None
    assert meter(180, charging(5250, session_id="two")) == 3000


def test_a_pause_is_no_part_of_the_average() -> None:
    meter = Meter()
    meter(0, charging(0))
    assert meter(60, charging(100)) == 6000
    assert meter(120, charging(150, connector_status=ConnectorStatus.SUSPENDED_EV)) == 0
    assert meter(3600, charging(151)) is None
    assert meter(3660, charging(251)) == 6000


ANSWERS = st.tuples(
    st.floats(min_value=-5, max_value=4000),
    st.none() | st.integers(min_value=0, max_value=100_000),
    st.none() | st.integers(min_value=-10_000, max_value=10_000),
    st.sampled_from(["one", "two"]),
    st.sampled_from(SessionStatus),
    st.none() | st.sampled_from(ConnectorStatus),
)


@given(st.lists(ANSWERS, max_size=30), st.floats(min_value=1, max_value=400_000))
def test_power_is_never_negative_and_never_above_the_highest(answers, max_w: float) -> None:
    meter, now = Meter(max_w), 0.0
    for gap, energy, updated, session_id, status, connector_status in answers:
        now += gap
        session = charging(
            energy,
            updated,
            session_id=session_id,
            status=status,
            connector_status=connector_status,
        )
        power = meter(now, session)
        assert power is None or 0 <= power <= round(max_w)


@given(
    watts=st.integers(min_value=1500, max_value=9900),
    meter_s=st.integers(min_value=1, max_value=60),
    behind_s=st.integers(min_value=-3600, max_value=3600),
    gaps=st.lists(st.floats(min_value=0.5, max_value=60), min_size=5, max_size=60),
)
def test_a_steady_power_is_found_however_irregular_the_polls(
    watts: int, meter_s: int, behind_s: int, gaps: list[float]
) -> None:
    """The energy is in whole watt-hours, and dated by the cloud's own clock."""
    meter, now, reads = Meter(), 0.0, 0
    first_updated = updated = 0.0
    for gap in gaps:
        now += gap
        updated = now // meter_s * meter_s
        first_updated = first_updated or updated
        power = meter(now, charging(watts * updated // 3600, updated + behind_s))
        if power is not None:
            reads += 1
            assert power == pytest.approx(watts, abs=3600 / meter_s + 1)
    assert reads or updated - first_updated < 2 * max(gaps) + 2 * meter_s
