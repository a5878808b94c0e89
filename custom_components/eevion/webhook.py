"""Where the cloud may call: the webhook of one account, and the URL that leads to it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from aiohttp.hdrs import METH_POST
from aiohttp.web import Request, RequestPayloadError, Response
from homeassistant.components import webhook
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.network import NoURLAvailableError
from homeassistant.util.json import json_loads_object
from yarl import URL

from .account.settings import AccountData
from .api import BASE_URL, parse
from .const import CONF_CLOUDHOOK_URL, DOMAIN, LOGGER
from .helpers import is_local_host, is_public_host


class HintKind(StrEnum):
    """What a call can be about."""

    SESSION = "session"
    JOB = "job"
    EXCEPTIONS = "exceptions"


@dataclass(frozen=True, slots=True)
class Hint:
    """What to look at; the id of a session or job."""

    kind: HintKind
    id: str = ""


def read_hint(body: bytes) -> Hint | None:
    """Return what a call is about, by its shape; raise ValueError where it is no JSON object."""
    data = json_loads_object(body)
    if data.get("type") == "exceptions" and isinstance(data.get("content"), list):
        return Hint(HintKind.EXCEPTIONS)
    if session_id := parse.identifier(data.get("sessionId")):
        return Hint(HintKind.SESSION, session_id)
    if isinstance(data.get("ids_completed"), list) and (job_id := parse.identifier(data.get("id"))):
        return Hint(HintKind.JOB, job_id)
    return None


_MAX_BODY = 64 * 1024
_PATIENCE_S = 10


class Webhook:
    """One account's webhook; its id is the only secret that a caller has to know."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Give the account an id of its own, once."""
        self._hass = hass
        self._entry = entry
        self._webhook_id = AccountData.of(entry).webhook_id or webhook.async_generate_id()
        if entry.data.get(CONF_WEBHOOK_ID) != self._webhook_id:
            self._async_keep(CONF_WEBHOOK_ID, self._webhook_id)

    @property
    def url(self) -> str | None:
        """What to give to the cloud; None where there is nothing that it could reach."""
        data = AccountData.of(self._entry)
        if _has_cloud(self._hass) and data.cloudhook_url:
            return data.cloudhook_url
        is_near = is_local_host(_host(data.url or BASE_URL))
        try:
            url = webhook.async_generate_url(
                self._hass,
                self._webhook_id,
                allow_internal=is_near,
                prefer_external=not is_near,
            )
        except NoURLAvailableError:
            return None
        return url if is_near or is_public_host(_host(url)) else None

    @callback
    def async_start(self, on_hint: Callable[[Hint], None]) -> None:
        """Take calls until the entry is unloaded."""
        webhook_id = self._webhook_id

        async def handle(hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
            return await _async_answer(request, on_hint)

        webhook.async_register(
            self._hass,
            DOMAIN,
            self._entry.title,
            webhook_id,
            handle,
            local_only=False,
            allowed_methods=[METH_POST],
        )
        self._entry.async_on_unload(lambda: webhook.async_unregister(self._hass, webhook_id))
        if "cloud" in self._hass.config.components:
            self._async_follow_cloud(webhook_id)

    @callback
    def _async_follow_cloud(self, webhook_id: str) -> None:
        from homeassistant.components import cloud  # noqa: PLC0415

        @callback
        def changed(hook: dict[str, Any] | None) -> None:
            self._async_keep(CONF_CLOUDHOOK_URL, hook["cloudhook_url"] if hook else None)

        @callback
        def connected(_state: object = None) -> None:
            self._entry.async_create_background_task(
                self._hass, self._async_get_cloudhook(webhook_id), "get cloudhook"
            )

        on_unload = self._entry.async_on_unload
        on_unload(cloud.async_listen_cloudhook_change(self._hass, webhook_id, changed))
        on_unload(cloud.async_listen_connection_change(self._hass, connected))
        connected()

    async def _async_get_cloudhook(self, webhook_id: str) -> None:
        """Keep a URL of Home Assistant Cloud, where that is connected and paid for."""
        from hass_nabucasa import NabuCasaBaseError  # noqa: PLC0415
        from homeassistant.components import cloud  # noqa: PLC0415

        if not cloud.async_active_subscription(self._hass):
            return
        try:
            url = await cloud.async_get_or_create_cloudhook(self._hass, webhook_id)
        except (cloud.CloudNotAvailable, NabuCasaBaseError, TimeoutError, ValueError) as err:
            LOGGER.debug("No cloudhook: %s", type(err).__name__)
        else:
            self._async_keep(CONF_CLOUDHOOK_URL, url)

    @callback
    def _async_keep(self, key: str, value: str | None) -> None:
        data = {**self._entry.data, key: value}
        if value is None:
            del data[key]
        self._hass.config_entries.async_update_entry(self._entry, data=data)


async def async_remove_cloudhook(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Give back what Home Assistant Cloud holds for an account."""
    data = AccountData.of(entry)
    if not (data.cloudhook_url and data.webhook_id and "cloud" in hass.config.components):
        return
    from hass_nabucasa import NabuCasaBaseError  # noqa: PLC0415
    from homeassistant.components import cloud  # noqa: PLC0415

    try:
        await cloud.async_delete_cloudhook(hass, data.webhook_id)
    except (cloud.CloudNotAvailable, NabuCasaBaseError, ValueError) as err:
        LOGGER.debug("The cloudhook was not there to be removed: %s", type(err).__name__)


def _has_cloud(hass: HomeAssistant) -> bool:
    if "cloud" not in hass.config.components:
        return False
    from homeassistant.components import cloud  # noqa: PLC0415

    return cloud.async_active_subscription(hass)


def _host(url: str) -> str:
    return URL(url).host or ""


async def _async_answer(request: Request, on_hint: Callable[[Hint], None]) -> Response:
    """Answer at once and alike, whether or not the call means something to this account."""
    try:
        body = await _async_read(request)
    except TimeoutError:
        return Response(status=HTTPStatus.REQUEST_TIMEOUT)
    except RequestPayloadError, OSError:  # it was broken off
        return Response(status=HTTPStatus.BAD_REQUEST)
    if len(body) > _MAX_BODY:
        return Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        hint = read_hint(body)
    except ValueError:
        return Response(status=HTTPStatus.BAD_REQUEST)
    if hint:
        on_hint(hint)
    return Response(status=HTTPStatus.OK)


async def _async_read(request: Request) -> bytes:
    """Return the body, or the beginning of one that is too long."""
    stream = request.content
    body = bytearray()
    async with asyncio.timeout(_PATIENCE_S):
        while len(body) <= _MAX_BODY and (chunk := await stream.read(_MAX_BODY + 1 - len(body))):
            body += chunk
    return bytes(body)
