"""When requests are sent: paces, retries, the request budget of a key, and listeners."""

from .budget import async_get_budgets
from .cadence import Cadence
from .key_check import KeyCheck
from .listeners import ListenerContext, SelectiveCoordinator
from .lookups import Lookups
from .retries import Retries
from .timer import EntryTimer

__all__ = [
    "Cadence",
    "EntryTimer",
    "KeyCheck",
    "ListenerContext",
    "Lookups",
    "Retries",
    "SelectiveCoordinator",
    "async_get_budgets",
]
