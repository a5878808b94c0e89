"""What the built-in assistant answers in English and French, with the sentences to copy."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
import shutil
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import conversation
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket, WebSocketGenerator
import yaml

from custom_components.eevion.api import Session, SessionStatus
from custom_components.eevion.intent import INTENTS
from simulator import Cloud, Settings, World
from tests import ROOT
from tests.calls import device, sent, starts
from tests.conftest import API_KEY, Pass
from tests.helpers import Station
from tests.smart.home import PRICE, Home

SENTENCES = ROOT / "custom_sentences"
FIXTURES = ROOT / "tests" / "fixtures"
LANGUAGES = ("en", "es", "fr")

type Say = Callable[..., Awaitable[str]]
type Slots = dict[str, Any]


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=2, seed=7)


@pytest.fixture
async def say(hass: HomeAssistant, loaded: MockConfigEntry, tmp_path: Path) -> Say:
    """Say something to Assist, with the sentences where people copy them to."""
    for domain in ("homeassistant", "conversation"):
        assert await async_setup_component(hass, domain, {})
    shutil.copytree(SENTENCES, tmp_path / "custom_sentences")
    hass.config.config_dir = str(tmp_path)

    async def say(text: str, language: str = "en", **kwargs: object) -> str:
        result = await conversation.async_converse(
            hass,
            text,
            None,
            kwargs.pop("context", Context()),
            language,
            "conversation.home_assistant",
            **kwargs,
        )
        await hass.async_block_till_done()
        speech: str = result.response.speech["plain"]["speech"]
        return speech

    return say


@pytest.fixture
def garage(hass: HomeAssistant, loaded: MockConfigEntry, world: World) -> Station:
    """The first station, renamed by a person."""
    name_device(hass, loaded, world, "2133", "Garage")
    return Station(hass, world, "2133")


def name_device(
    hass: HomeAssistant, entry: MockConfigEntry, world: World, station: str, name: str
) -> None:
    id_ = device(hass, entry, world.station(station).port_id)
    dr.async_get(hass).async_update_device(id_, name_by_user=name)


def put(hass: HomeAssistant, entry: MockConfigEntry, world: World, station: str, area: str) -> str:
    area_id = ar.async_get(hass).async_get_or_create(area).id
    id_ = device(hass, entry, world.station(station).port_id)
    dr.async_get(hass).async_update_device(id_, area_id=area_id)
    return id_


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_for_our_intents(language: str) -> None:
    read = yaml.safe_load((SENTENCES / language / "eevion.yaml").read_text("utf-8"))
    assert read["language"] == language
    assert set(read["intents"]) == {intent.intent_type for intent in INTENTS}
    # They share their names with all other sentences.
    assert all(name.startswith("eevion_") for name in (*read["lists"], *read["expansion_rules"]))


async def recognized(
    hass: HomeAssistant, client: MockHAClientWebSocket, language: str, sentences: list[str]
) -> list[tuple[str, Slots] | None]:
    """Return the intent and the slots that Assist finds in each sentence, without doing it."""
    command = "conversation/agent/homeassistant/debug"
    await client.send_json_auto_id({"type": command, "sentences": sentences, "language": language})
    return [
        (found["intent"]["name"], found["slots"]) if found and found["match"] else None
        for found in (await client.receive_json())["result"]["results"]
    ]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_people_say(
    hass: HomeAssistant,
    say: Say,
    garage: Station,
    hass_ws_client: WebSocketGenerator,
    language: str,
) -> None:
    read = yaml.safe_load((FIXTURES / "sentences.yaml").read_text("utf-8"))[language]
    others = read.pop("others")
    expected = {
        sentence: (name, group["slots"])
        for name, groups in read.items()
        for group in groups
        for sentence in group["sentences"]
    }
    assert set(read) == {intent.intent_type for intent in INTENTS}
    client = await hass_ws_client(hass)
    found = await recognized(hass, client, language, list(expected))
    assert dict(zip(expected, found, strict=True)) == expected
    for sentence, other in zip(
        others, await recognized(hass, client, language, others), strict=True
    ):
        assert other is None or not other[0].startswith("Eevion"), sentence


START = {
    "en": ("Start charging at the garage", "A session has been started at Garage; "),
    "es": ("Inicia la carga en el garage", "Se ha iniciado una sesión en Garage; "),
    "fr": ("Démarre la recharge au garage", "Une séance a été lancée à Garage ; "),
}
STOP = {
    "en": ("Stop charging", "Charging has stopped at Garage: 1.7 kWh, 10 min, 0.50 CAD."),
    "es": ("Detén la carga", "La carga se ha detenido en Garage: 1,7 kWh, 10 min, 0,50 CAD."),
    "fr": ("Arrête la recharge", "La recharge est arrêtée à Garage : 1,7 kWh, 10 min, 0,50 CAD."),
}
DOING = {
    "en": ("What are the chargers doing?", "Garage is charging at 10 kW: 1.7 kWh, 10 min, "),
    "es": ("¿Qué hacen los cargadores?", "Garage está cargando a 10 kW: 1,7 kWh, 10 min, "),
    "fr": ("Que font les bornes ?", "Garage est en charge à 10 kW : 1,7 kWh, 10 min, "),
}
COST = {
    "en": ("How much did the last charge cost?", "The last charge at Garage: "),
    "es": ("¿Cuánto costó la última carga?", "La última carga en Garage: "),
    "fr": ("Combien a coûté la dernière recharge ?", "La dernière recharge à Garage : "),
}
COST_BY_NAME = {
    "en": ("How much did the last charge at the garage cost?", "The last charge at Garage: "),
    "es": ("¿Cuánto costó la última carga en el garage?", "La última carga en Garage: "),
    "fr": ("Combien a coûté la dernière charge au garage ?", "La dernière recharge à Garage : "),
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_charge(
    say: Say, garage: Station, world: World, cloud: Cloud, wait: Pass, language: str
) -> None:
    world.plug_in(garage.name)
    sentence, answer = START[language]
    assert (await say(sentence, language)).startswith(answer)
    assert garage["switch.charging"] == "on"
    for _ in range(10):
        await wait(60)
    sentence, answer = DOING[language]
    assert (await say(sentence, language)).startswith(answer)
    sentence, answer = STOP[language]
    assert await say(sentence, language) == answer
    assert garage["switch.charging"] == "off"
    for question in (COST, COST_BY_NAME):
        sentence, begin = question[language]
        assert await say(sentence, language) == begin + answer.split(": ")[1]
    assert float(garage["sensor.session_cost"]) == pytest.approx(0.50, abs=0.005)


async def test_duration_that_lists_leave_out(say: Say, world: World, wait: Pass) -> None:
    """The cloud's lists report a duration of 0 for active sessions of this station."""
    assert world.station("2134").zero_duration_in_lists
    world.plug_in("2134", card=True)
    for _ in range(11):
        await wait(60)
    assert ", 11 min, " in await say("What are the chargers doing?")


LIMITS = {
    "en": {
        "Limit the garage to 16 amps": ("Garage is limited to 16 A.", "16"),
        "Set the charging limit of the garage to ten amps": ("Garage is limited to 10 A.", "10"),
        "limit charging at the garage to 2.4 kilowatts": ("Garage is limited to 2.4 kW.", "11"),
        "limit the garage to 0 amps": (
            "Garage is limited to 0 A: it does not charge until you set another limit.",
            "0",
        ),
        "limit the garage to 300 amps": (
            (
                "Station Garage cannot be limited to 300 A. Use 0 to pause, or a value "
                "from 6 A to 48 A."
            ),
            None,
        ),
    },
    "es": {
        "Limita el garage a 16 amperios": ("El límite de Garage es de 16 A.", "16"),
        "Pon el límite de carga del garage en diez amperios": (
            "El límite de Garage es de 10 A.",
            "10",
        ),
        "limita la carga en el garage a 2,4 kilovatios": (
            "El límite de Garage es de 2,4 kW.",
            "11",
        ),
        "limita el garage a 300 amperios": (
            (
                "La estación Garage no se puede limitar a 300 A. Usa 0 para ponerla en pausa, o un "
                "valor de 6 A a 48 A."
            ),
            None,
        ),
    },
    "fr": {
        "Limite le garage à 16 ampères": ("La limite de Garage est de 16 A.", "16"),
        "Règle la limite de recharge du garage à dix ampères": (
            "La limite de Garage est de 10 A.",
            "10",
        ),
        "limite la charge au garage à 2,4 kilowatts": (
            "La limite de Garage est de 2,4 kW.",
            "11",
        ),
        "limite le garage à 0 ampère": (
            (
                "La limite de Garage est de 0 A : la borne ne recharge pas tant que vous n'en "
                "fixez pas une autre."
            ),
            "0",
        ),
        "limite le garage à 300 ampères": (
            (
                "La borne Garage ne peut pas être limitée à 300 A. Utilisez 0 pour suspendre, "
                "ou une valeur de 6 A à 48 A."
            ),
            None,
        ),
    },
}


@pytest.mark.parametrize(
    ("language", "sentence"), [(lang, text) for lang in LIMITS for text in LIMITS[lang]]
)
async def test_limit(say: Say, garage: Station, cloud: Cloud, language: str, sentence: str) -> None:
    answer, limit = LIMITS[language][sentence]
    assert await say(sentence, language) == answer
    if limit:
        assert garage["number.charging_limit"] == limit
    else:
        assert not sent(cloud, "/energy-management")


MODES = {
    "en": {
        "Charge the garage with sun only": (
            "Garage charges with sun, cheap electricity and by its plan.",
            "smart",
        ),
        "Charge the garage as fast as possible": ("Garage charges as fast as it can.", "fast"),
        "Pause charging at the garage": ("Garage is paused.", "off"),
        "Set the charging mode of the garage to manual": (
            "Smart charging leaves Garage alone.",
            "manual",
        ),
    },
    "es": {
        "Carga en el garage con el sol": (
            "Garage carga con sol, con electricidad barata y según su plan.",
            "smart",
        ),
        "Carga en el garage lo más rápido posible": ("Garage carga lo más rápido posible.", "fast"),
        "Pon en pausa la carga en el garage": ("Garage está en pausa.", "off"),
        "Pon el modo de carga del garage en manual": (
            "La carga inteligente no interviene en Garage.",
            "manual",
        ),
    },
    "fr": {
        "Charge au garage avec le soleil": (
            "Garage recharge avec le soleil, l'électricité bon marché et selon son plan.",
            "smart",
        ),
        "Recharge au garage le plus vite possible": (
            "Garage recharge le plus vite possible.",
            "fast",
        ),
        "Mets en pause la recharge au garage": ("Garage est en pause.", "off"),
        "Mets le mode de recharge du garage en manuel": (
            "La recharge intelligente ne touche plus à Garage.",
            "manual",
        ),
    },
}
WHY = {
    "en": ("Why does the garage not charge?", "It waits for a vehicle."),
    "es": ("¿Por qué no carga el garage?", "Espera un vehículo."),
    "fr": ("Pourquoi le garage ne charge pas ?", "Elle attend un véhicule."),
}
PLUGGED_IN = {
    "en": "A vehicle is plugged in at Garage, but it is not charging.",
    "es": "Hay un vehículo enchufado en Garage, pero no está cargando.",
    "fr": "Un véhicule est branché à Garage, mais il ne se recharge pas.",
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_modes(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    say: Say,
    garage: Station,
    world: World,
    wait: Pass,
    language: str,
) -> None:
    """Choose how a station charges, and hear why it does not."""
    device_id = device(hass, entry, garage.port_id)
    flows = hass.config_entries.subentries
    shown = await flows.async_init((entry.entry_id, "smart_charging"), context={"source": "user"})
    hass.states.async_set("sensor.meter", "0", {"unit_of_measurement": "W"})
    await flows.async_configure(
        shown["flow_id"], {"stations": [device_id], "grid": {"grid_power": "sensor.meter"}}
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    for sentence, (answer, mode) in MODES[language].items():
        assert await say(sentence, language) == answer
        assert garage["select.charging_mode"] == mode
    await say(next(iter(MODES[language])), language)
    await hass.async_block_till_done(wait_background_tasks=True)
    await say(list(MODES[language])[1], language)
    await hass.async_block_till_done(wait_background_tasks=True)
    sentence, reason = WHY[language]
    assert (await say(sentence, language)).endswith(reason)
    # It does not wait for a vehicle that is there.
    world.plug_in(garage.name, card=True, percent=10)
    await wait(65)
    await say(STOP[language][0], language)
    assert garage["sensor.smart_charging"] == "waiting_for_vehicle"
    assert await say(sentence, language) == PLUGGED_IN[language]


WHEN = {
    "en": ("When will the car be ready?", "It is planned to be ready at 07:00."),
    "es": ("¿Cuándo estará listo el coche?", "Según su plan, la carga terminará a las 07:00."),
    "fr": ("Quand la voiture sera-t-elle prête ?", "la recharge sera terminée à 07:00."),
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_when_the_plan_ends(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    say: Say,
    garage: Station,
    cloud: Cloud,
    world: World,
    wait: Pass,
    language: str,
) -> None:
    home = Home(hass, loaded, cloud, world, wait)
    home.price(0.4, prices_today=[])
    await home.add(garage.name, price={"price": PRICE})
    await home.choose(garage.name, "smart")
    await home.call("number", "set_value", garage.name, "target_energy", value=10)
    sentence, answer = WHEN[language]
    # Without a vehicle nothing is to be ready.
    assert "07:00" not in await say(sentence, language)
    world.plug_in(garage.name, card=True, percent=10)
    await home.run(60)
    assert answer in await say(sentence, language)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_mode_without_smart_charging(say: Say, garage: Station, language: str) -> None:
    answer = await say(next(iter(MODES[language])), language)
    assert {
        "en": "has no smart charging",
        "es": "no tiene carga inteligente",
        "fr": "n'a pas de recharge intelligente",
    }[language] in answer


NO_CAR = {
    "en": "No vehicle is plugged in at station Garage. Plug the vehicle in first, then start "
    "charging.",
    "es": "No hay ningún vehículo enchufado en la estación Garage. Enchufa primero el vehículo y "
    "luego inicia la carga.",
    "fr": "Aucun véhicule n'est branché à la borne Garage. Branchez d'abord le véhicule, puis "
    "lancez la recharge.",
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_start_without_a_car(say: Say, garage: Station, language: str) -> None:
    assert await say(START[language][0], language) == NO_CAR[language]
    assert garage["switch.charging"] == "off"


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Turn on station 2133 charging"),
        ("es", "Enciende la estación 2133 carga"),
        ("fr", "Allume la station 2133 charging"),
        ("fr", "Allume la station 2133 recharge"),
        ("fr", "Démarre la borne 2133"),
    ],
)
async def test_the_switch_by_its_name(
    say: Say, loaded: MockConfigEntry, world: World, language: str, sentence: str
) -> None:
    """Assist's own sentence would speak of an unexpected error."""
    assert await say(sentence, language) == NO_CAR[language].replace("Garage", "2133")


AMBIGUOUS = {
    "en": "Several stations match: Garage, Station 2134. Say the name of one of them.",
    "es": "Varias estaciones coinciden: Garage, Station 2134. Di el nombre de una de ellas.",
    "fr": "Plusieurs bornes sont possibles : Garage, Station 2134. Dites laquelle.",
}
UNKNOWN = {
    "en": ("start charging at the lake", "No charging station is called the lake. There are: "),
    "es": ("inicia la carga en el lago", "No hay ninguna estación de carga lago. Hay: "),
    "fr": ("démarre la recharge au lac", "Il n'y a pas de borne lac. Il y a : "),
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_names_of_several_stations(
    say: Say, garage: Station, cloud: Cloud, language: str
) -> None:
    nameless = {"en": "start charging", "es": "inicia la carga", "fr": "lance la recharge"}[
        language
    ]
    assert await say(nameless, language) == AMBIGUOUS[language]
    sentence, answer = UNKNOWN[language]
    assert (await say(sentence, language)).startswith(answer)
    assert (await say(sentence, language)).endswith("Garage, Station 2134.")
    assert not starts(cloud)


async def test_two_stations_in_one_area(
    hass: HomeAssistant, say: Say, loaded: MockConfigEntry, world: World, cloud: Cloud
) -> None:
    for name in ("2133", "2134"):
        put(hass, loaded, world, name, "Car park")
    answer = await say("start charging in the car park")
    assert (
        answer == "Several stations match: Station 2133, Station 2134. Say the name of one of them."
    )
    assert not starts(cloud)
    assert await say("what is the station in the car park doing") == (
        "Station 2133 is free. Station 2134 is free."
    )


SITE_OF = {"en": "at", "es": "en", "fr": "à"}
SITES = {
    "en": ("start charging at {}", "Several stations match: ", "A session has been started at "),
    "es": ("inicia la carga en {}", "Varias estaciones coinciden: ", "Se ha iniciado una sesión "),
    "fr": ("démarre la recharge à {}", "Plusieurs bornes sont possibles", "Une séance a été "),
}


@pytest.mark.parametrize("language", LANGUAGES)
class TestNamesOfSites:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(keys=(API_KEY,), sites=2, stations=3, seed=7)

    @pytest.fixture
    def lone(self, loaded: MockConfigEntry) -> tuple[str, str]:
        """The site with one station, and the other one."""
        snapshot = loaded.runtime_data.coordinator.data
        sizes = {
            site.name: len(list(snapshot.stations_at(id_))) for id_, site in snapshot.sites.items()
        }
        assert sorted(sizes.values()) == [1, 2]
        return min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)

    async def test_the_site_of_one_station(
        self, say: Say, lone: tuple[str, str], world: World, cloud: Cloud, language: str
    ) -> None:
        (station,) = [s for s in world.stations if s.site.name == lone[0]]
        world.plug_in(station.name)
        sentence, _, started = SITES[language]
        assert (await say(sentence.format(lone[0]), language)).startswith(started)
        assert len(starts(cloud)) == 1

    async def test_a_site_of_several_stations(
        self, say: Say, lone: tuple[str, str], world: World, cloud: Cloud, language: str
    ) -> None:
        sentence, several, started = SITES[language]
        assert (await say(sentence.format(lone[1]), language)).startswith(several)
        assert not starts(cloud)
        # With the station the sentence is unambiguous.
        station = next(s for s in world.stations if s.site.name == lone[1])
        world.plug_in(station.name)
        both = f"{station.name} {SITE_OF[language]} {lone[1]}"
        assert (await say(sentence.format(both), language)).startswith(started)


@pytest.mark.parametrize(
    "spoken",
    [
        "2134",
        "station 2134",
        "the station 2134",
        "21 34",
        "Driveway",
        "the driveway charger",
        "the carport",
        "Nébraska",
        "north",
    ],
)
async def test_names_that_can_be_spoken(
    hass: HomeAssistant, say: Say, loaded: MockConfigEntry, world: World, spoken: str
) -> None:
    """The cloud's name, a person's, an alias, an area and its alias; or a part of a name."""
    name_device(hass, loaded, world, "2134", "Driveway North")
    put(hass, loaded, world, "2134", "Carport")
    areas = ar.async_get(hass)
    area = areas.async_get_area_by_name("Carport")
    assert area
    areas.async_update(area.id, aliases={"Nebraska"})
    switch = Station(hass, world, "2134").id("switch", "charging")
    er.async_get(hass).async_update_entity(switch, aliases=["driveway charger"])
    world.plug_in("2134")
    assert (await say(f"start charging at {spoken}")).startswith("A session has been started")
    assert hass.states.get(switch).state == "on"


async def test_the_area_of_who_speaks(
    hass: HomeAssistant, say: Say, loaded: MockConfigEntry, world: World
) -> None:
    """A satellite in the garage means the station there."""
    put(hass, loaded, world, "2133", "Hall")
    satellite = put(hass, loaded, world, "2134", "Garage")
    answer = await say("start charging", device_id=satellite)
    assert answer.startswith("No vehicle is plugged in at station 2134.")


async def test_start_means_the_vehicle_that_waits(
    say: Say, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    for name in ("2133", "2134"):
        world.plug_in(name, card=True)
    for _ in range(3):
        await wait(31)
    world.swipe_card("2134")
    for _ in range(3):
        await wait(31)
    answer = await say("start charging")
    assert answer.startswith("A session has been started at Station 2134")


async def test_stop_means_the_one_that_charges(
    say: Say, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    world.plug_in("2134", card=True)
    await wait(31)
    await wait(31)
    assert (await say("stop charging")).startswith("Charging has stopped at Station 2134: ")


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", "There is no session at Garage."),
        ("fr", "Il n'y a pas de séance à Garage."),
    ],
)
async def test_nothing_to_stop(say: Say, garage: Station, language: str, answer: str) -> None:
    sentence = {"en": "stop charging at the garage", "fr": "arrête la recharge du garage"}
    assert await say(sentence[language], language) == answer


async def test_start_what_charges_already(
    say: Say, garage: Station, world: World, cloud: Cloud, wait: Pass
) -> None:
    world.plug_in(garage.name, card=True)
    await wait(31)
    await wait(5)
    answer = await say("start charging at the garage")
    assert answer.startswith("There was nothing to start. Garage is charging at 10 kW: ")
    assert not starts(cloud)


async def stop_while_authorizing(say: Say, garage: Station, world: World) -> None:
    """Start at a station whose driver needs a card, and say "stop" meanwhile."""
    world.plug_in(garage.name)
    answer = await say("start charging at the garage")
    assert answer == "A session has been started at Garage; the station is still authorizing it."
    # A frozen clock never reaches what is due now.
    with patch("custom_components.eevion.assist.assistant._ANSWER_TIMEOUT_S", -1):
        answer = await say("stop charging")
    assert answer == (
        "The session at Garage is still being authorized. It ends as soon as that is possible."
    )
    assert garage["switch.charging"] == "on"


async def test_a_stop_that_has_to_wait(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    say: Say,
    garage: Station,
    world: World,
    cloud: Cloud,
    freezer: FrozenDateTimeFactory,
    wait: Pass,
) -> None:
    cloud.settings.authorizing_s = 60
    await stop_while_authorizing(say, garage, world)
    assert await say("is the charger at the garage charging") == (
        "Garage is still authorizing a session."
    )
    freezer.tick(61)
    await loaded.runtime_data.coordinator.async_refresh()
    await wait(5)
    assert garage["switch.charging"] == "off"


async def test_a_stop_that_waits_for_nothing(
    say: Say,
    garage: Station,
    world: World,
    cloud: Cloud,
    wait: Pass,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cloud.settings.authorizing_s = 10_000
    await stop_while_authorizing(say, garage, world)
    await wait(331)
    assert "A stop by voice failed in the end: Station 2133 is still authorizing" in caplog.text
    assert garage["switch.charging"] == "on"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_problems(say: Say, garage: Station, world: World, wait: Pass, language: str) -> None:
    sentence = {
        "en": "What is wrong with the charging stations?",
        "es": "¿Qué problemas tienen las estaciones de carga?",
        "fr": "Qu'est-ce qui ne va pas avec les bornes ?",
    }[language]
    fine = {
        "en": "Nothing is wrong with the stations.",
        "es": "Las estaciones no tienen ningún problema.",
        "fr": "Rien à signaler aux bornes.",
    }
    assert await say(sentence, language) == fine[language]
    world.fault("2134", "GroundFailure")
    world.take_offline(garage.name)
    await wait(301)
    wrong = {
        "en": "Garage has a problem: out of service. "
        "Station 2134 has a problem: out of service, Faulted (GroundFailure).",
        "es": "Garage tiene un problema: fuera de servicio. "
        "Station 2134 tiene un problema: fuera de servicio, Faulted (GroundFailure).",
        "fr": "Garage a un problème : hors service. "
        "Station 2134 a un problème : hors service, Faulted (GroundFailure).",
    }
    assert await say(sentence, language) == wrong[language]


async def test_what_has_not_been(say: Say, garage: Station) -> None:
    answer = await say("how much did the last charge at the garage cost")
    assert answer == "Garage has not charged a vehicle yet."
    assert await say("how much did the last charge cost") == "No station has charged a vehicle yet."


async def test_while_the_cloud_is_away(say: Say, garage: Station, cloud: Cloud, wait: Pass) -> None:
    cloud.faults.set("error")
    for _ in range(10):
        await wait(31)
    answer = await say("que font les bornes", "fr")
    assert answer.startswith("La réponse du cloud n'a pas pu être comprise")
    assert API_KEY not in answer


async def test_a_language_without_texts_is_answered_in_english(
    hass: HomeAssistant, say: Say, garage: Station, tmp_path: Path
) -> None:
    czech = tmp_path / "custom_sentences/cs"
    czech.mkdir()
    text = 'language: cs\nintents: {EevionStations: {data: [{sentences: ["co dělají stanice"]}]}}'
    (czech / "eevion.yaml").write_text(text)
    assert (await say("co dělají stanice", "cs")).startswith("Garage is free.")


async def test_only_what_is_exposed(
    hass: HomeAssistant, say: Say, garage: Station, cloud: Cloud, world: World
) -> None:
    other = Station(hass, world, "2134").id("switch", "charging")
    async_expose_entity(hass, "conversation", other, False)
    assert await say("what are the chargers doing") == "Garage is free."
    assert (await say("start charging at 2134")).startswith("No charging station is called 2134.")
    async_expose_entity(hass, "conversation", garage.id("switch", "charging"), False)
    answer = await say("start charging")
    assert answer.startswith("No charging station is exposed to this assistant.")
    assert not starts(cloud)


async def test_only_what_a_user_may_control(
    hass: HomeAssistant, say: Say, garage: Station, world: World, cloud: Cloud
) -> None:
    world.plug_in(garage.name)
    user = MockUser().add_to_hass(hass)
    user.mock_policy({"entities": {"domains": {"switch": {"read": True}}}})
    context = Context(user_id=user.id)
    assert (await say("what are the chargers doing", context=context)).startswith("Garage is free")
    assert "No charging station" in await say("start charging at the garage", context=context)
    assert not starts(cloud)


async def test_a_disconnected_account(
    hass: HomeAssistant, say: Say, loaded: MockConfigEntry
) -> None:
    assert await hass.config_entries.async_unload(loaded.entry_id)
    assert (await say("start charging")).startswith(
        "No charging station is exposed to this assistant."
    )


async def test_a_fleet_is_counted(
    hass: HomeAssistant, say: Say, loaded: MockConfigEntry, world: World, wait: Pass
) -> None:
    for number in range(10):
        world.add_station(f"Bay {number}")
    world.take_offline("Bay 3")
    await wait(31)
    answer = await say("what are the chargers doing")
    assert answer == "12 stations. Charging: 0. With a problem: 1."
    answer = await say("start charging")
    assert answer.count(",") == 8


async def test_many_problems(say: Say, garage: Station, world: World, wait: Pass) -> None:
    """Nobody listens to all of them."""
    for station in world.stations:
        world.disconnect(station.name)
    await wait(31)
    with patch("custom_components.eevion.assist.assistant._MOST_DESCRIBED", 1):
        answer = await say("What is wrong with the charging stations?")
    assert answer.endswith(" more.")


async def test_a_start_that_charges_at_once(
    say: Say, garage: Station, world: World, loaded: MockConfigEntry
) -> None:
    """Where the cloud answers with a session that is authorized."""
    world.plug_in(garage.name)
    client = loaded.runtime_data.coordinator.client
    start = client.start_session

    async def authorized(**arguments: Any) -> Session:
        session = await start(**arguments)
        return replace(session, status=SessionStatus.CHARGING)

    with patch.object(client, "start_session", authorized):
        answer = await say("start charging at the garage")
    assert answer.startswith(("Charging has started at Garage", "A session has been started"))
    assert "authorizing" not in answer
