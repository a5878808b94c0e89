"""What the cloud's calls are about; nothing else of them is read."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from homeassistant.util.json import json_loads_object

_MAX_ID = 100


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
    if session_id := _id(data.get("sessionId")):
        return Hint(HintKind.SESSION, session_id)
    if isinstance(data.get("ids_completed"), list) and (job_id := _id(data.get("id"))):
        return Hint(HintKind.JOB, job_id)
    return None


def _id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    is_text = isinstance(value, str) and 0 < len(value) <= _MAX_ID
    return value if is_text else None
