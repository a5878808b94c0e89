"""Serve the modules of the browser, and load the first of them with each page."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from homeassistant.components.frontend import add_extra_js_url
from homeassistant.components.http import StaticPathConfig
from homeassistant.core import HomeAssistant

_FOLDER: Final = Path(__file__).parent / "www"
STATIC_URL: Final = "/eevion_static"


async def async_setup_frontend(hass: HomeAssistant) -> None:
    """Serve the folder `www`, and add its module to the pages; without a frontend, do nothing."""
    if "frontend" not in hass.config.components:
        return
    version = await hass.async_add_executor_job(_version)
    await hass.http.async_register_static_paths([StaticPathConfig(STATIC_URL, str(_FOLDER))])
    # The query changes with the content, so a browser's cache may keep the files for long. An
    # older module still finds the files beside it: the path is the same for all versions.
    add_extra_js_url(hass, f"{STATIC_URL}/eevion.js?{version}")


def _version() -> str:
    """Return a short hash of all files of the folder."""
    files = sorted(_FOLDER.glob("*.js"))
    return sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]
