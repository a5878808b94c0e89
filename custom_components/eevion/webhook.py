"""The webhook of an account: its URL, its registration and its calls."""

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
from yarl import URL

from .account import AccountData
from .api import BASE_URL, decode, parse
from .const import CONF_CLOUDHOOK_URL, DOMAIN, LOGGER
from .helpers import is_local_host, is_public_host


class HintKind(StrEnum):
    """The subject of a call."""

    SESSION = "session"
    JOB = "job"
    EXCEPTIONS = "exceptions"


@dataclass(frozen=True, slots=True)
class Hint:
    """The subject of a call, with the id of a session or job."""

    kind: HintKind
    id: str = ""


def read_hint(body: bytes) -> Hint | None:
    """Return the subject of a call, or None; raise ValueError if it is not a JSON object."""
    data = decode(body)
    if not isinstance(data, dict):
        raise ValueError("no JSON object")  # noqa: TRY004
    if data.get("type") == "exceptions" and isinstance(data.get("content"), list):
        return Hint(HintKind.EXCEPTIONS)
    if session_id := parse.identifier(data.get("sessionId")):
        return Hint(HintKind.SESSION, session_id)
    if "ids_completed" in data and (job_id := parse.identifier(data.get("id"))):
        return Hint(HintKind.JOB, job_id)
    return None


# The exceptions of a thousand stations are some 300 KB.
_MAX_BODY = 1024 * 1024
# A larger body is decoded in a thread.
_AT_ONCE = 64 * 1024
_READ_TIMEOUT_S = 10


class Webhook:
    """The webhook of an account; its id is the only secret of a call."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Create the id of the account's webhook, if there is none."""
        self._hass = hass
        self._entry = entry
        self._webhook_id = AccountData.of(entry).webhook_id or webhook.async_generate_id()
        if entry.data.get(CONF_WEBHOOK_ID) != self._webhook_id:
            self._async_store(CONF_WEBHOOK_ID, self._webhook_id)

    @property
    def url(self) -> str | None:
        """Return the URL for the cloud; None if Home Assistant has no URL that it can reach."""
        data = AccountData.of(self._entry)
        if _has_cloud(self._hass) and data.cloudhook_url:
            return data.cloudhook_url
        is_local = is_local_host(_host(data.url or BASE_URL))
        try:
            url = webhook.async_generate_url(
                self._hass,
                self._webhook_id,
                allow_internal=is_local,
                prefer_external=not is_local,
            )
        except NoURLAvailableError:
            return None
        return url if is_local or is_public_host(_host(url)) else None

    @callback
    def async_start(self, on_hint: Callable[[Hint], None]) -> None:
        """Accept calls until the entry is unloaded."""
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
            self._async_listen_to_cloud(webhook_id)

    @callback
    def _async_listen_to_cloud(self, webhook_id: str) -> None:
        from homeassistant.components import cloud  # noqa: PLC0415

        @callback
        def handle_change(hook: dict[str, Any] | None) -> None:
            self._async_store(CONF_CLOUDHOOK_URL, hook["cloudhook_url"] if hook else None)

        @callback
        def handle_connection(_state: object = None) -> None:
            self._entry.async_create_background_task(
                self._hass, self._async_get_cloudhook(webhook_id), "get cloudhook"
            )

        on_unload = self._entry.async_on_unload
        on_unload(cloud.async_listen_cloudhook_change(self._hass, webhook_id, handle_change))
        on_unload(cloud.async_listen_connection_change(self._hass, handle_connection))
        handle_connection()

    async def _async_get_cloudhook(self, webhook_id: str) -> None:
        """Store a URL of Home Assistant Cloud, if there is an active subscription."""
        from hass_nabucasa import NabuCasaBaseError  # noqa: PLC0415
        from homeassistant.components import cloud  # noqa: PLC0415

        if not cloud.async_active_subscription(self._hass):
            return
        try:
            url = await cloud.async_get_or_create_cloudhook(self._hass, webhook_id)
        except (cloud.CloudNotAvailable, NabuCasaBaseError, TimeoutError, ValueError) as err:
            LOGGER.debug("No cloudhook could be created: %s", type(err).__name__)
        else:
            self._async_store(CONF_CLOUDHOOK_URL, url)

    @callback
    def _async_store(self, key: str, value: str | None) -> None:
        data = {**self._entry.data, key: value}
        if value is None:
            del data[key]
        self._hass.config_entries.async_update_entry(self._entry, data=data)


async def async_remove_cloudhook(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the cloudhook of an account."""
    data = AccountData.of(entry)
    if not (data.cloudhook_url and data.webhook_id and "cloud" in hass.config.components):
        return
    from hass_nabucasa import NabuCasaBaseError  # noqa: PLC0415
    from homeassistant.components import cloud  # noqa: PLC0415

    try:
        await cloud.async_delete_cloudhook(hass, data.webhook_id)
    except (cloud.CloudNotAvailable, NabuCasaBaseError, ValueError) as err:
        LOGGER.debug("The cloudhook could not be deleted: %s", type(err).__name__)


def _has_cloud(hass: HomeAssistant) -> bool:
    if "cloud" not in hass.config.components:
        return False
    from homeassistant.components import cloud  # noqa: PLC0415

    return cloud.async_active_subscription(hass)


def _host(url: str) -> str:
    return URL(url).host or ""


async def _async_answer(request: Request, on_hint: Callable[[Hint], None]) -> Response:
    """Return the same answer whether or not the account has the session or job of a call."""
    try:
        body = await _async_read(request)
    except TimeoutError:
        return Response(status=HTTPStatus.REQUEST_TIMEOUT)
    except RequestPayloadError, OSError:  # the connection was closed
        return Response(status=HTTPStatus.BAD_REQUEST)
    if len(body) > _MAX_BODY:
        return Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        is_short = len(body) <= _AT_ONCE
        hint = read_hint(body) if is_short else await asyncio.to_thread(read_hint, body)
    except ValueError:
        return Response(status=HTTPStatus.BAD_REQUEST)
    if hint:
        on_hint(hint)
    return Response(status=HTTPStatus.OK)


async def _async_read(request: Request) -> bytes:
    """Return the body, or the beginning of a body that is too long."""
    stream = request.content
    body = bytearray()
    async with asyncio.timeout(_READ_TIMEOUT_S):
        while len(body) <= _MAX_BODY and (chunk := await stream.read(_MAX_BODY + 1 - len(body))):
            body += chunk
    return bytes(body)
