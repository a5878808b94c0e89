"""Constants of the integration."""

from datetime import timedelta
import logging
from typing import Final

from homeassistant.config_entries import ConfigEntry

DOMAIN: Final = "eevion"
LOGGER: Final = logging.getLogger(__package__)
MANUFACTURER: Final = "Hypercharge"
PROFILE_URL: Final = "https://app.hypercharge.com/quantev/profile"
STATIONS_URL: Final = "https://app.hypercharge.com/quantev/stations"

CONF_ADVANCED: Final = "advanced"
CONF_CLOUDHOOK_URL: Final = "cloudhook_url"
CONF_ENVIRONMENT: Final = "environment"
CONF_EXCLUDED_SITES: Final = "excluded_sites"
CONF_IMPORT_HISTORY: Final = "import_history"
CONF_INACTIVE_STATIONS: Final = "inactive_stations"
CONF_KNOWN_SITES: Final = "known_sites"
CONF_SITES: Final = "sites"
CONF_WEBHOOK_URL: Final = "webhook_url"

ERROR_NOT_PLUGGED_IN: Final = 707
"""`details.code` of a refused start without a car."""

INTERVAL_BURST: Final = timedelta(seconds=2)
"""After a command, until the cloud reports its effect."""
INTERVAL_ACTIVE: Final = timedelta(seconds=4)
"""During a session: its end is reported within 5 s, including the request."""
INTERVAL_BUSY: Final = timedelta(seconds=6)
"""During a session, if few requests of this minute are left."""
INTERVAL_IDLE: Final = timedelta(seconds=29)
"""Without a session, and for sites always: a start is reported within 30 s."""

MIN_LIMIT_A: Final = 6
"""The minimum current of a car (IEC 61851, SAE J1772); 0 pauses."""
MAX_LIMIT_A: Final = 80
"""For a station without `amps`."""
MAX_MESSAGE: Final = 1000
"""Maximum characters of a message; the documentation has no limit, screens have one."""

EVENT_EXCEPTION: Final = "exception"
EVENT_JOB: Final = "job"
EVENT_SESSION: Final = "session"


def signal(entry: ConfigEntry, port_id: str, kind: str) -> str:
    """Return the dispatcher signal of an event; its arguments are the type and attributes."""
    return f"{DOMAIN}_{entry.entry_id}_{port_id}_{kind}"
