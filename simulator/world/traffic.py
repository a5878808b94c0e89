"""Cars that come and go on their own."""

from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

from ..errors import ControlError
from .catalog import VEHICLES
from .drivers import PATIENCE_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..charging.car import Car
    from ..charging.station import Station
    from .drivers import Drivers

type Step = Callable[[Station], None]

MEAN_GAP_S = 2 * 3600
FIRST_GAP_S = 600
MEAN_STAY_S = 4 * 3600
LONGEST_STAY_S = 12 * 3600
START_WITH = ("Card", "iOS", "Android", "Roaming")


class Traffic:
    """Drivers; each station has a random source of its own."""

    def __init__(self, world: Drivers, seed: str) -> None:
        """Send cars to a world's stations."""
        self._world = world
        self._cars: dict[str, Car | None] = {}
        self._random = {s.port_id: Random(f"{seed} {s.name}") for s in world.stations}

    def plan_all(self) -> None:
        """Plan the first car of each station."""
        for station in self._world.stations:
            gap_s = self._random[station.port_id].uniform(0, FIRST_GAP_S)
            self._after(gap_s, station, self._arrive)

    def _after(self, seconds: float, station: Station, action: Step) -> None:
        self._world.timeline.after(seconds, lambda: action(station))

    def _arrive(self, station: Station) -> None:
        random = self._random[station.port_id]
        try:
            self._world.plug_in(
                station.name,
                battery_wh=random.choice((40_000, 60_000, 75_000)),
                percent=random.randrange(10, 80),
                vehicle=random.choice(VEHICLES),
            )
        except ControlError:
            self._after(random.expovariate(1 / MEAN_GAP_S), station, self._arrive)
            return
        self._cars[station.port_id] = station.car
        self._after(random.uniform(5, 40), station, self._authorize)
        stay_s = min(random.expovariate(1 / MEAN_STAY_S) + 120, LONGEST_STAY_S)
        if station.is_for_short_stays:
            stay_s = min(stay_s, _fill_s(station) + random.uniform(0, PATIENCE_MS / 1000))
        self._after(stay_s, station, self._leave)

    def _authorize(self, station: Station) -> None:
        start_with = self._random[station.port_id].choice(START_WITH)
        if self._is_here(station) and station.session is None:
            with suppress(ControlError):
                self._world.swipe_card(station.name, start_with)

    def _leave(self, station: Station) -> None:
        if self._is_here(station):
            self._world.unplug(station.name)
        gap_s = self._random[station.port_id].expovariate(1 / MEAN_GAP_S)
        self._after(gap_s, station, self._arrive)

    def _is_here(self, station: Station) -> bool:
        """Return whether the car that came on its own was not replaced by a person."""
        return station.car is not None and station.car is self._cars[station.port_id]


def _fill_s(station: Station) -> float:
    """Return how long it takes until the battery is full, if nothing limits it."""
    car = station.car
    watts = min(car.max_w, station.model.max_w) if car else 0
    return car.room_wms() / watts / 1000 if car and watts else 0
