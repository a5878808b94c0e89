"""Figures of a time span, as `POST /session/report` returns them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, override

from . import parse
from .enums import Currency, StartedWith
from .exceptions import EevionResponseError
from .model import Model, at_most, one_of, reported


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow(Model):
    """The figures of a station, a site or a region, without a currency."""

    station_id: str | None = reported("station_id", parse.identifier)
    site_id: str | None = reported("location_id", parse.identifier)
    known_site_id: str | None = reported("location_id", parse.identifier)
    """`site_id`; None if it is not that of a site of the account."""
    site_name: str | None = reported("location", parse.text)
    region: str | None
    """`region`, or else `state`."""
    count: float | None = reported("count", parse.number)
    """Number of sessions; a fraction in the average."""
    cancel_count: float | None = reported("cancel_count", parse.number)
    unique_customers: float | None = reported("unique_customers", parse.number)
    total_energy_wh: float | None = reported("total_energy_watt_hours", parse.number)
    total_duration_s: float | None = reported("total_duration_seconds", parse.number)
    average_duration_s: float | None = reported("average_duration_seconds", parse.number)
    total_cost_cents: float | None = reported("total_cost_cents", parse.number)
    average_cost_cents: float | None = reported("average_cost_cents", parse.number)
    total_energy_cost_cents: float | None = reported("total_energy_cost_cents", parse.number)
    maximum_current_a: float | None = reported(
        "maximum_current_amps", at_most(parse.MOST_A, parse.number)
    )
    maximum_power_w: float | None = reported("maximum_power_watts", parse.number)
    maximum_limit_a: float | None = reported("maximum_limit_amps", parse.number)
    minimum_limit_a: float | None = reported("minimum_limit_amps", parse.number)
    most_common_start_with: StartedWith | None = reported(
        "most_common_start_with", one_of(StartedWith)
    )
    currency: Currency | None = reported("currency", one_of(Currency))
    """Not documented here; sessions contain it."""

    @property
    def key(self) -> str:
        """Return the station, site or region of the row; `total` or `average`."""
        return self.station_id or self.site_name or self.site_id or self.region or ""

    def is_named(self, name: str) -> bool:
        """Whether a row contains `name` only; a row of a station contains its site, too."""
        return {self.station_id, self.site_id, self.site_name, self.region} - {None} == {name}

    @classmethod
    @override
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a row; raise EevionResponseError without a station, site or region."""
        region = parse.text(data.get("region")) or parse.text(data.get("state"))
        row = cls._from_fields(data, region=region)
        if not row.key:
            raise EevionResponseError("a row of a report without a key")
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report; the rows `total` and `average` are separate."""

    rows: tuple[ReportRow, ...]
    total: ReportRow | None
    average: ReportRow | None
    is_complete: bool
    """False if a row could not be read."""

    @classmethod
    def from_json(cls, data: list[Any]) -> Self:
        """Read all rows that can be read."""
        rows, is_complete = parse.rows(data, ReportRow.from_json)
        total = next((row for row in rows if row.is_named("total")), None)
        average = next((row for row in rows if row.is_named("average")), None)
        return cls(
            rows=tuple(row for row in rows if row is not total and row is not average),
            total=total,
            average=average,
            is_complete=is_complete,
        )

    def among(
        self, *, regions: Sequence[str], sites: Sequence[str], stations: Sequence[str]
    ) -> Report:
        """Return the report with the rows that match; an empty filter matches all."""
        filters = (
            (frozenset(regions), "region"),
            (frozenset(sites), "known_site_id"),
            (frozenset(stations), "station_id"),
        )
        rows = tuple(
            row
            for row in self.rows
            if all(
                not values or (value := getattr(row, name)) is None or value in values
                for values, name in filters
            )
        )
        if len(rows) == len(self.rows):
            return self
        return replace(self, rows=rows, total=None, average=None)
