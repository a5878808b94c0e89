"""Breaking the cloud: what goes wrong with which requests."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ..errors import ControlError


class FaultKind(StrEnum):
    """What can go wrong with a request."""

    LATENCY = "latency"
    """The answer comes ``seconds`` (real ones) late."""
    DROP = "drop"
    """The connection breaks before the request is taken."""
    DROP_ANSWER = "drop_answer"
    """The request is taken, and the connection breaks before the answer."""
    ERROR = "error"
    """HTTP ``status`` (500 without) with an HTML body."""
    HTML = "html"
    """HTTP 200 with an HTML body."""
    UNAUTHORIZED = "unauthorized"
    """HTTP 401."""
    FORBIDDEN = "forbidden"
    """HTTP 403."""
    RATE_LIMITED = "rate_limited"
    """HTTP 429, with ``Retry-After: seconds`` where seconds are given."""
    TRUNCATED = "truncated"
    """The JSON ends halfway."""
    STALE = "stale"
    """The answer is the one that the first request under the fault got."""
    MISSING = "missing"
    """Rows of one ``station`` are missing from lists."""
    WRONG_METER = "wrong_meter"
    """The sessions of one ``station`` have 500,000 kWh and cost as much."""
    WRONG_TYPES = "wrong_types"
    """The values of one ``station`` have wrong JSON types."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """A fault, for some requests or until it is cleared."""

    kind: FaultKind
    path: str = ""
    """Only paths below the API that begin so, such as ``/session``; all without."""
    method: str = ""
    remaining: int | None = None
    """How many requests it still meets; None means all."""
    seconds: float = 0
    status: int = 500
    station: str = ""

    def meets(self, method: str, path: str) -> bool:
        """Tell whether a request runs into it."""
        return path.startswith(self.path) and self.method in ("", method)


class Faults:
    """The faults that are set."""

    def __init__(self) -> None:
        """Start with a cloud that works."""
        self.active: list[Fault] = []

    def set(
        self,
        kind: str,
        *,
        path: str = "",
        method: str = "",
        count: int | None = None,
        seconds: float = 0,
        status: int = 500,
        station: str = "",
    ) -> Fault:
        """Break requests until cleared, or the next ``count`` of them."""
        if kind not in list(FaultKind):
            raise ControlError(f"A fault is one of: {', '.join(FaultKind)}")
        fault = Fault(
            kind=FaultKind(kind),
            path=path,
            method=method,
            remaining=count,
            seconds=seconds,
            status=status,
            station=station,
        )
        self.active.append(fault)
        return fault

    def fail_next(self, kind: str, *, path: str = "", method: str = "", count: int = 1) -> Fault:
        """Break the next request, or the next ``count`` of them."""
        return self.set(kind, path=path, method=method, count=count)

    def clear(self, kind: str = "") -> None:
        """Mend everything, or everything of a kind."""
        self.active = [fault for fault in self.active if kind and fault.kind != kind]

    def consume(self, method: str, path: str) -> list[Fault]:
        """Return the faults that a request runs into, and count it."""
        met = [fault for fault in self.active if fault.meets(method, path)]
        for fault in met:
            if fault.remaining is not None:
                fault.remaining -= 1
        self.active = [fault for fault in self.active if fault.remaining != 0]
        return met


def first(faults: Iterable[Fault], *kinds: FaultKind) -> Fault | None:
    """Return the first fault of some kinds."""
    return next((fault for fault in faults if fault.kind in kinds), None)
