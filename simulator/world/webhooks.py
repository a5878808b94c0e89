"""Webhooks: what is posted where, and how it went."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Literal

import aiohttp

type Kind = Literal["session", "job", "exceptions"]

LOG_SIZE = 1_000


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One webhook call."""

    kind: Kind
    url: str
    body: object
    created_ms: int
    status: int | None = None
    """The receiver's HTTP status, once it has answered."""
    error: str = ""


class Outbox:
    """Webhook calls to make, and those made; each is tried once."""

    def __init__(self, timeout_s: float) -> None:
        """Give receivers ``timeout_s`` real seconds to answer."""
        self.log: deque[Delivery] = deque(maxlen=LOG_SIZE)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._pending: list[Delivery] = []
        self._posting = asyncio.Lock()

    def post(self, delivery: Delivery) -> None:
        """Queue a call; without a URL there is none to make."""
        if delivery.url:
            self._pending.append(delivery)
            self.log.append(delivery)

    async def deliver(self) -> None:
        """Make every queued call, all at once; wait for those under way."""
        async with self._posting:
            pending, self._pending = self._pending, []
            if not pending:
                return
            async with aiohttp.ClientSession(timeout=self._timeout) as client:
                await asyncio.gather(*(self._send(client, item) for item in pending))

    async def _send(self, client: aiohttp.ClientSession, item: Delivery) -> None:
        try:
            async with client.post(item.url, json=item.body) as response:
                item.status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            item.error = f"{type(error).__name__}: {error}"
