"""The sessions of a time span as a statement: its rows, sums and file."""

from .read import Scope, StatementPage, async_lists_lack_sessions, async_statement_pages
from .rows import SessionRow
from .span import Period, Span
from .sums import Sum, Sums
from .table import COLUMNS, csv_header, csv_row, csv_sums, csv_text

__all__ = [
    "COLUMNS",
    "Period",
    "Scope",
    "SessionRow",
    "Span",
    "StatementPage",
    "Sum",
    "Sums",
    "async_lists_lack_sessions",
    "async_statement_pages",
    "csv_header",
    "csv_row",
    "csv_sums",
    "csv_text",
]
