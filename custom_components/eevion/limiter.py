"""Sends charging limits: those given together in one request, and only the newest."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from .api import ChargingLimit, EevionConnectionError, EevionError
from .coordinator import EevionCoordinator

# Limits given within so many seconds leave together.
_TOGETHER_S = 0.1

type _Refusals = Mapping[str, str | None]
"""What the cloud says of each station that it refused, by the station's name."""


@dataclass(slots=True)
class _Batch:
    """Limits by port id, and those who want to know what became of them."""

    limits: dict[str, ChargingLimit] = field(default_factory=dict)
    askers: list[asyncio.Future[_Refusals]] = field(default_factory=list)

    def take(self, other: _Batch) -> None:
        """Take over a newer batch, whose limits replace older ones."""
        self.limits |= other.limits
        self.askers += other.askers
        other.limits, other.askers = {}, []

    def answer(self, refusals: _Refusals) -> None:
        for asker in self.askers:
            if not asker.done():
                asker.set_result(refusals)

    def fail(self, err: EevionError) -> None:
        for asker in self.askers:
            if not asker.done():
                asker.set_exception(err)


class Limiter:
    """The limits of one account that are on their way to the cloud."""

    def __init__(self, coordinator: EevionCoordinator) -> None:
        """Prepare; what is on its way ends with the entry."""
        self._coordinator = coordinator
        self._waiting = _Batch()
        self._work: asyncio.Task[None] | None = None

    async def async_send(self, limits: Mapping[str, ChargingLimit]) -> _Refusals:
        """Send limits, by port id, and show them; a newer one replaces one that still waits.

        Raises EevionError where the cloud took none.
        """
        asker: asyncio.Future[_Refusals] = asyncio.get_running_loop().create_future()
        self._waiting.take(_Batch(dict(limits), [asker]))
        if self._work is None:
            self._work = self._coordinator.config_entry.async_create_background_task(
                self._coordinator.hass, self._async_work(), "send limits"
            )
        return await asker

    async def _async_work(self) -> None:
        """Send batch after batch: limits of a station must not overtake each other."""
        sent = _Batch()

        def take_waiting() -> list[ChargingLimit]:
            sent.take(self._waiting)
            return list(sent.limits.values())

        try:
            while self._waiting.askers:
                await asyncio.sleep(_TOGETHER_S)
                sent = _Batch()
                try:
                    results = await self._coordinator.client.set_charging_limits(
                        limits=take_waiting
                    )
                except EevionError as err:
                    if not sent.askers:  # it never left
                        take_waiting()
                    sent.fail(err)
                else:
                    refusals = {r.station_id: r.message for r in results if not r.is_success}
                    self._coordinator.async_set_limits(
                        {
                            port_id: limit
                            for port_id, limit in sent.limits.items()
                            if limit.station_id not in refusals
                        }
                    )
                    sent.answer(refusals)
        finally:
            self._work = None
            take_waiting()
            sent.fail(EevionConnectionError("The account is no longer connected"))
