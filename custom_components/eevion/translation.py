"""Texts that Home Assistant does not translate by itself."""

import re
from typing import Final, Self

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util.language import matches

from .const import DOMAIN

LANGUAGES: Final = ("de", "en", "es", "fr", "it", "nb", "nl", "pt-BR", "sv", "zh-Hans")
"""The languages of the folder `translations`."""
_CATEGORIES: Final = ("common", "entity", "exceptions")
# Emphasis, code, links, HTML, headings, and the addresses that become links by themselves. Within
# a word, as in "2225_A", an underscore is none of these.
_MARKUP: Final = re.compile(
    r"[\\`*\[\]<>&~#@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE
)


def escaped(text: str) -> str:
    """Return a text of the cloud for a message in Markdown, which shows it as it is."""
    return _MARKUP.sub(r"\\\g<0>", text)


class Texts:
    """The texts of one language; English where there is no translation."""

    def __init__(self, texts: dict[str, str]) -> None:
        """Set the texts, by their full keys without the domain."""
        self._texts = texts

    @classmethod
    async def async_load(cls, hass: HomeAssistant, language: str | None = None) -> Self:
        """Load the texts of a language, by default of Home Assistant's.

        A variant such as fr-CA has the texts of fr.
        """
        (best, *_) = (*matches(language or hass.config.language, LANGUAGES), "en")
        texts: dict[str, str] = {}
        for category in _CATEGORIES:
            texts |= await async_get_translations(hass, best, category, [DOMAIN])
        return cls({key.removeprefix(f"component.{DOMAIN}."): text for key, text in texts.items()})

    def __call__(self, key: str, **placeholders: str) -> str:
        """Return the text of a key under `common`, with its placeholders filled in."""
        return self._texts[f"common.{key}"].format(**placeholders)

    def state(self, sensor: str, state: str | None) -> str:
        """Return the word for a state of a sensor; an empty text where there is none."""
        return self._texts.get(f"entity.sensor.{sensor}.state.{state}", "")

    def error(self, err: HomeAssistantError, **placeholders: str) -> str:
        """Return the text of an error; `placeholders` replace those of the error."""
        text = self._texts.get(f"exceptions.{err.translation_key}.message")
        if text is None or err.translation_domain != DOMAIN:
            return str(err)
        return text.format(**{**(err.translation_placeholders or {}), **placeholders})
