"""The simulated cloud: accounts, faults and the log of requests."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..clock import Clock, wall_clock
from ..json_values import JsonObject
from ..settings import Settings
from ..world.saved import dump_sessions
from ..world.webhooks import Outbox
from ..world.world import World
from .faults import Faults
from .rate_limit import RateLimit

type Environment = Literal["production", "staging"]


@dataclass(slots=True, kw_only=True)
class Account:
    """One API key: a world per environment, and one budget of requests for both."""

    key: str
    production: World
    staging: World
    rate_limit: RateLimit

    @property
    def worlds(self) -> dict[str, World]:
        """Return the worlds by environment."""
        return {"production": self.production, "staging": self.staging}

    def world(self, environment: str) -> World | None:
        """Return the world of an environment."""
        return self.worlds.get(environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One request; ``time`` is real epoch seconds, ``status`` 0 a dropped connection."""

    time: float
    key: str
    method: str
    path: str
    query: dict[str, str]
    body: object
    status: int


class Cloud:
    """Everything that is simulated; it stands still but for its clock and its callers."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        now: Callable[[], float] = wall_clock,
        saved: Mapping[str, Any] | None = None,
    ) -> None:
        """Build the accounts; ``now`` is real time in epoch seconds, ``saved`` of ``to_json``."""
        self.settings = settings or Settings()
        self.clock = Clock(now, self.settings.speed, self.settings.clock_ahead_s)
        self.faults = Faults()
        self.outbox = Outbox(self.settings.webhook_timeout_s)
        self.requests: deque[RequestRecord] = deque(maxlen=self.settings.request_log_size)
        self._saved = saved
        self.accounts = {key: self._account(key) for key in self.settings.keys}

    def _account(self, key: str) -> Account:
        return Account(
            key=key,
            production=self._world(key, "production", ""),
            staging=self._world(key, "staging", "[Staging] "),
            rate_limit=RateLimit(self.settings, self.clock.real),
        )

    def _world(self, key: str, environment: Environment, label: str) -> World:
        name = f"{key} {environment}"
        seed = f"{self.settings.seed} {name}"
        saved = None
        if self._saved is not None:
            saved = self._saved["saved_ms"], self._saved["sessions"].get(name, [])
        return World(self.settings, self.clock, self.outbox, seed=seed, label=label, saved=saved)

    def to_json(self) -> JsonObject:
        """Return all sessions, for the next run with the same keys and seed."""
        sessions = {
            f"{key} {environment}": dump_sessions(world)
            for key, account in self.accounts.items()
            for environment, world in account.worlds.items()
        }
        return {"saved_ms": self.clock.now_ms(), "sessions": sessions}

    def account(self, key: str | None = None) -> Account:
        """Return the account of a key, or the first one."""
        return self.accounts[key or self.settings.keys[0]]

    def world(self, key: str | None = None, environment: Environment = "production") -> World:
        """Return a world, by default the first account's production."""
        account = self.account(key)
        return account.staging if environment == "staging" else account.production

    @property
    def worlds(self) -> list[World]:
        """Every world."""
        return [world for a in self.accounts.values() for world in a.worlds.values()]

    def advance(self) -> None:
        """Bring every world up to the clock; webhooks are queued, not posted."""
        for world in self.worlds:
            world.advance()

    async def deliver(self) -> None:
        """Post the queued webhooks."""
        await self.outbox.deliver()
