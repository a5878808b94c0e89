"""A home in French from the start: its entity ids are of French names, and all works with them."""

from collections.abc import Awaitable, Callable
from pathlib import Path
import shutil
from unittest.mock import PropertyMock, patch

from homeassistant.components import conversation
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from simulator import Cloud, Settings, World
from tests import ROOT
from tests.calls import ask
from tests.conftest import API_KEY, Pass
from tests.dashboard.lovelace import entity_ids, seen
from tests.smart.home import Home

STATION = "2133"
SWITCH = "switch.station_2133_recharge"
LIMIT = "number.station_2133_limite_de_recharge"
MODE = "select.station_2133_mode_de_recharge"
WHY = "sensor.station_2133_recharge_intelligente"

type Say = Callable[[str], Awaitable[str]]


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=2, seed=7)


@pytest.fixture
def entry(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    hass.config.language = "fr"
    hass.config.country = "CA"
    return entry


@pytest.fixture
def home(hass: HomeAssistant, loaded: ConfigEntry, cloud: Cloud, world: World, wait: Pass) -> Home:
    return Home(hass, loaded, cloud, world, wait)


def state(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found, entity_id
    return found.state


async def test_entity_ids_are_french(hass: HomeAssistant, loaded: ConfigEntry) -> None:
    for entity_id in (
        SWITCH,
        LIMIT,
        "binary_sensor.station_2133_vehicule",
        "sensor.station_2133_energie_totale",
        "sensor.station_2133_puissance",
        "sensor.station_2133_statut",
        "sensor.harbor_view_garage_bornes_disponibles",
    ):
        assert state(hass, entity_id) != "unavailable"


async def test_the_dashboard(home: Home, hass_ws_client: WebSocketGenerator) -> None:
    """All that it shows exists, smart charging included."""
    hass = home.hass
    assert await async_setup_component(hass, "websocket_api", {})
    home.meter(-5000)
    await home.add(STATION)
    client = await hass_ws_client(hass)

    async def view(**fields: str) -> dict[str, object]:
        await client.send_json_auto_id({"type": "eevion/dashboard", "language": "fr"} | fields)
        answer = await client.receive_json()
        assert answer["success"], answer
        result: dict[str, object] = answer["result"]
        return result

    views = (await view())["views"]
    assert [view["title"] for view in views] == [
        *("Bornes", "Séances", "Énergie", "Carte"),
        *("2133", "2134"),
    ]
    shown = {v["title"]: entity_ids(seen(hass, await view(path=v["path"]))) for v in views}
    for entity_id in set().union(*shown.values()):
        assert hass.states.get(entity_id), entity_id
    assert {SWITCH, LIMIT} <= shown["Bornes"]
    assert {SWITCH, LIMIT, MODE, "time.station_2133_echeance"} <= shown["2133"]
    assert "sensor.harbor_view_garage_bornes_disponibles" in shown["Carte"]


async def test_smart_charging(home: Home) -> None:
    """It charges a vehicle with the sun, as its entities show."""
    hass = home.hass
    home.meter(-9000)
    await home.add(STATION)
    assert state(hass, MODE) == "manual"
    await hass.services.async_call(
        "select", "select_option", {"entity_id": MODE, "option": "smart"}, blocking=True
    )
    home.world.plug_in(STATION, card=True, percent=10)
    await home.run(600, base_w=-9000)
    assert state(hass, WHY) == "sun"
    assert float(state(hass, "sensor.station_2133_puissance")) > 1
    assert float(state(hass, "sensor.station_2133_part_solaire_de_la_seance")) > 0


@pytest.fixture
async def say(hass: HomeAssistant, loaded: ConfigEntry, tmp_path: Path) -> Say:
    for domain in ("homeassistant", "conversation"):
        assert await async_setup_component(hass, domain, {})
    shutil.copytree(ROOT / "custom_sentences", tmp_path / "custom_sentences")
    hass.config.config_dir = str(tmp_path)

    async def say(text: str) -> str:
        """Say something in the language of Home Assistant."""
        result = await conversation.async_converse(
            hass, text, None, Context(), agent_id="conversation.home_assistant"
        )
        await hass.async_block_till_done()
        speech: str = result.response.speech["plain"]["speech"]
        return speech

    return say


async def test_voice(hass: HomeAssistant, say: Say, world: World, wait: Pass) -> None:
    for sentence in (
        "Pourquoi la borne 2133 ne charge pas ?",
        "Pourquoi est-ce que mon auto ne charge pas à la borne 2133 ?",
    ):
        assert await say(sentence) == "Station 2133 est libre."
    world.plug_in(STATION, percent=10)
    await wait(35)
    answer = await say("Démarre la borne 2133")
    assert answer.startswith("Une séance a été lancée à Station 2133")
    assert state(hass, SWITCH) == "on"
    assert await say("Mets la borne 2133 à 20 ampères") == "La limite de Station 2133 est de 20 A."
    assert float(state(hass, LIMIT)) == 20
    await wait(120)
    answer = await say("Recharge l'auto à la borne 2133")
    assert answer.startswith("Il n'y avait rien à démarrer. Station 2133 est en charge : ")
    answer = await say("Arrête la borne 2133")
    assert answer.startswith("La recharge est arrêtée à Station 2133 : ")
    assert state(hass, SWITCH) == "off"


async def test_the_blueprint_that_moves_a_car(home: Home) -> None:
    """It finds the entities of a station by what they are."""
    hass = home.hass
    calls = async_mock_service(hass, "notify", "send_message")
    inputs = {"stations": [home.device(STATION)], "notify": ["notify.phone"], "language": "fr"}
    automation = {
        "alias": "Auto",
        "use_blueprint": {"path": "eevion/move_your_car.yaml", "input": inputs},
    }
    with patch(
        "homeassistant.components.blueprint.models.DomainBlueprints.blueprint_folder",
        new_callable=PropertyMock(return_value=ROOT / "blueprints" / "automation"),
    ):
        assert await async_setup_component(hass, "automation", {"automation": [automation]})
    home.world.plug_in(STATION, battery_wh=200, percent=0, max_w=7200, card=True)
    for _ in range(30):
        await home.run(60, step_s=30)
    assert calls
    assert calls[0].data["title"] == "Déplacez votre véhicule"
    assert calls[0].data["message"].startswith("Station 2133 : le véhicule ne prend plus d'énergie")
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)


def lines(path: str) -> list[str]:
    return Path(path).read_text("utf-8-sig").splitlines()


async def test_the_statement(home: Home, tmp_path: Path) -> None:
    """The file has French headings and words."""
    home.hass.config.media_dirs = {"local": str(tmp_path)}
    home.world.plug_in(STATION, card=True, percent=10)
    await home.run(600, step_s=60)
    answer = await ask(home.hass, "export_sessions")
    first, row, last = lines(answer["path"])
    assert first.startswith("Début,Borne,Site,Durée (h:mm),Énergie (kWh),Coût,Devise,")
    assert row.endswith(",Encore en cours")
    assert last.startswith("Total,")
