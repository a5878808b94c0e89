"""The CSV file of a statement."""

from collections.abc import Iterable
import csv
from decimal import Decimal
from io import StringIO
import re
from typing import Final

from ..translation import Texts
from .rows import SessionRow
from .sums import Sums

COLUMNS: Final = (
    "start",
    "station",
    "site",
    "duration",
    "energy",
    "cost",
    "currency",
    "started_with",
    "vehicle",
    "end_reason",
)
"""The columns; the texts `sessions_column_…` are their headers."""

# A spreadsheet runs a cell that begins with one of these, in the widths of any script. Where
# it divides lines at semicolons, as in many languages, a cell begins after each of them.
_RUNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_CELL = re.compile(rf"^(?=[\t\r\n])|(?:^|(?<=;))(?=\s*[{_RUNS}])")
# Spreadsheets take a file for UTF-8 by this mark alone.
_MARK = "\ufeff"
_WH = Decimal("0.001")


def csv_text(rows: Iterable[SessionRow], sums: Sums, texts: Texts) -> str:
    """Return the content of the file: a header, a row for each session, and the sums."""
    lines = [csv_row(row, texts) for row in rows]
    return "".join([csv_header(texts), *lines, csv_sums(sums, texts)])


def csv_header(texts: Texts) -> str:
    """Return the beginning of the file."""
    return _MARK + _line(texts(f"sessions_column_{column}") for column in COLUMNS)


def csv_row(row: SessionRow, texts: Texts) -> str:
    """Return the row of a session."""
    ended = texts.state("end_reason", row.end_reason)
    return _line(
        [
            row.start.isoformat(" ", "minutes"),
            _harmless(row.station),
            _harmless(row.site),
            "" if row.duration_s is None else _hours(row.duration_s),
            "" if row.energy_wh is None else _kwh(row.energy_wh),
            "" if row.cost is None else f"{row.cost:f}",
            row.currency or "",
            texts.state("started_with", row.started_with),
            _harmless(row.vehicle or ""),
            texts("sessions_active") if row.is_active else ended,
        ]
    )


def csv_sums(sums: Sums, texts: Texts) -> str:
    """Return the end of the file: a row for each currency."""
    lines: list[str] = []
    for currency, one in sums.items():
        cost = f"{one.cost:f}" if currency else ""
        cells = [texts("sessions_sum"), "", "", _hours(one.duration_s), _kwh(one.energy_wh), cost]
        lines.append(_line([*cells, currency or "", "", "", ""]))
    return "".join(lines)


def _line(cells: Iterable[str]) -> str:
    file = StringIO()
    csv.writer(file).writerow(cells)
    return file.getvalue()


def _harmless(text: str) -> str:
    """Return a cell that no spreadsheet runs as a formula."""
    return _CELL.sub("'", text)


def _hours(seconds: int) -> str:
    minutes = (seconds + 30) // 60
    return f"{minutes // 60}:{minutes % 60:02}"


def _kwh(energy_wh: int) -> str:
    return f"{energy_wh * _WH:f}"
