"""Sites and their ports, as `GET /site`, `/site/{id}` and `/station/{id}` tell them."""

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
    """One charging station (one connector of it). None is "the cloud did not tell"."""

    port_id: str = field(metadata=required("portId"))
    """Opaque and never changing (`portId`)."""
    station_id: str = field(metadata=required("displayName"))
    """The name people know it by, and the id of every other call (`displayName`)."""
    status: PortStatus | None = reported("status", one_of(PortStatus))
    model: str | None = reported("model", parse.text)
    level: int | None = reported("level", parse.integer)
    """2 is AC, 3 is DC."""
    volts: float | None = reported("volts", at_most(parse.MOST_V))
    amps: float | None = reported("amps", at_most(parse.MOST_A))
    restriction: str | None = reported("restriction", parse.text)
    is_shared_power: bool | None = reported("isSharedPower", parse.boolean)
    tariff_id: str | None = reported("chargingCostId", parse.identifier)
    """`chargingCostId`, named for ports with a tariff of their own."""
    updated_at: datetime | None = reported("updatedAt", parse.timestamp)
    currency: Currency | None = reported("currency", one_of(Currency))
    """In no documented answer; sessions name it."""

    @property
    def max_power_w(self) -> float | None:
        """Volts times amps, in W: `kW` of the cloud is wrong for some models."""
        return self.volts * self.amps if self.volts and self.amps else None

    @property
    def is_in_place(self) -> bool:
        """Whether there is a station at all: neither planned nor decommissioned."""
        return self.status not in (PortStatus.COMING_SOON, PortStatus.REMOVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Model):
    """A place with ports."""

    site_id: str = field(metadata=required("id"))
    name: str
    region: str | None = reported("state", parse.text)
    """Two letters of the province or state, as reports filter by."""
    country: str | None = reported("country", parse.text)
    continue_if_battery_full: bool | None = reported("continue_if_battery_full", parse.boolean)
    ports: tuple[Port, ...]
    is_complete: bool
    """False where a port could not be read: then absence proves nothing."""

    @classmethod
    @override
    def from_json(cls, data: Mapping[str, Any], before: Before[Site] | None = None) -> Self:
        """Read a site; raise EevionResponseError where it has no id.

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
    """False where a site or a port could not be read."""

    @classmethod
    def from_rows(cls, rows: Rows[Site]) -> Self:
        """Take all sites that could be read."""
        is_complete = rows.is_complete and all(site.is_complete for site in rows.models)
        return cls(sites=rows.models, is_complete=is_complete)


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """The answer of `GET /station/{stationId}`: a port and the site it is at."""

    port: Port
    site: Site

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a station; raise EevionResponseError where the port or site is nameless."""
        return cls(
            port=Port.from_json(data),
            site=Site.from_json(parse.mapping(data.get("location"))),
        )


def _ports(rows: list[Any], before: Before[Site] | None) -> tuple[list[Port], bool]:
    if before:
        known_rows, known = parse.items(before.row.get("ports")), before.model.ports
        if len(rows) == len(known_rows) == len(known):
            pairs = iter(zip(known_rows, known, strict=True))

            def read(row: Mapping[str, Any]) -> Port:
                known_row, port = next(pairs)
                return port if row == known_row else Port.from_json(row)

            return parse.rows(rows, read)
    return parse.rows(rows, Port.from_json)
