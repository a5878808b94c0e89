"""One station of a connection: what was chosen, what is remembered, and what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
import math
from typing import Any

from homeassistant.util import dt as dt_util

from .inputs import Inputs
from .memory import SmartStationMemory
from .model import Decision, Plan, Reason, StationInput

_MINUTE_S = 60


@dataclass(slots=True, kw_only=True)
class SmartStation:
    """One station of a connection."""

    port_id: str
    memory: SmartStationMemory
    inputs: Inputs
    """The sensors of its connection."""
    has_price: bool
    """Whether its connection has a price sensor."""
    decision: Decision | None = None
    """None until the sensors have been read."""
    planned_since: float | None = None
    """Since when it charges by its plan."""

    given: StationInput | None = None
    """What the rule was given in the last step."""
    changed_at: float = -math.inf
    """When it was last seen to get another limit, or to end charging."""
    limited_at: float = -math.inf
    """When it was last seen to get another limit, in epoch seconds."""
    took_all: bool = True
    """Whether the vehicle drew all that it was permitted before that."""
    is_assumed: bool = True
    """Whether nobody has measured that it takes all of the present limit, either."""
    sending: list[float] = field(default_factory=list)
    """Limits on their way to the cloud, the newest one last."""
    is_start_sent: bool = False
    """Whether a start is on its way to the cloud."""
    sent_at: float = -math.inf
    """When a limit was sent to it last, in epoch seconds."""
    refusals: int = 0
    """How often its limit was refused, without a success since."""
    refused_at: float = -math.inf
    """When its limit was refused last, in epoch seconds."""
    is_vehicle_seen: bool | None = None
    """Whether the cloud shows a vehicle; None before the first look."""
    is_vehicle_left: bool = False
    """Whether it has shown one since the last session ended."""

    def decide(self, decision: Decision | None, now: float) -> bool:
        """Keep a decision; return whether it is another one."""
        is_on = decision is not None and decision.reason is Reason.PLAN
        # A step may come some seconds after the moment that was planned.
        planned = self._plan.starts_at if self._plan else None
        began_at = planned if planned is not None and planned <= now else now
        self.planned_since = (self.planned_since or began_at) if is_on else None
        is_other = decision != self.decision
        self.decision = decision
        return is_other

    @property
    def reason(self) -> Reason | None:
        """Why the station does what it does."""
        return self.decision.reason if self.decision else None

    @property
    def _plan(self) -> Plan | None:
        return self.decision.plan if self.decision else None

    @property
    def planned_start(self) -> datetime | None:
        """When the plan begins, or began, to the minute; None without a plan."""
        start = self._plan.starts_at if self._plan else None
        return None if start is None else _minute(self.planned_since or start)

    @property
    def planned_end(self) -> datetime | None:
        """When the plan ends, to the minute; None without a plan."""
        slots = self._plan.slots if self._plan else ()
        return _minute(slots[-1].end) if slots else None

    @property
    def planned_slots(self) -> Mapping[str, Any]:
        """Return the attributes of the planned start."""
        slots: Sequence[Mapping[str, Any]] = [
            {
                "start": self.planned_start if index == 0 else _minute(slot.start),
                "end": _minute(slot.end),
                "price": None if math.isnan(slot.price) else slot.price,
            }
            for index, slot in enumerate(self._plan.slots if self._plan else ())
        ]
        return {"slots": slots}

    @property
    def planned_cost(self) -> float | None:
        """What the plan costs; None without a plan, and where no price is known."""
        cost = self._plan.cost if self._plan else None
        return None if cost is None else round(cost, 2)

    @property
    def currency(self) -> str | None:
        """The currency, as the price sensor writes it."""
        return self.inputs.price_unit.currency

    @property
    def solar_share(self) -> float:
        """The part of the session's energy that the grid did not deliver, in %."""
        return round(self.memory.solar_share, 1)


def _minute(moment: float) -> datetime:
    return dt_util.utc_from_timestamp(moment // _MINUTE_S * _MINUTE_S)
