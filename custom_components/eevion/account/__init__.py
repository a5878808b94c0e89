"""The settings, the sites and the notifications of a config entry."""

from .notifications import async_dismiss, async_dismiss_all, async_notify
from .settings import (
    MINOR_VERSION,
    VERSION,
    AccountData,
    AccountOptions,
    account_title,
    async_migrate,
)
from .shared_sites import (
    async_forget_shared,
    async_is_elsewhere,
    async_owner,
    async_report_shared,
)

__all__ = [
    "MINOR_VERSION",
    "VERSION",
    "AccountData",
    "AccountOptions",
    "account_title",
    "async_dismiss",
    "async_dismiss_all",
    "async_forget_shared",
    "async_is_elsewhere",
    "async_migrate",
    "async_notify",
    "async_owner",
    "async_report_shared",
]
