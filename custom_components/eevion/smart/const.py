"""The fields of a connection's config subentry."""

SUBENTRY_SMART_CHARGING = "smart_charging"

CONF_STATIONS = "stations"
CONF_GRID = "grid"
CONF_GRID_POWER = "grid_power"
CONF_GRID_POWER_SIGN = "grid_power_sign"
CONF_MAIN_LIMIT = "main_limit"
CONF_BATTERY = "battery"
CONF_BATTERY_POWER = "battery_power"
CONF_BATTERY_POWER_SIGN = "battery_power_sign"
CONF_BATTERY_LEVEL = "battery_level"
CONF_BATTERY_FIRST = "battery_first"
CONF_PRICE_SECTION = "price"
CONF_PRICE = "price"
CONF_CHEAP_TIMES = "cheap_times"
CONF_ELECTRICAL = "electrical"
CONF_VOLTAGE = "voltage"
CONF_PHASES = "phases"
CONF_MAX_CURRENT = "max_current"
CONF_TIMING = "timing"
CONF_START_DELAY = "start_delay"
CONF_PAUSE_DELAY = "pause_delay"
CONF_FALLBACK_LIMIT = "fallback_limit"
CONF_FALLBACK_DELAY = "fallback_delay"

SIGN_IMPORT, SIGN_EXPORT = "import", "export"
SIGN_CHARGE, SIGN_DISCHARGE = "charge", "discharge"

TRANSLATION_SIGN = "power_sign"

DEFAULT_BATTERY_FIRST = 80
DEFAULT_START_DELAY_S = 60
DEFAULT_PAUSE_DELAY_S = 180
DEFAULT_FALLBACK_LIMIT_A = 0
DEFAULT_FALLBACK_DELAY_S = 60
