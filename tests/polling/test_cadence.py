"""How polls slow down while the cloud cannot be reached."""

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.eevion.api import RateLimit
from custom_components.eevion.polling import Cadence


@pytest.mark.parametrize(
    ("outage_s", "interval_s"), [(10, 4), (400, 50), (900, 112.5), (9000, 120)]
)
def test_polls_slow_down_with_the_length_of_an_outage(
    freezer: FrozenDateTimeFactory, outage_s: float, interval_s: float
) -> None:
    """They keep a random distance from those of other homes, and are as before after it."""
    cadence = Cadence(RateLimit())
    cadence.mark_failure()
    freezer.tick(outage_s)
    cadence.mark_failure()
    interval = cadence.interval(is_active=False).total_seconds()
    assert 0.8 * interval_s <= interval <= 1.2 * interval_s
    cadence.mark_success({})
    cadence.mark_sites_requested()
    assert cadence.interval(is_active=False).total_seconds() == 29
    assert cadence.interval(is_active=True).total_seconds() == 4
