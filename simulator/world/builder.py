"""Makes the sites and stations of an account, the same ones for the same seed."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING

from ..billing.tariff import Tariff
from ..charging.model import Lifecycle, Model
from ..charging.station import Site, Station
from .catalog import ADDRESSES, MODELS, NAMES, TARIFFS

if TYPE_CHECKING:
    from ..ids import Ids
    from ..settings import Settings

DAY_MS = 86_400_000
FIRST_NUMBER = 3001
ODD_STATES: dict[int, Lifecycle] = {7: "coming soon", 8: "removed"}
NEVER_CONNECTED = 9
"""The ten first stations show every state, the later ones work."""


@dataclass(slots=True)
class Builder:
    """Makes the parts of a world; ``label`` distinguishes staging from production."""

    settings: Settings
    ids: Ids
    now_ms: int
    label: str = ""

    def tariffs(self) -> list[Tariff]:
        """Make one tariff of each kind."""
        return [
            Tariff(
                tariff_id=self.ids.document(),
                name=template.name,
                type=template.type,
                price=Decimal(template.price),
                unit=template.unit,
                idle_fee=template.idle_fee,
                occupancy_fee=template.occupancy_fee,
                increment=Decimal(template.increment),
            )
            for template in TARIFFS
        ]

    def site(self, index: int) -> Site:
        """Make an empty site."""
        address = ADDRESSES[index % len(ADDRESSES)]
        round_number = index // len(ADDRESSES) + 1
        suffix = f" {round_number}" if round_number > 1 else ""
        return Site(
            site_id=self.ids.document(),
            address=address,
            added_ms=self.now_ms - (900 - index % 500) * DAY_MS,
            updated_ms=self.now_ms - 30 * DAY_MS,
            name=f"{self.label}{address.name}{suffix}",
        )

    def name(self, index: int) -> str:
        """Return the display name of the station with an index."""
        return NAMES[index] if index < len(NAMES) else str(FIRST_NUMBER + index)

    def station(
        self,
        site: Site,
        name: str,
        *,
        model: Model,
        tariff: Tariff,
        lifecycle: Lifecycle = "active",
    ) -> Station:
        """Make a station that has nothing odd beside its model, and add it."""
        station = Station(
            port_id=self.ids.port(),
            name=name,
            site=site,
            model=model,
            tariff=tariff,
            restriction=model.restriction,
            added_ms=self.now_ms - 400 * DAY_MS,
            updated_ms=self.now_ms,
            lifecycle=lifecycle,
            meter_interval_ms=round(self.settings.meter_interval_s * 1000),
            status_ms=self.now_ms,
        )
        station.reported_status = station.connector_status(self.now_ms)
        site.stations.append(station)
        return station

    def sites(self, tariffs: list[Tariff]) -> list[Site]:
        """Make the sites and stations of the settings."""
        sites = [self.site(index) for index in range(self.settings.sites)]
        models, numbers = len(MODELS), count()
        for index in range(self.settings.stations if sites else 0):
            station = self.station(
                sites[index % len(sites)],
                self.name(next(numbers)),
                model=MODELS[index % models],
                tariff=tariffs[index % len(tariffs)],
                lifecycle=ODD_STATES.get(index, "active"),
            )
            self._make_odd(station, index)
        return sites

    def _make_odd(self, station: Station, index: int) -> None:
        station.zero_duration_in_lists = index % 3 == 1
        station.no_heartbeat = index % 3 == 2  # noqa: PLR2004
        station.limits_as_list = index % 4 == 3  # noqa: PLR2004
        if index == NEVER_CONNECTED:
            station.connected = False
            station.silent_since_ms = self.now_ms
