"""Commands to stations: start, stop, charging limits and management jobs."""

from .charging import ByHand, Control
from .jobs import JobResult, Jobs
from .limits import Failures, async_send_apart, refused_limits

__all__ = [
    "ByHand",
    "Control",
    "Failures",
    "JobResult",
    "Jobs",
    "async_send_apart",
    "refused_limits",
]
