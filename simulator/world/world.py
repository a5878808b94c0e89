"""One account's sites and stations in one environment, and what happens there."""

from random import Random
from typing import Any

from ..charging.model import Lifecycle
from ..clock import Clock
from ..errors import ControlError
from ..settings import Settings
from .catalog import MODELS
from .drivers import Drivers
from .history import seed_history
from .jobs import Jobs
from .network import Network
from .saved import load_sessions
from .traffic import Traffic
from .webhooks import Outbox


class World(Drivers, Network):
    """A world, with what its owner does; each method first catches up with the clock."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        outbox: Outbox,
        *,
        seed: str,
        label: str,
        saved: tuple[int, list[Any]] | None = None,
    ) -> None:
        """Build the world that belongs to a seed; ``saved`` is what a former run saved, and when.

        Its sessions take the place of ``history_days``.
        """
        saved_ms, sessions = saved or (None, [])
        super().__init__(settings, clock, outbox, seed=seed, label=label, saved_ms=saved_ms)
        self.jobs = Jobs(self)
        if saved:
            load_sessions(self, sessions)
        else:
            seed_history(self, settings.history_days, Random(f"{seed} history"))
        if settings.auto_cars:
            Traffic(self, f"{seed} {saved_ms}" if saved else seed).plan_all()

    def add_station(
        self,
        name: str,
        *,
        site: int = 0,
        model: str = MODELS[0].name,
        tariff: int = 0,
        lifecycle: Lifecycle = "active",
    ) -> str:
        """Add a station to the site with an index; return its port id."""
        self.advance()
        kind = next((m for m in MODELS if m.name == model), None)
        if self.find(name) is not None or not name or kind is None:
            raise ControlError("A new station needs a free name and one of the models")
        if not (0 <= site < len(self.sites) and 0 <= tariff < len(self.tariffs)):
            raise ControlError("There is no such site or tariff")
        station = self.builder.station(
            self.sites[site], name, model=kind, tariff=self.tariffs[tariff], lifecycle=lifecycle
        )
        self._by_name[name] = station
        return station.port_id

    def remove_station(self, name: str, *, forget: bool = False) -> None:
        """Take a station down for good; with ``forget`` it is listed no more."""
        station = self.station(name)
        self.unplug(name)
        self.connect(name)
        self.clear_fault(name)
        self.set_lifecycle(name, "removed")
        if forget:
            station.site.stations.remove(station)
            del self._by_name[name]

    def set_lifecycle(self, name: str, lifecycle: Lifecycle) -> None:
        """Let a station be planned, active or removed."""
        station = self.station(name)
        station.lifecycle = lifecycle
        self._changed(station)

    def rename_station(self, name: str, new_name: str) -> None:
        """Give a station another display name; its port id stays."""
        station = self.station(name)
        if not new_name or self.find(new_name) is not None:
            raise ControlError(f"The name {new_name!r} is not free")
        station.name = new_name
        self._by_name[new_name] = self._by_name.pop(name)
        self._changed(station)

    def set_session_limit(self, name: str, seconds: int | None) -> None:
        """Limit the time of sessions that start from now on."""
        self.station(name).session_limit_s = seconds

    def fail_jobs(self, name: str, message: str = "The station did not answer") -> None:
        """Let every job fail at a station with a message, or none with an empty one."""
        self.station(name)
        self.jobs.failures[name] = message
