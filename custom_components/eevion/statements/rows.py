"""The row of a session in a statement."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from ..api import Session, slug
from ..stations import elapsed_s

_ONE, _CENT = Decimal(1), Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session as a statement shows it; None is "not reported"."""

    session_id: str
    start: datetime
    """In the time zone of the site, without that zone."""
    station: str
    site: str
    duration_s: int | None
    energy_wh: int | None
    """Rounded to the watt-hour, so that a column adds up to its sum."""
    cost: Decimal | None
    """In `currency`, with taxes, rounded to the cent."""
    currency: str | None
    started_with: str | None
    """The state of the sensor of this name; so is `end_reason`."""
    end_reason: str | None
    vehicle: str | None
    is_active: bool
    """Whether the figures still rise."""


def session_row(
    session: Session, *, start: datetime, station: str, site: str, now: datetime
) -> SessionRow:
    """Return the row of a session; the names and the local start are those of its site."""
    # The cloud reports 0 for many sessions, as if it did not report a duration.
    seconds = elapsed_s(session, now) or None
    return SessionRow(
        session_id=session.session_id,
        start=start.replace(tzinfo=None),
        station=station,
        site=site,
        duration_s=None if seconds is None else round(seconds),
        energy_wh=None if session.energy_wh is None else int(_rounded(session.energy_wh, _ONE)),
        cost=None if session.cost is None else _rounded(session.cost, _CENT),
        currency=session.currency.value if session.currency else None,
        started_with=slug(session.started_with),
        end_reason=slug(session.end_reason),
        vehicle=session.vehicle,
        is_active=session.is_active,
    )


def _rounded(value: float, unit: Decimal) -> Decimal:
    # The text of a float is what the cloud wrote; its binary value is another number.
    return Decimal(str(value)).quantize(unit, ROUND_HALF_UP)
