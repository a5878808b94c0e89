"""The blueprint that sends a statement on the first of the month."""

from datetime import datetime
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.persistent_notification import (
    _async_get_or_create_notifications as notifications,
)
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from simulator import Cloud, World
from tests.blueprints.conftest import Automate
from tests.conftest import Pass
from tests.helpers import Station

NOON = "2026-12-01T20:00:00+00:00"
"""In the time zone of the tests, that of San Francisco."""


@pytest.fixture(autouse=True)
async def sidebar(hass: HomeAssistant, tmp_path: Path) -> None:
    assert await async_setup_component(hass, "persistent_notification", {})
    hass.config.media_dirs = {"local": str(tmp_path)}


@pytest.fixture
async def november(world: World, stations: list[Station], wait: Pass) -> None:
    """Two stations have a session of an hour."""
    for station in stations[:2]:
        world.plug_in(station.name, card=True, percent=10)
    for _ in range(4):
        await wait(900)
    for station in stations[:2]:
        world.unplug(station.name)
    await wait(35)


async def at_noon(freezer: FrozenDateTimeFactory, wait: Pass, day: int = 1) -> None:
    """Let it become noon of a day of December: the trigger of the days before is due then."""
    freezer.move_to(datetime.fromisoformat(NOON).replace(day=day))
    await wait(1)


def lines(path: str) -> list[str]:
    return Path(path).read_text("utf-8-sig").splitlines()


@pytest.mark.usefixtures("november")
async def test_the_first_of_the_month(
    hass: HomeAssistant, automate: Automate, freezer: FrozenDateTimeFactory, wait: Pass
) -> None:
    calls = async_mock_service(hass, "notify", "send_message")
    mails = async_mock_service(hass, "test", "mail")
    names = ("title", "message", "path", "rows", "sums", "month")
    action = {"action": "test.mail", "data": {name: f"{{{{ {name} }}}}" for name in names}}
    await automate(("monthly_statement", {"notify": ["notify.phone"], "actions": [action]}))
    await at_noon(freezer, wait)
    await hass.async_block_till_done()
    (mail,) = [call.data for call in mails]
    assert (mail["title"], mail["month"], mail["rows"]) == ("Charging in 2026-11", "2026-11", 2)
    (total,) = mail["sums"]
    assert len(lines(mail["path"])) == 4
    assert mail["message"] == (
        f"2 sessions, {total['energy_kwh']:.3f} kWh, {total['cost']:.2f} CAD."
        f" The file is {mail['path']}."
    )
    assert total["energy_kwh"] > 1
    assert [call.data["message"] for call in calls] == [mail["message"]]
    assert calls[0].data["entity_id"] == ["notify.phone"]
    shown = notifications(hass)["eevion_statement_2026-11"]
    assert (shown["title"], shown["message"]) == (mail["title"], mail["message"])


@pytest.mark.parametrize(
    ("language", "title", "message"),
    [
        ("es", "Cargas de 2026-11", "2 sesiones, {}. El archivo es {}."),
        ("fr", "Recharges de 2026-11", "2 séances, {}. Le fichier est {}."),
    ],
)
@pytest.mark.usefixtures("november")
async def test_the_message_in_other_languages(
    hass: HomeAssistant,
    automate: Automate,
    freezer: FrozenDateTimeFactory,
    wait: Pass,
    language: str,
    title: str,
    message: str,
) -> None:
    mails = async_mock_service(hass, "test", "mail")
    action = {"action": "test.mail", "data": {"path": "{{ path }}", "sums": "{{ sums }}"}}
    await automate(("monthly_statement", {"language": language, "actions": [action]}))
    await at_noon(freezer, wait)
    await hass.async_block_till_done()
    (mail,) = [call.data for call in mails]
    (total,) = mail["sums"]
    figures = f"{total['energy_kwh']:.3f} kWh, {total['cost']:.2f} CAD".replace(".", ",")
    shown = notifications(hass)["eevion_statement_2026-11"]
    assert (shown["title"], shown["message"]) == (title, message.format(figures, mail["path"]))


@pytest.mark.usefixtures("november")
async def test_chosen_stations(
    hass: HomeAssistant,
    automate: Automate,
    freezer: FrozenDateTimeFactory,
    wait: Pass,
    devices: dict[str, str],
    stations: list[Station],
) -> None:
    inputs = {"stations": [devices[stations[0].name]]}
    await automate(("monthly_statement", inputs))
    await at_noon(freezer, wait)
    await hass.async_block_till_done()
    assert notifications(hass)["eevion_statement_2026-11"]["message"].startswith("1 session, ")


async def test_other_days(
    hass: HomeAssistant, automate: Automate, freezer: FrozenDateTimeFactory, wait: Pass
) -> None:
    await automate(("monthly_statement", {}))
    await at_noon(freezer, wait, day=2)
    assert not notifications(hass)


async def test_a_session_that_goes_on(
    hass: HomeAssistant,
    automate: Automate,
    freezer: FrozenDateTimeFactory,
    wait: Pass,
    station: Station,
    world: World,
) -> None:
    world.plug_in(station.name, card=True, percent=10)
    await wait(60)
    await automate(("monthly_statement", {}))
    await at_noon(freezer, wait)
    await hass.async_block_till_done()
    message = notifications(hass)["eevion_statement_2026-11"]["message"]
    assert " 1 of them are still active. " in message


@pytest.mark.parametrize("returns", [True, False])
@pytest.mark.usefixtures("november")
async def test_the_cloud_does_not_answer(
    hass: HomeAssistant,
    automate: Automate,
    freezer: FrozenDateTimeFactory,
    wait: Pass,
    cloud: Cloud,
    returns: bool,
) -> None:
    """It is tried again, and said at last."""
    mails = async_mock_service(hass, "test", "mail")
    await automate(("monthly_statement", {"actions": [{"action": "test.mail"}]}))
    cloud.faults.set("error", path="/session")
    await at_noon(freezer, wait)
    assert not notifications(hass)
    if returns:
        cloud.faults.clear()
    for _ in range(8):
        await wait(601)
    await hass.async_block_till_done()
    message = notifications(hass)["eevion_statement_2026-11"]["message"]
    assert message.startswith("2 sessions" if returns else "The statement could not be written.")
    assert len(mails) == returns
