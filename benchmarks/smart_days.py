"""Measured sunshine: days by the minute, and years by the hour."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
import csv
from dataclasses import dataclass
import math
from pathlib import Path

DAY_MIN = 1440


@dataclass(frozen=True, slots=True)
class Day:
    """A day's global horizontal irradiance, in W/m² by the minute."""

    name: str
    ghi: tuple[float, ...]


def read_days(path: Path) -> list[Day]:
    """Read a file with the columns `minute,ghi_w_m2`, or `day,minute,ghi_w_m2`.

    Times that are missing lie on the line between their neighbours; below zero is night.
    """
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for row in _rows(path):
        _note(found[row.get("day", "")], row, "minute")
    return [
        Day(f"{path.stem} {name}".strip(), tuple(_filled(values, DAY_MIN)))
        for name, values in found.items()
    ]


def read_year(path: Path) -> list[Day]:
    """Read a file with the columns `month,day,hour,ghi_w_m2`: each value is an hour's mean."""
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for row in _rows(path):
        _note(found[f"{row['month']}-{row['day']}"], row, "hour")
    return [
        Day(name, tuple(value for value in _filled(values, 24) for _ in range(60)))
        for name, values in found.items()
    ]


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    text = path.read_text(encoding="utf-8-sig")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    for row in csv.DictReader(lines, skipinitialspace=True):
        yield {str(key).strip().lower(): (value or "").strip() for key, value in row.items()}


def _note(values: dict[int, float], row: Mapping[str, str], column: str) -> None:
    try:
        value = float(row["ghi_w_m2"])
    except ValueError:
        return
    if math.isfinite(value):
        values[int(float(row[column]))] = max(0.0, value)


def _filled(values: Mapping[int, float], length: int) -> Iterable[float]:
    """Yield a value for each place; beyond the first and the last one there is none: night."""
    known = sorted(values)
    upcoming = iter(known)
    before: int | None = None
    after = next(upcoming, None)
    for place in range(length):
        while after is not None and after <= place:
            before, after = after, next(upcoming, None)
        if before is None:
            yield 0.0
        elif before == place or after is None:
            yield values[before] if before == place else 0.0
        else:
            part = (place - before) / (after - before)
            yield values[before] + (values[after] - values[before]) * part
