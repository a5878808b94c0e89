"""Background tasks beside the poll: ledgers, events of sessions, exceptions, webhook calls."""

from .exception_log import ExceptionLog
from .push import Push
from .reconciliation import LedgerReconciler
from .session_watch import SessionWatch

__all__ = ["ExceptionLog", "LedgerReconciler", "Push", "SessionWatch"]
