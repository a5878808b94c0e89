"""The table of a site's sensors."""

from collections.abc import Callable
from dataclasses import dataclass

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    UnitOfEnergy,
)

from .api import (
    PortStatus,
)
from .stations.snapshot import Snapshot


@dataclass(frozen=True, kw_only=True)
class EevionSiteSensorDescription(SensorEntityDescription):
    """A sensor of a site."""

    value_fn: Callable[[Snapshot, str], float | None]
    unit_fn: Callable[[Snapshot, str], str | None] | None = None


def _site_total(snapshot: Snapshot, site_id: str, name: str) -> float | None:
    totals = snapshot.site_totals.get(site_id)
    value: float | None = getattr(totals, name, None)
    return value


SITE_SENSORS = (
    EevionSiteSensorDescription(
        key="available_stations",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda snapshot, site_id: sum(
            station.port.status is PortStatus.AVAILABLE for station in snapshot.stations_at(site_id)
        ),
    ),
    EevionSiteSensorDescription(
        key="active_sessions",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda snapshot, site_id: sum(
            station.active_session is not None for station in snapshot.stations_at(site_id)
        ),
    ),
    EevionSiteSensorDescription(
        key="total_energy",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        state_class=SensorStateClass.TOTAL_INCREASING,
        suggested_display_precision=1,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        value_fn=lambda snapshot, site_id: _site_total(snapshot, site_id, "energy_wh"),
    ),
    EevionSiteSensorDescription(
        key="total_cost",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        unit_fn=lambda snapshot, site_id: (
            totals.currency if (totals := snapshot.site_totals.get(site_id)) else None
        ),
        value_fn=lambda snapshot, site_id: _site_total(snapshot, site_id, "cost"),
    ),
)
