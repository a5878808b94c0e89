"""Failed requests are repeated after pauses that grow."""

from custom_components.eevion.polling import Retries


def test_pauses_double_up_to_an_hour() -> None:
    retries, now = Retries(), 1_793_600_000.0
    assert retries.pause("a") == 0
    for pause in (60, 120, 240, 480, 960, 1920, 3600, 3600):
        retries.mark_failed("a", now)
        assert retries.pause("a") == pause
        assert not retries.is_due("a", now + pause - 1)
        assert retries.is_due("a", now + pause)
        assert retries.is_due("b", now)
        now += pause
    assert retries.is_due("a", now - 7200), "the clock was set back"
    retries.mark_succeeded("a")
    assert retries.is_due("a", now)
    retries.mark_failed("a", now)
    assert retries.pause("a") == 60
