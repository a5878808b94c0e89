"""Figures of a time span, as `POST /session/report` tells them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from . import parse
from .enums import Currency, StartedWith
from .exceptions import EevionResponseError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """The figures of a station, a site or a region. The report names no currency."""

    key: str
    """The station, site or region by name; `total` or `average`."""
    station_id: str | None
    site_id: str | None
    site_name: str | None
    region: str | None
    count: float | None
    """Sessions; the average may be a fraction."""
    cancel_count: float | None
    unique_customers: float | None
    total_energy_wh: float | None
    total_duration_s: float | None
    average_duration_s: float | None
    total_cost_cents: float | None
    average_cost_cents: float | None
    total_energy_cost_cents: float | None
    maximum_current_a: float | None
    maximum_power_w: float | None
    maximum_limit_a: float | None
    minimum_limit_a: float | None
    most_common_start_with: StartedWith | None
    currency: Currency | None = None
    """In no documented answer; sessions name it."""

    def is_named(self, name: str) -> bool:
        """Whether nothing but a name is told; a station of that name would be at a site."""
        return {self.station_id, self.site_id, self.site_name, self.region} - {None} == {name}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a row; raise EevionResponseError where nothing says whose it is."""
        station_id = parse.identifier(data.get("station_id"))
        site_id = parse.identifier(data.get("location_id"))
        site_name = parse.text(data.get("location"))
        region = parse.text(data.get("region")) or parse.text(data.get("state"))
        key = station_id or site_name or site_id or region
        if key is None:
            raise EevionResponseError("a row of a report that is nobody's")
        return cls(
            key=key,
            station_id=station_id,
            site_id=site_id,
            site_name=site_name,
            region=region,
            count=parse.number(data.get("count")),
            cancel_count=parse.number(data.get("cancel_count")),
            unique_customers=parse.number(data.get("unique_customers")),
            total_energy_wh=parse.number(data.get("total_energy_watt_hours")),
            total_duration_s=parse.number(data.get("total_duration_seconds")),
            average_duration_s=parse.number(data.get("average_duration_seconds")),
            total_cost_cents=parse.number(data.get("total_cost_cents")),
            average_cost_cents=parse.number(data.get("average_cost_cents")),
            total_energy_cost_cents=parse.number(data.get("total_energy_cost_cents")),
            maximum_current_a=parse.number(data.get("maximum_current_amps"), most=parse.MOST_A),
            maximum_power_w=parse.number(data.get("maximum_power_watts")),
            maximum_limit_a=parse.number(data.get("maximum_limit_amps")),
            minimum_limit_a=parse.number(data.get("minimum_limit_amps")),
            most_common_start_with=parse.word(StartedWith, data.get("most_common_start_with")),
            currency=parse.word(Currency, data.get("currency")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report, its pseudo-rows kept apart."""

    rows: tuple[ReportRow, ...]
    total: ReportRow | None
    average: ReportRow | None
    is_complete: bool
    """False where a row could not be read."""

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
        """Return the report without the rows of others; an empty filter lets all through."""
        filters = (
            (frozenset(regions), "region"),
            (frozenset(sites), "site_id"),
            (frozenset(stations), "station_id"),
        )
        rows = tuple(
            row
            for row in self.rows
            if all(
                not wanted or (value := getattr(row, name)) is None or value in wanted
                for wanted, name in filters
            )
        )
        if len(rows) == len(self.rows):
            return self
        return replace(self, rows=rows, total=None, average=None)
