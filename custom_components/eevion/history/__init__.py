"""Hourly statistics in the recorder: those of present sessions and of imported ones."""

from .history_import import HistoryImports, async_make_history
from .report_figures import Figures, by_port
from .store import HistoryStore

__all__ = ["Figures", "HistoryImports", "HistoryStore", "async_make_history", "by_port"]
