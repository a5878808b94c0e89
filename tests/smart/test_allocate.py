"""Amps: whole ones, nobody between 0 and 6, never more than there is."""

from hypothesis import given, strategies as st

from custom_components.eevion.smart.allocate import Claim, allocate, power_w


def claim(name: str, *, volts: float = 240, max_a: int = 32) -> Claim:
    return Claim(port_id=name, watts_per_a=volts, max_a=max_a, limit_a=0)


def test_as_many_as_possible_get_six_amps() -> None:
    claims = [claim("a"), claim("b"), claim("c")]
    assert allocate(claims, 12 * 240) == {"a": 6, "b": 6, "c": 0}


def test_the_rest_goes_to_the_first() -> None:
    claims = [claim("a", max_a=16), claim("b")]
    assert allocate(claims, 30 * 240) == {"a": 16, "b": 14}


def test_three_phases_need_three_times_as_much() -> None:
    claims = [claim("a", volts=690), claim("b")]
    assert allocate(claims, 3000) == {"a": 0, "b": 12}


def test_a_station_that_may_have_less_than_six_gets_nothing() -> None:
    assert allocate([claim("a", max_a=5)], 9999) == {"a": 0}


CLAIMS = st.lists(
    st.tuples(st.sampled_from([120.0, 208.0, 240.0, 400 * 3**0.5]), st.integers(-1, 80)),
    max_size=6,
)


@given(CLAIMS, st.floats(-10_000, 100_000))
def test_any_claims(rows: list[tuple[float, int]], available: float) -> None:
    claims = [claim(str(i), volts=volts, max_a=most) for i, (volts, most) in enumerate(rows)]
    amps = allocate(claims, available)
    assert set(amps) == {c.port_id for c in claims}
    assert power_w(claims, amps) <= max(0.0, available) + 1e-6
    for c in claims:
        assert amps[c.port_id] == 0 or 6 <= amps[c.port_id] <= c.max_a
