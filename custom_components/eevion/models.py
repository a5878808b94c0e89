"""The runtime data of a config entry."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from .api import RateLimit
from .commands import Control, Jobs
from .coordinator import EevionCoordinator
from .history import HistoryImports
from .smart import SmartCharging
from .stations import StationMemory
from .webhook import Webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class EevionRuntimeData:
    """The objects of one account that platforms and actions use."""

    coordinator: EevionCoordinator
    control: Control
    jobs: Jobs
    memory: StationMemory
    rate_limit: RateLimit
    webhook: Webhook
    smart: SmartCharging
    history: HistoryImports | None = None
    """None without the recorder."""


type EevionConfigEntry = ConfigEntry[EevionRuntimeData]
