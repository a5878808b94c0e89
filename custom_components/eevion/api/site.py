"""Sites and their ports, as `GET /site`, `/site/{id}` and `/station/{id}` return them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, override

from . import parse
from .enums import Currency, PortStatus
from .model import Before, Model, at_most, money, one_of, reported, required
from .reader import Rows

_MOST_DEGREES_LATITUDE, _MOST_DEGREES_LONGITUDE = 90, 180
# Nobody charges in the Atlantic: a place nearer than this to 0° N, 0° E is "not known".
_NOWHERE_DEGREES = 0.001
_MOST_CONNECTORS = 32
_MOST_SLOTS, _MOST_SLOT_LEVELS, _MOST_SLOT_CHARACTERS = 200, 4, 16_000


def _connectors(value: Any) -> tuple[int | str, ...] | None:
    """Read `connectors`: a list of codes, or one code."""
    if value is None:
        return None
    codes = (
        parse.text(item) if (code := parse.integer(item)) is None else code
        for item in (value if isinstance(value, list) else [value])[:_MOST_CONNECTORS]
    )
    return tuple(code for code in codes if code is not None)


def _time_slots(value: Any) -> tuple[Any, ...] | None:
    """Read `tariffTimeSlots`, of which the documentation has no example: any list or object.

    One that is longer than a week's slots can be is None.
    """
    if not isinstance(value, list | dict) or not value:
        return None
    rows = value if isinstance(value, list) else [value]
    slots = tuple(parse.tree(row, _MOST_SLOT_LEVELS) for row in rows[:_MOST_SLOTS])
    if len(rows) > _MOST_SLOTS or len(repr(slots)) > _MOST_SLOT_CHARACTERS:
        parse.log_once("time slots that are too long")
        return None
    return slots


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
    connectors: tuple[int | str, ...] | None = reported("connectors", _connectors)
    """Codes, of which the documentation has no list: 5 is seen at level 2, 6 at level 3."""
    restriction: str | None = reported("restriction", parse.text)
    """`public`, `restricted` or `private`; the documentation has no list."""
    is_shared_power: bool | None = reported("isSharedPower", parse.boolean)
    price: float | None = reported("chargingCost", money)
    price_unit: int | None = reported("chargingCostUnit", parse.integer)
    """A code that the documentation does not explain: 3 and 5 have been seen."""
    tariff_id: str | None = reported("chargingCostId", parse.identifier)
    """`chargingCostId`: reported for ports with a tariff of their own."""
    time_slots: tuple[Any, ...] | None = reported("tariffTimeSlots", _time_slots)
    """As the cloud reports them: the documentation has no example."""
    added_at: datetime | None = reported("dateAdded", parse.timestamp)
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


_CURRENCIES = {
    "CA": Currency.CAD,
    "CAN": Currency.CAD,
    "US": Currency.USD,
    "USA": Currency.USD,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Model):
    """A location with ports."""

    site_id: str = field(metadata=required("id"))
    name: str
    region: str | None = reported("state", parse.text)
    """`state`: two letters of the province or state, as the filter of reports."""
    country: str | None = reported("country", parse.text)
    """`country`: three letters."""
    city: str | None = reported("city", parse.text)
    street: str | None = reported("street", parse.text)
    street_number: str | None = reported("streetNum", parse.text)
    postal_code: str | None = reported("zip", parse.text)
    latitude: float | None = reported("lat", at_most(_MOST_DEGREES_LATITUDE, parse.number))
    longitude: float | None = reported("long", at_most(_MOST_DEGREES_LONGITUDE, parse.number))
    added_at: datetime | None = reported("dateAdded", parse.timestamp)
    updated_at: datetime | None = reported("updatedAt", parse.timestamp)
    continue_if_battery_full: bool | None = reported("continue_if_battery_full", parse.boolean)
    ports: tuple[Port, ...]
    is_complete: bool
    """False if a port could not be read: then a missing port may exist."""

    @property
    def coordinates(self) -> tuple[float, float] | None:
        """Return latitude and longitude in degrees; None unless both are plausible."""
        latitude, longitude = self.latitude, self.longitude
        if latitude is None or longitude is None:
            return None
        if abs(latitude) < _NOWHERE_DEGREES and abs(longitude) < _NOWHERE_DEGREES:
            return None
        return latitude, longitude

    @property
    def address(self) -> str | None:
        """Return the address on one line of at most 255 characters, as far as it is reported."""
        parts = (
            (self.street_number, self.street),
            (self.city,),
            (self.region, self.postal_code),
            (self.country,),
        )
        lines = (" ".join(filter(None, part)) for part in parts)
        return parse.text(", ".join(filter(None, lines)))

    @property
    def currency(self) -> Currency | None:
        """Return the currency of the country, in which nothing has been charged yet."""
        return _CURRENCIES.get((self.country or "").upper())

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
        rows_before, ports = parse.items(before.row.get("ports")), list(before.model.ports)
        if len(rows) == len(rows_before) == len(ports):
            pairs = enumerate(zip(rows, rows_before, strict=True))
            changed = [index for index, (row, row_before) in pairs if row != row_before]
            read, is_complete = parse.rows([rows[index] for index in changed], Port.from_json)
            if is_complete:
                for index, port in zip(changed, read, strict=True):
                    ports[index] = port
                return ports, True
    return parse.rows(rows, Port.from_json)
