"""Sites and their ports, as `GET /site`, `/site/{id}` and `/station/{id}` tell them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from . import parse
from .enums import Currency, PortStatus
from .reader import Before, Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One charging station (one connector of it). None is "the cloud did not tell"."""

    port_id: str
    """Opaque and never changing (`portId`)."""
    station_id: str
    """The name people know it by, and the id of every other call (`displayName`)."""
    status: PortStatus | None
    model: str | None
    level: int | None
    """2 is AC, 3 is DC."""
    volts: float | None
    amps: float | None
    restriction: str | None
    is_shared_power: bool | None
    tariff_id: str | None
    """`chargingCostId`, named for ports with a tariff of their own."""
    updated_at: datetime | None
    currency: Currency | None = None
    """In no documented answer; sessions name it."""

    @property
    def max_power_w(self) -> float | None:
        """Volts times amps, in W: `kW` of the cloud is wrong for some models."""
        return self.volts * self.amps if self.volts and self.amps else None

    @property
    def is_in_place(self) -> bool:
        """Whether there is a station at all: neither planned nor decommissioned."""
        return self.status not in (PortStatus.COMING_SOON, PortStatus.REMOVED)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read one of a site's `ports`; raise EevionResponseError where it has no name or id."""
        return cls(
            port_id=parse.required(data, "portId"),
            station_id=parse.required(data, "displayName"),
            status=parse.word(PortStatus, data.get("status")),
            model=parse.text(data.get("model")),
            level=parse.integer(data.get("level")),
            volts=parse.positive(data.get("volts"), most=parse.MOST_V),
            amps=parse.positive(data.get("amps"), most=parse.MOST_A),
            restriction=parse.text(data.get("restriction")),
            is_shared_power=parse.boolean(data.get("isSharedPower")),
            tariff_id=parse.identifier(data.get("chargingCostId")),
            updated_at=parse.timestamp(data.get("updatedAt")),
            currency=parse.word(Currency, data.get("currency")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place with ports."""

    site_id: str
    name: str
    region: str | None
    """Two letters of the province or state, as reports filter by."""
    country: str | None
    continue_if_battery_full: bool | None
    ports: tuple[Port, ...]
    is_complete: bool
    """False where a port could not be read: then absence proves nothing."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any], before: Before[Site] | None = None) -> Self:
        """Read a site; raise EevionResponseError where it has no id.

        Of one that was read `before`, only the ports that changed are read.
        """
        site_id = parse.required(data, "id")
        ports, is_complete = _ports(parse.items(data.get("ports")), before)
        return cls(
            site_id=site_id,
            name=parse.text(data.get("name")) or site_id,
            region=parse.text(data.get("state")),
            country=parse.text(data.get("country")),
            continue_if_battery_full=parse.boolean(data.get("continue_if_battery_full")),
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
