"""Dates and times at the ends of the calendar, which no time zone can be applied to."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import probatio as vol
import pytest

from tests.calls import act, ask

FIRST, LAST = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("export_sessions", {"from": "0001-01-01"}),
        ("export_sessions", {"to": "0001-01-05"}),
        ("export_sessions", {"from": "2026-10-01", "to": "9999-12-31"}),
        ("import_history", {"from": "0001-01-01"}),
        ("get_sessions", {"updated_since": FIRST}),
        ("get_report", {"start": FIRST}),
        ("get_report", {"start": "2026-10-01T00:00:00", "end": LAST}),
        ("get_exceptions", {"since": FIRST}),
        ("get_management_history", {"since": FIRST}),
    ],
)
async def test_questions(
    hass: HomeAssistant, loaded: ConfigEntry, action: str, data: dict[str, Any]
) -> None:
    with pytest.raises(vol.Invalid):
        await ask(hass, action, **data)


@pytest.mark.parametrize(
    "data", [{"expires": LAST}, {"expires": FIRST}, {"expires_in": {"days": 999_999_999}}]
)
async def test_messages(hass: HomeAssistant, loaded: ConfigEntry, data: dict[str, Any]) -> None:
    with pytest.raises(vol.Invalid):
        await act(hass, "set_message", stations=["2133"], message="Soon", **data)
