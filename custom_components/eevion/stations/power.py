"""Charging power, derived from the energy of successive answers."""

from dataclasses import dataclass
from datetime import datetime

from ..api import ConnectorStatus, Session, SessionStatus

# How long a power is held while the energy does not change: stations report to the cloud
# about once a minute, independently of the polls.
_HELD_S = 180
_SILENT_INTERVALS = 3
# The energy is in whole watt-hours, which is too coarse over a few seconds.
_WINDOW_S = 20
# Difference between the local clock and the cloud's over one interval.
_JITTER_S = 2


type _Step = tuple[float, float]
"""An interval in seconds, and the energy delivered in it in Wh."""


@dataclass(frozen=True, slots=True)
class _Sample:
    session_id: str
    energy_wh: float
    received_at: datetime
    updated_at: datetime | None
    power_w: float | None = None
    interval_s: float = 0
    is_dated: bool = False
    """Whether `updated_at` changed with the energy: then the cloud's clock is more accurate."""
    steps: tuple[_Step, ...] = ()


class PowerMeter:
    """The power of one station in W; the cloud reports energy only."""

    def __init__(self) -> None:
        """Initialize without a sample."""
        self._last: _Sample | None = None

    def read(
        self, session: Session | None, received_at: datetime, max_w: float | None
    ) -> float | None:
        """Return the power in W after one more answer; None until there are two energies.

        `max_w` is the highest power of the port, in W.
        """
        if session and session.is_active and session.power_w is not None:
            return session.power_w
        if session is None or not _may_deliver(session):
            self._last = None
            return 0
        if session.energy_wh is None:
            return None
        self._last = sample = self._sampled(session, session.energy_wh, received_at, max_w)
        silence = (received_at - sample.received_at).total_seconds()
        if silence > max(_HELD_S, _SILENT_INTERVALS * sample.interval_s):
            return 0
        return sample.power_w

    def _sampled(
        self, session: Session, energy_wh: float, received_at: datetime, max_w: float | None
    ) -> _Sample:
        """Return the newest sample; the last one while the energy does not change."""
        last = self._last
        updated_at = session.updated_at
        if last is None or last.session_id != session.session_id or energy_wh < last.energy_wh:
            return _Sample(session.session_id, energy_wh, received_at, updated_at)
        received_s = (received_at - last.received_at).total_seconds()
        if energy_wh == last.energy_wh or received_s <= 0:
            return last
        power, steps = last.power_w, last.steps
        dated_s = _seconds(last.updated_at, updated_at)
        is_dated = dated_s > 0
        if is_dated and not last.is_dated and abs(dated_s - received_s) > _JITTER_S:
            # `updated_at` may belong to another change than that of the energy.
            interval = last.interval_s
        else:
            interval = dated_s if is_dated else received_s
            steps = _latest((*steps, (interval, energy_wh - last.energy_wh)))
            power = sum(wh for _, wh in steps) * 3600 / sum(seconds for seconds, _ in steps)
            power = float(round(min(power, max_w) if max_w else power))
        return _Sample(
            session.session_id, energy_wh, received_at, updated_at, power, interval, is_dated, steps
        )


def _may_deliver(session: Session) -> bool:
    return (
        session.is_active
        and session.status is not SessionStatus.AUTHORIZING
        and session.connector_status in (None, ConnectorStatus.CHARGING)
    )


def _latest(steps: tuple[_Step, ...]) -> tuple[_Step, ...]:
    """Return the last steps that cover `_WINDOW_S`, or all."""
    while sum(seconds for seconds, _ in steps[1:]) >= _WINDOW_S:
        steps = steps[1:]
    return steps


def _seconds(earlier: datetime | None, later: datetime | None) -> float:
    return (later - earlier).total_seconds() if earlier and later else 0
