"""The action that writes the sessions of a time span into a file."""

from contextlib import aclosing
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
import re
from typing import Final

from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util, slugify
from homeassistant.util.file import WriteError, write_utf8_file_atomic
import probatio as vol

from ..const import DOMAIN
from ..errors import failed, invalid, read_errors
from ..statements import (
    Period,
    SessionRow,
    Span,
    Sums,
    async_lists_lack_sessions,
    async_statement_pages,
    csv_text,
)
from ..stations import Json
from ..translation import Texts
from .history import ATTR_FROM, ATTR_TO
from .moments import day
from .targets import TARGET_FIELDS, Target, async_query_target

ATTR_PERIOD: Final = "period"

_LETTERS: Final = re.compile("[a-z]")
_NO_SLUG: Final = "unknown"
"""What Home Assistant makes of a text without letters and digits."""

SERVICE_EXPORT_SESSIONS: Final = "export_sessions"
_EXPORT_SESSIONS_SCHEMA = vol.Schema(
    {
        **TARGET_FIELDS,
        vol.Optional(ATTR_FROM): day,
        vol.Optional(ATTR_TO): day,
        vol.Optional(ATTR_PERIOD): cv.string,
    }
)

# The media folder that Home Assistant has by default, and the subfolder for the files.
_MEDIA = "local"
_FOLDER = DOMAIN
# Most systems allow 255 bytes; the rest is for the span and what a writer appends meanwhile.
_MAX_SLUG = 60


@callback
def async_setup_export_actions(hass: HomeAssistant) -> None:
    """Register the action."""
    hass.services.async_register(
        DOMAIN,
        SERVICE_EXPORT_SESSIONS,
        _async_export_sessions,
        schema=_EXPORT_SESSIONS_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_export_sessions(call: ServiceCall) -> Json:
    """Write the sessions that began within a time span into a CSV file (`POST /session`)."""
    hass = call.hass
    target = await async_query_target(call)
    span = _span(call)
    folder = _media_folder(hass)
    rows: list[SessionRow] = []
    ended = 0
    is_complete = True
    with read_errors():
        async with aclosing(async_statement_pages(target.scope, span)) as pages:
            async for page in pages:
                rows += page.rows
                ended += page.ended
                is_complete = is_complete and page.is_complete
    if await async_lists_lack_sessions(target.scope, span, ended):
        is_complete = False
    path = folder / _FOLDER / f"{_name(hass, target)}_{span.name}.csv"
    texts = await Texts.async_load(hass)
    sums = await hass.async_add_executor_job(_write, path, rows, texts)
    return {
        "path": str(path),
        "from": span.first.isoformat(),
        "to": span.last.isoformat(),
        "rows": len(rows),
        "active": sum(row.is_active for row in rows),
        "sums": sums.as_json(),
        "is_complete": is_complete,
    }


def _span(call: ServiceCall) -> Span:
    """Return the days of a call; by default this month."""
    today = dt_util.now().date()
    first: date | None = call.data.get(ATTR_FROM)
    last: date | None = call.data.get(ATTR_TO)
    period: str | None = call.data.get(ATTR_PERIOD)
    if first is None and last is None:
        if period not in (None, *Period):
            raise invalid("unknown_period", period=period or "-", known=", ".join(Period))
        return Span.of_period(Period(period or Period.THIS_MONTH), today)
    if period is not None:
        raise invalid("span_twice")
    span = Span.of_month(last or today)
    span = replace(span, first=first or span.first, last=last or today)
    if span.first > min(span.last, today):
        raise invalid(
            "dates_turned_round", first=span.first.isoformat(), last=span.last.isoformat()
        )
    return span


def _media_folder(hass: HomeAssistant) -> Path:
    folders = hass.config.media_dirs
    if not folders:
        raise failed("no_media_folder")
    return Path(folders.get(_MEDIA) or next(iter(folders.values())))


def _name(hass: HomeAssistant, target: Target) -> str:
    """Return the beginning of a file's name: the account, and the stations if any are named."""
    slug = slugify("_".join([target.entry.title, *target.names]))
    if not _LETTERS.search(slugify(target.entry.title).removeprefix(_NO_SLUG)):
        # A title without letters, such as "+1", says nothing to who finds the file.
        slug = slugify("_".join([DOMAIN, target.entry.title, *target.names]))
    slug = slug[:_MAX_SLUG].rstrip("_")
    is_only_account = len(hass.config_entries.async_entries(DOMAIN)) == 1
    if is_only_account and not target.port_ids:
        return slug
    # Names may be cut, or be those of another account or station: the file must not be.
    ids = "\n".join([target.entry.entry_id, *sorted(target.port_ids)])
    return f"{slug}_{sha256(ids.encode()).hexdigest()[:8]}"


def _write(path: Path, rows: list[SessionRow], texts: Texts) -> Sums:
    """Write the file, in place of an older one of the same name, and return the sums."""
    rows.sort(key=lambda row: (row.start, row.station, row.session_id))
    sums = Sums()
    sums.add(rows)
    text = csv_text(rows, sums, texts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_utf8_file_atomic(str(path), text)
    except (OSError, WriteError) as err:
        raise failed("export_not_written", path=str(path), error=str(err)) from err
    return sums
