"""What tests need to call the integration's actions."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from simulator import Cloud


async def act(hass: HomeAssistant, action: str, *, context: Context | None = None, **data: Any):
    """Call an action that answers nothing."""
    await hass.services.async_call("eevion", action, data, blocking=True, context=context)


async def ask(
    hass: HomeAssistant, action: str, *, context: Context | None = None, **data: Any
) -> dict[str, Any]:
    """Call an action and return its answer."""
    answer = await hass.services.async_call(
        "eevion", action, data, blocking=True, return_response=True, context=context
    )
    assert isinstance(answer, dict)
    return answer


def device(hass: HomeAssistant, entry: MockConfigEntry, identifier: str) -> str:
    """Return the id of the device of a station or site."""
    found = dr.async_get(hass).async_get_device_by_identifier(
        ("eevion", identifier), entry.entry_id
    )
    assert found
    return found.id


def sent(cloud: Cloud, path: str, method: str = "POST") -> list[Any]:
    """Return the bodies of the requests to a path."""
    return [r.body for r in cloud.requests if r.path.endswith(path) and r.method == method]


def starts(cloud: Cloud) -> list[Any]:
    return [body for body in sent(cloud, "/session") if body and "stationId" in body]


async def pass_until[R](
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, doing: Coroutine[Any, Any, R]
) -> R:
    """Let time pass until something that takes its time is done."""
    task = asyncio.ensure_future(doing)
    for _ in range(1000):
        if task.done():
            break
        freezer.tick(timedelta(seconds=1))
        async_fire_time_changed(hass)
        for _ in range(50):
            await asyncio.sleep(0)
    return await task
