"""The actions: their fields, their targets and their responses."""

from .charging import async_setup_charging_actions
from .export import async_setup_export_actions
from .history import async_setup_history_actions
from .lookups import async_setup_lookup_actions
from .management import async_setup_management_actions
from .queries import async_setup_query_actions

__all__ = [
    "async_setup_charging_actions",
    "async_setup_export_actions",
    "async_setup_history_actions",
    "async_setup_lookup_actions",
    "async_setup_management_actions",
    "async_setup_query_actions",
]
