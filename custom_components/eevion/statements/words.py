"""The words of a statement in one language."""

from typing import Self

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN


class Words:
    """The texts of statements, and the words for the states of a session."""

    def __init__(self, common: dict[str, str], entity: dict[str, str]) -> None:
        """Set the translations of the categories `common` and `entity`, by their full keys."""
        self._common = common
        self._entity = entity

    @classmethod
    async def async_load(cls, hass: HomeAssistant, language: str) -> Self:
        """Load the words; those without a translation are in English."""
        common, entity = [
            await async_get_translations(hass, language, category, [DOMAIN])
            for category in ("common", "entity")
        ]
        return cls(common, entity)

    def text(self, key: str) -> str:
        """Return a text by its key, without the prefix `sessions_`."""
        return self._common[f"component.{DOMAIN}.common.sessions_{key}"]

    def texts(self, *keys: str) -> dict[str, str]:
        """Return several texts by their keys."""
        return {key: self.text(key) for key in keys}

    def state(self, key: str, state: str | None) -> str:
        """Return the word for a sensor's state; an empty text where there is none."""
        return self._entity.get(f"component.{DOMAIN}.entity.sensor.{key}.state.{state}", "")
