"""What the answers of the dashboard cost."""

import asyncio
from dataclasses import dataclass
import logging
from statistics import median
import time
from typing import Any

from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.http import WebSocketAdapter
from homeassistant.helpers.json import json_bytes

from .house import House


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """CPU time of an answer as it is sent, in s, and the size of the larger one."""

    views: float
    stations: float
    size: int


async def measure_dashboard(house: House, times: int) -> Dashboard:
    """Measure the list of views, and the view of all stations."""
    user = await house.hass.auth.async_create_user("Owner", group_ids=["system-admin"])
    answers: asyncio.Queue[Any] = asyncio.Queue()
    adapter = WebSocketAdapter(logging.getLogger(__name__), {"connid": 0})
    connection = ActiveConnection(adapter, house.hass, answers.put_nowait, user, None, None)
    number = 0

    async def ask(**fields: str) -> tuple[float, int]:
        nonlocal number
        number += 1
        begin = time.process_time()
        connection.async_handle(
            {"id": number, "type": "eevion/dashboard", "language": "en", **fields}
        )
        answer = await answers.get()
        sent = answer if isinstance(answer, bytes) else json_bytes(answer)
        return time.process_time() - begin, len(sent)

    views = [await ask() for _ in range(times)]
    stations = [await ask(path="stations") for _ in range(times)]
    return Dashboard(
        views=median(seconds for seconds, _ in views),
        stations=median(seconds for seconds, _ in stations),
        size=max(size for _, size in (*views, *stations)),
    )
