"""Actions say where the cloud's answer lacks rows, or is cut."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.calls import ask
from tests.handmade import HandMadeCloud, site

PAGE = 750


@pytest.fixture
def hand() -> HandMadeCloud:
    hand = HandMadeCloud()
    hand.sites = 200, [site("P1", status="available")]
    return hand


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": n, "station_id": "P1"} for n in range(count)]


@pytest.mark.parametrize(
    ("answer", "is_complete"),
    [(rows(2), True), ([*rows(2), "junk"], False), (rows(PAGE), False)],
    ids=["whole", "a row that cannot be read", "a page that is repeated without end"],
)
@pytest.mark.parametrize(
    ("action", "path", "key"),
    [
        ("get_exceptions", "/station/exceptions", "exceptions"),
        ("get_management_history", "/station/management-history", "jobs"),
    ],
)
async def test_histories(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    action: str,
    path: str,
    key: str,
    answer: list[Any],
    is_complete: bool,
) -> None:
    hand.others[path] = 200, answer
    found = await ask(hass, action)
    assert len(found[key]) == sum(isinstance(row, dict) for row in answer)
    assert found["is_complete"] is is_complete
