"""Background tasks beside the poll: reconciled ledgers, station exceptions, webhook calls."""

from .exception_log import ExceptionLog
from .push import Push
from .reconciliation import LedgerReconciler

__all__ = ["ExceptionLog", "LedgerReconciler", "Push"]
