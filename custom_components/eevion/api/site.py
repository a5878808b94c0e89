"""Sites and their ports, as `GET /site`, `/site/{id}` and `/station/{id}` return them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, override

from . import parse
from .enums import Currency, PortStatus
from .model import Model, at_most, one_of, reported, required
from .reader import Before, Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Port(Model):
    """A charging station (one connector of it); None is "not reported"."""

    port_id: str = field(metadata=required("portId"))
    """`portId`: opaque, never changes."""
    station_id: str = field(metadata=required("displayName"))
    """`displayName`: the name of the station, and its id in requests."""
    status: PortStatus | None = reported("status", one_of(PortStatus))
    model: str | None = reported("model", parse.text)
    level: int | None = reported("level", parse.integer)
    """2 is AC, 3 is DC."""
    volts: float | None = reported("volts", at_most(parse.MOST_V))
    amps: float | None = reported("amps", at_most(parse.MOST_A))
    restriction: str | None = reported("restriction", parse.text)
    is_shared_power: bool | None = reported("isSharedPower", parse.boolean)
    tariff_id: str | None = reported("chargingCostId", parse.identifier)
    """`chargingCostId`: reported for ports with a tariff of their own."""
    updated_at: datetime | None = reported("updatedAt", parse.timestamp)
    currency: Currency | None = reported("currency", one_of(Currency))
    """Not documented here; sessions contain it."""

    @property
    def max_power_w(self) -> float | None:
        """Return volts times amps, in W; `kW` of the cloud is wrong for some models."""
        return self.volts * self.amps if self.volts and self.amps else None

    @property
    def is_in_place(self) -> bool:
        """Whether the station exists: it is neither planned nor decommissioned."""
        return self.status not in (PortStatus.COMING_SOON, PortStatus.REMOVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Model):
    """A location with ports."""

    site_id: str = field(metadata=required("id"))
    name: str
    region: str | None = reported("state", parse.text)
    """`state`: two letters of the province or state, as the filter of reports."""
    country: str | None = reported("country", parse.text)
    continue_if_battery_full: bool | None = reported("continue_if_battery_full", parse.boolean)
    ports: tuple[Port, ...]
    is_complete: bool
    """False if a port could not be read: then a missing port may exist."""

    @classmethod
    @override
    def from_json(cls, data: Mapping[str, Any], before: Before[Site] | None = None) -> Self:
        """Read a site; raise EevionResponseError without an id.

        Of one that was read `before`, only the ports that changed are read.
        """
        ports, is_complete = _ports(parse.items(data.get("ports")), before)
        return cls._from_fields(
            data,
            name=parse.text(data.get("name")) or parse.identifier(data.get("id")),
            ports=tuple(ports),
            is_complete=is_complete and isinstance(data.get("ports"), list),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """The answer of `GET /site`."""

    sites: tuple[Site, ...]
    is_complete: bool
    """False if a site or a port could not be read."""

    @classmethod
    def from_rows(cls, rows: Rows[Site]) -> Self:
        """Return the sites of a list."""
        is_complete = rows.is_complete and all(site.is_complete for site in rows.models)
        return cls(sites=rows.models, is_complete=is_complete)


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """The answer of `GET /station/{stationId}`: a port and its site."""

    port: Port
    site: Site

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a station; raise EevionResponseError without an id of the port or site."""
        return cls(
            port=Port.from_json(data),
            site=Site.from_json(parse.mapping(data.get("location"))),
        )


def _ports(rows: list[Any], before: Before[Site] | None) -> tuple[list[Port], bool]:
    if before:
        rows_before, ports_before = parse.items(before.row.get("ports")), before.model.ports
        if len(rows) == len(rows_before) == len(ports_before):
            pairs = iter(zip(rows_before, ports_before, strict=True))

            def read(row: Mapping[str, Any]) -> Port:
                row_before, port = next(pairs)
                return port if row == row_before else Port.from_json(row)

            return parse.rows(rows, read)
    return parse.rows(rows, Port.from_json)
