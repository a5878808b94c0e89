"""The texts of answers about stations, in the language of the request."""

from typing import Final

from homeassistant.util import dt as dt_util

from ..api import ConnectorStatus, LimitUnit, PortStatus, Session, SessionStatus
from ..smart import Mode, Reason
from ..stations import StationState, elapsed_s
from ..translation import Texts
from .station_names import cut

# An answer lists so many problems of a station.
_MOST_PROBLEMS = 5
_PROBLEMS = {
    PortStatus.NOT_CONNECTED: "voice_not_connected",
    PortStatus.OFFLINE: "voice_out_of_service",
    PortStatus.COMING_SOON: "voice_not_in_place",
    PortStatus.REMOVED: "voice_not_in_place",
}
_PAUSED = {
    ConnectorStatus.SUSPENDED_EV: "voice_paused_by_vehicle",
    ConnectorStatus.SUSPENDED_EVSE: "voice_paused_by_station",
}


MODES: Final = {
    Mode.FAST: "voice_mode_fast",
    Mode.MANUAL: "voice_mode_manual",
    Mode.OFF: "voice_mode_off",
    Mode.SMART: "voice_mode_smart",
}
REASONS: Final = {
    Reason.ALWAYS: "voice_reason_always",
    Reason.FAST: "voice_reason_fast",
    Reason.LIMITED_BY_CONNECTION: "voice_reason_limited_by_connection",
    Reason.LIMITED_BY_DEMAND_RESPONSE: "voice_reason_limited_by_demand_response",
    Reason.OFF: "voice_reason_off",
    Reason.OVERRIDDEN: "voice_reason_overridden",
    Reason.PLAN: "voice_reason_plan",
    Reason.PRICE: "voice_reason_price",
    Reason.SENSOR_MISSING: "voice_reason_sensor_missing",
    Reason.SUN: "voice_reason_sun",
    Reason.TARGET_REACHED: "voice_reason_target_reached",
    Reason.WAITING_FOR_PLAN: "voice_reason_waiting_for_plan",
    Reason.WAITING_FOR_PRICE: "voice_reason_waiting_for_price",
    Reason.WAITING_FOR_SUN: "voice_reason_waiting_for_sun",
    Reason.WAITING_FOR_VEHICLE: "voice_reason_waiting_for_vehicle",
}


class Phrases(Texts):
    """The texts of answers in one language; English if there is no translation."""

    def number(self, value: float, digits: int) -> str:
        """Return a number with the decimal sign of the language."""
        return f"{value:.{digits}f}".replace(".", self("voice_decimal_sign"))

    def current_or_power(self, value: float, unit: LimitUnit) -> str:
        """Return a current in A, or a power in W as kW."""
        if unit is LimitUnit.WATT:
            return f"{self._short(value / 1000)} kW"
        return f"{self._short(value)} A"

    def _short(self, value: float) -> str:
        rounded = round(value, 1)
        return self.number(rounded, 0 if rounded.is_integer() else 1)

    def energy(self, wh: float) -> str:
        """Return an energy in Wh as kWh, with two digits below 1 kWh."""
        return f"{self.number(wh / 1000, 1 if wh >= 1000 else 2)} kWh"  # noqa: PLR2004

    def figures(self, session: Session) -> str:
        """Return energy, duration and cost of a session as far as reported; may be empty."""
        figures = []
        if session.energy_wh is not None:
            figures.append(self.energy(session.energy_wh))
        if (duration_s := elapsed_s(session, dt_util.utcnow())) is not None:
            hours, minutes = divmod(round(duration_s / 60), 60)
            figures.append(f"{hours} h {minutes} min" if hours else f"{minutes} min")
        if session.cost is not None:
            figures.append(" ".join(filter(None, (self.number(session.cost, 2), session.currency))))
        return ", ".join(figures)

    def doing(self, name: str, state: StationState) -> str:
        """Return the state of a station as a sentence."""
        session = state.active_session
        if session is None:
            return self._idle(name, state)
        if session.status is SessionStatus.AUTHORIZING:
            return self("voice_authorizing", station=name)
        if state.is_charging:
            figures = self.figures(session)
            if not figures:
                return self("voice_charging_only", station=name)
            if not state.power_w:
                return self("voice_charging", station=name, figures=figures)
            power = self.current_or_power(state.power_w, LimitUnit.WATT)
            return self("voice_charging_at", station=name, power=power, figures=figures)
        key = _PAUSED.get(session.connector_status) if session.connector_status else None
        return self(key or "voice_session", station=name)

    def _idle(self, name: str, state: StationState) -> str:
        if problems := self.problems(state):
            return self("voice_problem", station=name, problems=problems)
        if state.is_plugged_in:
            return self("voice_plugged_in", station=name)
        is_free = state.port.status is PortStatus.AVAILABLE
        return self("voice_free" if is_free else "voice_nothing_known", station=name)

    def problems(self, state: StationState) -> str:
        """Return the problems of a station; may be empty."""
        status = state.port.status
        problems: list[str] = []
        if status in _PROBLEMS:
            problems.append(self(_PROBLEMS[status]))
        if state.connector_status is ConnectorStatus.FAULTED:
            problems.append(self("voice_faulted"))
        for exception in state.exceptions:
            kind = cut(exception.type or self("voice_faulted"))
            more = exception.description
            problems.append(f"{kind} ({cut(more)})" if more else kind)
        return ", ".join(list(dict.fromkeys(problems))[:_MOST_PROBLEMS])
