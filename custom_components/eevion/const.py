"""Names and numbers that several parts share."""

from datetime import timedelta
import logging
from typing import Final

DOMAIN: Final = "eevion"
LOGGER: Final = logging.getLogger(__package__)
MANUFACTURER: Final = "Hypercharge"

CONF_ADVANCED: Final = "advanced"
CONF_ENVIRONMENT: Final = "environment"
CONF_EXCLUDED_SITES: Final = "excluded_sites"
CONF_IMPORT_HISTORY: Final = "import_history"
CONF_INACTIVE_STATIONS: Final = "inactive_stations"
CONF_KNOWN_SITES: Final = "known_sites"
CONF_SITES: Final = "sites"

ERROR_NOT_PLUGGED_IN: Final = 707
"""`details.code` of a refused start without a car."""

INTERVAL_ACTIVE: Final = timedelta(seconds=5)
"""While somebody charges or a command is under way."""
INTERVAL_IDLE: Final = timedelta(seconds=30)

MIN_LIMIT_A: Final = 6
"""The least a car charges with (IEC 61851, SAE J1772); 0 pauses."""
MAX_LIMIT_A: Final = 80
"""For a station whose amps the cloud does not tell."""
MAX_MESSAGE: Final = 1000
"""Characters of a message; the documentation names no limit, screens have one."""
