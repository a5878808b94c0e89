"""One step of the rule: what every station of a connection is to do now, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
import math

from .allocate import Claim, allocate, power_w
from .model import (
    MIN_A,
    Connection,
    Decision,
    Mode,
    Outcome,
    Plan,
    Readings,
    Reason,
    StationInput,
)
from .plan import make_plan
from .surplus import SurplusState, follow

# A limit lowered for the breaker rises when there has been room for so long.
_ROOM_S = 60
# A target that was missed is pursued for so long after its deadline.
_OVERDUE_S = 6 * 3600
# A vehicle that draws a little more than the sun gives is left alone, in amps.
_TOLERANCE_A = 0.25
# Requests for comfort are so far apart. Where others wait for the sun as well, more often would
# gain little; where several follow it, the first to be lowered is sooner too low for all.
_BETWEEN_S = 30
_BETWEEN_WAITING_S = 60
_BETWEEN_SEVERAL_S = 40
# A rise is worth a request when it is that large, or has lasted for as long as they are apart.
_LARGE_RISE_A = 2
# A vehicle follows its limit, and its power is known, by then; what it leaves, it does not want.
_SETTLED_S = 120
# The part of its limit that a vehicle is taken to draw where it does not draw all of it.
_DOUBTED_PART = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is to be remembered from one step to the next."""

    surplus: SurplusState = field(default_factory=SurplusState)
    candidates: frozenset[str] = frozenset()
    """Stations that followed the sun in the last step."""
    on: frozenset[str] = frozenset()
    """Those of them that the sun carried."""
    planned: frozenset[str] = frozenset()
    """Stations that charged by their plan in the last step."""
    deadlines: Mapping[str, float] = field(default_factory=dict)
    """By port id, until the target is reached."""
    held: Mapping[str, float] = field(default_factory=dict)
    """What stations had before they were lowered to protect the breaker, in amps."""
    rooms: tuple[tuple[float, float], ...] = ()
    """Moments and the power that the breaker left for vehicles, in watts."""
    charging: frozenset[str] = frozenset()
    """Stations at which energy flowed in the last step."""
    sparing: Mapping[str, float] = field(default_factory=dict)
    """Since when vehicles have drawn clearly less than they may, by port id."""
    appetites: Mapping[str, float] = field(default_factory=dict)
    """What those vehicles drew, in watts, until they draw more or their session ends."""
    doubts: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Of vehicles whose power is unseen: the limit while the breaker carried too much, and the
    part of it that they are taken to draw; by port id."""


class _Kind(Enum):
    LEAVE = auto()
    """A person decides; the station is lowered for protection only."""
    STOP = auto()
    FULL = auto()
    SUN = auto()
    FALLBACK = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Want:
    """What a station is to do as far as it alone is concerned."""

    station: StationInput
    kind: _Kind
    reason: Reason
    plan: Plan | None = None

    @property
    def port_id(self) -> str:
        return self.station.port_id

    @property
    def may_charge(self) -> bool:
        station = self.station
        if station.is_stuck:
            return False
        return station.is_active or (station.may_start and self.kind is not _Kind.LEAVE)

    def claim(self, max_a: float) -> Claim:
        station = self.station
        return Claim(
            port_id=station.port_id,
            watts_per_a=station.watts_per_a,
            max_a=int(min(max_a, _cap_a(station))),
            limit_a=station.limit_a,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One moment, as all stations of the connection share it."""

    state: State
    connection: Connection
    readings: Readings
    now: float
    appetites: Mapping[str, float]

    @property
    def is_blind(self) -> bool:
        """Whether the meter that is configured has no usable value."""
        return self.connection.has_grid and self.readings.grid_w is None

    @property
    def is_breaker_unseen(self) -> bool:
        """Whether nobody knows what the main breaker carries."""
        return self.is_blind and self.connection.main_limit_w is not None


# The first served first where the breaker does not leave enough for all.
_ORDER = (
    Reason.MANUAL,
    Reason.OVERRIDDEN,
    Reason.FAST,
    Reason.PLAN,
    Reason.PRICE,
    Reason.SENSOR_MISSING,
)


def step(
    state: State,
    connection: Connection,
    readings: Readings,
    stations: Sequence[StationInput],
    *,
    now: float,
) -> tuple[State, Outcome]:
    """Return the new state and what every station is to do.

    Stations come in the order of the settings. Limits are whole amps, never between 0 and 6,
    and together never more than the breaker leaves.
    """
    doubts = _doubts(state, connection, readings, stations)
    stations = [_doubted(station, doubts) for station in stations]
    deadlines = _deadlines(state, stations, now)
    sparing = _sparing(state, stations, now)
    appetites = _appetites(state, stations, sparing, now)
    look = _Look(
        state=state, connection=connection, readings=readings, now=now, appetites=appetites
    )
    wants = [_want(station, look, deadlines.get(station.port_id)) for station in stations]
    rooms, room_w = _room(look, stations)
    is_over = _is_over(look, stations, room_w)
    lasting_w = min((room_w, *(watts for _, watts in rooms)))
    planned = frozenset(w.port_id for w in wants if w.reason is Reason.PLAN)

    decisions: dict[str, Decision] = {}
    held = {p: a for p, a in state.held.items() if any(_is_left(w, p) for w in wants)}
    firm = sorted(
        (w for w in wants if w.kind in (_Kind.LEAVE, _Kind.FULL, _Kind.FALLBACK) and w.may_charge),
        key=lambda w: (_ORDER.index(w.reason), not w.station.is_charging),
    )
    claims = [w.claim(_firm_a(w, connection, held)) for w in firm]
    amps = _within(claims, room_w=room_w, lasting_w=lasting_w)
    for want, claim in zip(firm, claims, strict=True):
        decisions[want.port_id] = _firm(want, claim, amps[want.port_id], look, held)
    given_w = power_w(claims, amps)

    followers = [w for w in wants if w.kind is _Kind.SUN and w.may_charge]
    present_w = sum(w.station.limit_w for w in followers)
    room_w = max(lasting_w - given_w, min(room_w - given_w, present_w))
    surplus_w = _surplus_w(look, stations, firm, amps)
    for want in [w for w in followers if now - sparing.get(w.port_id, now) >= _SETTLED_S]:
        drawn_w = want.station.drawn_w
        if drawn_w and drawn_w > surplus_w:
            continue
        followers.remove(want)
        decisions[want.port_id] = _settled(want, room_w)
        room_w -= (decisions[want.port_id].limit_a or 0) * want.station.watts_per_a
        surplus_w -= drawn_w
    surplus, on = _carried(look, followers, surplus_w)
    between_s = _between_s(wants, on)
    lowest_w = surplus.lowest(surplus_w, since=now - between_s)
    falling_w = surplus.falling(surplus_w, now=now)
    sun = _Sun(now_w=surplus_w, falling_w=falling_w, lasting_w=lowest_w, room_w=room_w)
    decisions |= _follow_sun(followers, on, sun)

    for want in wants:
        if want.port_id not in decisions:
            decisions[want.port_id] = _idle(want, look, held)
    new = State(
        surplus=surplus,
        candidates=frozenset(w.port_id for w in followers),
        on=on,
        planned=planned,
        deadlines=deadlines,
        held=held,
        rooms=rooms,
        charging=frozenset(s.port_id for s in stations if s.is_charging),
        sparing=sparing,
        appetites=appetites,
        doubts=doubts,
    )
    return new, Outcome(decisions=decisions, is_urgent=is_over, between_s=between_s)


def _between_s(wants: Sequence[_Want], on: frozenset[str]) -> float:
    """Return how far apart requests for comfort are."""
    if len(on) > 1:
        return _BETWEEN_SEVERAL_S
    followers = [w for w in wants if w.kind is _Kind.SUN and w.station.is_active]
    return _BETWEEN_S if len(followers) <= 1 else _BETWEEN_WAITING_S


def _cap_a(station: StationInput) -> float:
    """Return the most amps that the station and the utility permit."""
    if station.demand_response_w is None:
        return station.max_a
    return min(station.max_a, station.demand_response_w // station.watts_per_a)


def _deadlines(state: State, stations: Sequence[StationInput], now: float) -> dict[str, float]:
    """Return the deadlines that count: one that is over stays until the target is reached."""
    deadlines: dict[str, float] = {}
    for station in stations:
        if station.ready_by is None or station.target_wh <= 0 or station.is_target_reached:
            continue
        before = state.deadlines.get(station.port_id)
        is_overdue = before is not None and before <= now < before + _OVERDUE_S
        if is_overdue and station.is_active and before is not None:
            deadlines[station.port_id] = before
        else:
            deadlines[station.port_id] = station.ready_by
    return deadlines


def _doubts(
    state: State, connection: Connection, readings: Readings, stations: Sequence[StationInput]
) -> dict[str, tuple[float, float]]:
    """Return of which vehicles it is in doubt that they draw what they are permitted.

    A vehicle whose power is unseen is taken to do so. Where the breaker still carries too much
    after its limit has been lowered, it draws less: half of the present one, as it may be.
    """
    doubts: dict[str, tuple[float, float]] = {}
    if not connection.is_over(readings):
        return doubts
    for station in stations:
        if not (station.is_active and station.is_charging and station.is_power_unseen):
            continue
        before_a, part = state.doubts.get(station.port_id, (station.limit_a, 1.0))
        if station.settling_w is not None:
            doubts[station.port_id] = before_a, part
        elif station.limit_a < before_a:
            doubts[station.port_id] = station.limit_a, _DOUBTED_PART
        else:
            doubts[station.port_id] = station.limit_a, part
    return doubts


def _doubted(station: StationInput, doubts: Mapping[str, tuple[float, float]]) -> StationInput:
    """Return a station with the power that a vehicle in doubt is taken to draw."""
    if station.settling_w is not None or station.port_id not in doubts:
        return station
    _, part = doubts[station.port_id]
    return replace(station, settling_w=part * station.limit_w)


def _sparing(state: State, stations: Sequence[StationInput], now: float) -> dict[str, float]:
    """Return since when vehicles have drawn clearly less than they may.

    One that stops of itself is full, or wants no more for now: that counts at once.
    """
    since: dict[str, float] = {}
    for station in stations:
        takes_all = station.is_charging and station.takes_all
        if takes_all or not station.is_active or station.limit_a < MIN_A:
            continue
        has_stopped = station.port_id in state.charging and not station.is_charging
        first = -math.inf if has_stopped else now
        # A clock that was set back would wait for ever.
        since[station.port_id] = min(first, state.sparing.get(station.port_id, now), now)
    return since


def _appetites(
    state: State, stations: Sequence[StationInput], sparing: Mapping[str, float], now: float
) -> dict[str, float]:
    """Return what vehicles draw that draw less than they may, in watts."""
    appetites: dict[str, float] = {}
    for station in stations:
        known_w = state.appetites.get(station.port_id)
        if not station.is_active:
            continue
        if station.is_charging and now - sparing.get(station.port_id, now) >= _SETTLED_S:
            appetites[station.port_id] = station.drawn_w
        elif known_w is not None and station.drawn_w <= known_w:
            appetites[station.port_id] = known_w
    return appetites


def _want(station: StationInput, look: _Look, deadline: float | None) -> _Want:
    """Return what a station is to do as far as it alone is concerned."""
    kind, plan = _Kind.LEAVE, None
    if station.mode is Mode.MANUAL:
        reason = Reason.MANUAL
    elif station.is_overridden:
        reason = Reason.OVERRIDDEN
    elif station.mode is Mode.OFF:
        kind, reason = _Kind.STOP, Reason.OFF
    elif look.is_breaker_unseen:
        kind, reason = _Kind.FALLBACK, Reason.SENSOR_MISSING
    elif station.mode is Mode.FAST:
        kind, reason = _Kind.FULL, Reason.FAST
    elif station.is_target_reached:
        kind, reason = _Kind.STOP, Reason.TARGET_REACHED
    else:
        plan = _plan(station, look, deadline)
        kind, reason = _smart(station, look, plan)
    return _Want(station=station, kind=kind, reason=reason, plan=plan)


def _plan(station: StationInput, look: _Look, deadline: float | None) -> Plan | None:
    if deadline is None:
        return None
    most_w = _cap_a(station) * station.watts_per_a
    return make_plan(
        look.readings.prices,
        now=look.now,
        ready_by=deadline,
        energy_wh=station.missing_wh,
        power_w=min(most_w, look.appetites.get(station.port_id, math.inf)),
        is_on=station.port_id in look.state.planned,
        price=look.readings.price,
    )


def _smart(station: StationInput, look: _Look, plan: Plan | None) -> tuple[_Kind, Reason]:
    """Return what the mode `smart` says: the first of its rules that applies."""
    readings = look.readings
    if plan and plan.is_on(look.now):
        return _Kind.FULL, Reason.PLAN
    if readings.is_cheap or _is_cheap(readings.price, station.price_limit):
        return _Kind.FULL, Reason.PRICE
    if look.is_blind or readings.battery_w is None or readings.is_price_missing:
        return _Kind.FALLBACK, Reason.SENSOR_MISSING
    if plan:
        return _Kind.SUN, Reason.WAITING_FOR_PLAN
    if look.connection.has_grid:
        return _Kind.SUN, Reason.WAITING_FOR_SUN
    return _Kind.SUN, Reason.WAITING_FOR_PRICE


def _is_cheap(price: float | None, limit: float | None) -> bool:
    return price is not None and limit is not None and price <= limit


def _room(
    look: _Look, stations: Sequence[StationInput]
) -> tuple[tuple[tuple[float, float], ...], float]:
    """Return what the breaker left for vehicles of late, and what it leaves now."""
    main_limit_w, grid_w = look.connection.main_limit_w, look.readings.grid_w
    if main_limit_w is None or grid_w is None:
        return (), math.inf
    house_w = grid_w - _drawn_w(stations)
    recent = ((at, w) for at, w in look.state.rooms if 0 <= look.now - at < _ROOM_S)
    rooms = (*recent, (look.now, main_limit_w - house_w))
    return rooms, rooms[-1][1]


def _is_over(look: _Look, stations: Sequence[StationInput], room_w: float) -> bool:
    """Return whether the breaker carries too much, or will once vehicles follow their limits."""
    expected_w = sum(station.expected_w for station in stations if not station.is_stuck)
    return look.connection.is_over(look.readings) or expected_w > room_w


def _within(claims: Sequence[Claim], *, room_w: float, lasting_w: float) -> dict[str, int]:
    """Divide what the breaker leaves: who rises needs room that has lasted, who stays does not.

    A vehicle counts as part of the house until its session is seen: what was left then is no
    reason to lower anybody.
    """
    amps = allocate(claims, lasting_w)
    if all(amps[claim.port_id] >= min(claim.max_a, int(claim.limit_a)) for claim in claims):
        return amps
    present = [replace(claim, max_a=min(claim.max_a, int(claim.limit_a))) for claim in claims]
    return allocate(present, room_w)


def _drawn_w(stations: Sequence[StationInput]) -> float:
    """Return what the vehicles draw whose limits can be changed now."""
    return sum(station.drawn_w for station in stations if not station.is_stuck)


def _is_left(want: _Want, port_id: str) -> bool:
    return want.port_id == port_id and want.kind is _Kind.LEAVE


def _firm_a(want: _Want, connection: Connection, held: Mapping[str, float]) -> float:
    """Return the most amps for a station that does not follow the sun."""
    if want.kind is _Kind.FALLBACK:
        return connection.fallback_a
    if want.kind is _Kind.LEAVE:
        return max(want.station.limit_a, held.get(want.port_id, 0))
    return math.inf


def _firm(want: _Want, claim: Claim, amps: int, look: _Look, held: dict[str, float]) -> Decision:
    """Return what becomes of a station that does not follow the sun; note what it had."""
    station = want.station
    if want.kind is not _Kind.LEAVE:
        reason = want.reason
        if want.kind is _Kind.FULL and amps < int(station.max_a):
            reason = (
                Reason.LIMITED_BY_DEMAND_RESPONSE
                if amps == claim.max_a or claim.max_a < MIN_A
                else Reason.LIMITED_BY_CONNECTION
            )
        return Decision(limit_a=amps, reason=reason, plan=want.plan)
    had = held.get(station.port_id)
    # Less than 6 A is a person's pause, or the utility's, and no matter of the breaker.
    is_lowered = amps < min(claim.max_a, int(max(station.limit_a, had or 0)))
    if is_lowered and claim.max_a >= MIN_A:
        held[station.port_id] = had or station.limit_a
        return Decision(limit_a=amps, reason=Reason.LIMITED_BY_CONNECTION)
    return _given_back(want, look, held)


def _given_back(want: _Want, look: _Look, held: dict[str, float]) -> Decision:
    """Return a person's limit from before the protection; leave the station once it has it.

    Without a meter there is no room that is known: the station stays as it is.
    """
    had = held.get(want.port_id)
    if had is not None and look.is_breaker_unseen:
        return Decision(limit_a=None, reason=Reason.SENSOR_MISSING)
    if had is not None and want.station.limit_a >= had:
        del held[want.port_id]
        had = None
    return Decision(limit_a=had, reason=want.reason)


def _surplus_w(
    look: _Look,
    stations: Sequence[StationInput],
    firm: Sequence[_Want],
    amps: Mapping[str, int],
) -> float:
    """Return the power of the sun that is left for the stations that follow it."""
    connection, readings = look.connection, look.readings
    if readings.grid_w is None or readings.battery_w is None:
        return -math.inf
    available_w = _drawn_w(stations) - readings.grid_w
    level = readings.battery_level
    is_battery_done = level is not None and level >= connection.battery_first
    if readings.battery_w < 0 or is_battery_done:
        available_w += readings.battery_w
    for want in firm:
        station = want.station
        if want.kind is _Kind.LEAVE or not station.takes_all:
            available_w -= station.drawn_w
        else:
            available_w -= amps[want.port_id] * station.watts_per_a
    return available_w


def _carried(
    look: _Look, followers: list[_Want], surplus_w: float
) -> tuple[SurplusState, frozenset[str]]:
    """Put the followers in their order, and return which of them the sun carries."""
    state, connection = look.state, look.connection
    on = {
        w.port_id
        for w in followers
        if w.port_id in state.on
        or (w.port_id not in state.candidates and w.station.is_active and w.station.is_charging)
    }
    followers.sort(key=lambda w: (w.port_id not in on, -w.station.missing_wh))
    surplus = follow(
        SurplusState(
            count=len(on),
            changing_since=state.surplus.changing_since,
            is_rising=state.surplus.is_rising,
            history=state.surplus.history,
        ),
        available_w=surplus_w,
        needs_w=[MIN_A * w.station.watts_per_a for w in followers],
        most_w=[w.claim(math.inf).most_w for w in followers],
        now=look.now,
        start_delay_s=connection.start_delay_s,
        pause_delay_s=connection.pause_delay_s,
    )
    return surplus, frozenset(w.port_id for w in followers[: surplus.count])


def _settled(want: _Want, room_w: float) -> Decision:
    """Return the decision for a vehicle that leaves some of its limit: it keeps it."""
    station = want.station
    limit_a = int(min(station.limit_a, _cap_a(station), max(0.0, room_w) // station.watts_per_a))
    reason = Reason.SUN if station.drawn_w else Reason.WAITING_FOR_VEHICLE
    if limit_a < MIN_A:
        limit_a, reason = 0, _cut_reason(want)
    return Decision(limit_a=limit_a, reason=reason, plan=want.plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sun:
    """What the sun leaves for the stations that follow it, in watts."""

    now_w: float
    falling_w: float
    """How much less of it there will be when a vehicle has followed."""
    lasting_w: float
    """The least for as long as requests are apart."""
    room_w: float
    """What the breaker leaves."""


def _follow_sun(followers: Sequence[_Want], on: frozenset[str], sun: _Sun) -> dict[str, Decision]:
    """Divide the surplus; who is not carried by it gets nothing, or 6 A where always on."""
    running = [w for w in followers if w.port_id in on or w.station.is_always_on]
    claims = [w.claim(math.inf) for w in running]
    least_w = sum(claim.least_w for claim in claims)
    present = {claim.port_id: int(claim.limit_a) for claim in claims}
    tolerance_w = _TOLERANCE_A * max((claim.watts_per_a for claim in claims), default=0)

    def divided(watts: float) -> dict[str, int]:
        return allocate(claims, min(max(watts, least_w), sun.room_w))

    amps = divided(sun.now_w + tolerance_w)
    if all(amps[port_id] >= present[port_id] >= MIN_A for port_id in present):
        # Nobody is above what there is: a rise is to be large, or to have lasted.
        rise_a = sum(divided(sun.now_w).values()) - sum(present.values())
        higher = divided(sun.now_w if rise_a >= _LARGE_RISE_A else sun.lasting_w)
        amps = higher if sum(higher.values()) > sum(present.values()) else present
    else:
        amps = divided(sun.now_w - sun.falling_w)
    decisions = {}
    for want in followers:
        limit = amps.get(want.port_id, 0)
        if want.port_id in amps and limit == 0:
            reason = _cut_reason(want)
        elif want.port_id in on:
            reason = Reason.SUN
        elif limit:
            reason = Reason.ALWAYS
        else:
            reason = want.reason
        decisions[want.port_id] = Decision(limit_a=limit, reason=reason, plan=want.plan)
    return decisions


def _cut_reason(want: _Want) -> Reason:
    if _cap_a(want.station) < MIN_A:
        return Reason.LIMITED_BY_DEMAND_RESPONSE
    return Reason.LIMITED_BY_CONNECTION


def _idle(want: _Want, look: _Look, held: dict[str, float]) -> Decision:
    """Return what becomes of a station that is paused, is stuck, or has no vehicle."""
    if want.station.is_stuck:
        return Decision(limit_a=None, reason=want.reason, plan=want.plan)
    if want.kind is _Kind.STOP:
        return Decision(limit_a=0, reason=want.reason)
    if want.kind is _Kind.LEAVE:
        return _given_back(want, look, held)
    reason = want.reason
    if reason is not Reason.SENSOR_MISSING:
        reason = Reason.WAITING_FOR_VEHICLE
    return Decision(limit_a=None, reason=reason, plan=want.plan)
