"""Texts that Home Assistant does not translate by itself."""

from typing import Self

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN


class Texts:
    """The texts under `common` in the translations, in the language of Home Assistant."""

    def __init__(self, texts: dict[str, str]) -> None:
        """Set the texts, by their full key."""
        self._texts = texts

    @classmethod
    async def async_load(cls, hass: HomeAssistant) -> Self:
        """Load the texts."""
        language = hass.config.language
        return cls(await async_get_translations(hass, language, "common", [DOMAIN]))

    def __call__(self, key: str, **placeholders: str) -> str:
        """Return a text by its key."""
        return self._texts[f"component.{DOMAIN}.common.{key}"].format(**placeholders)
