"""What is said of stations in rarer states, and of errors."""

from dataclasses import replace

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.eevion.api import (
    ConnectorStatus,
    EevionError,
    EevionRefusedError,
    EevionResponseError,
    LimitUnit,
    PortStatus,
    Session,
    SessionStatus,
)
from custom_components.eevion.assist.phrases import Phrases
from custom_components.eevion.errors import command_errors, read_errors
from custom_components.eevion.stations.station import StationState
from simulator import World

CHARGING = Session(
    session_id="one",
    port_id="port",
    status=SessionStatus.CHARGING,
    connector_status=ConnectorStatus.CHARGING,
)


@pytest.fixture
async def texts(hass: HomeAssistant, loaded: ConfigEntry) -> Phrases:
    return await Phrases.async_load(hass, "en-CA")


@pytest.fixture
def free(loaded: ConfigEntry, world: World) -> StationState:
    state = loaded.runtime_data.coordinator.data.stations[world.stations[0].port_id]
    assert isinstance(state, StationState)
    return state


@pytest.mark.parametrize(
    ("session", "power_w", "expected"),
    [
        (CHARGING, None, "charging"),
        (replace(CHARGING, energy_wh=1500.0), 7200.0, "7.2 kW"),
        (replace(CHARGING, energy_wh=1500.0, duration_s=7300.0), None, "1.5 kWh, 2 h 2 min"),
        (replace(CHARGING, status=SessionStatus.AUTHORIZING), None, "authorizing"),
        (replace(CHARGING, connector_status=ConnectorStatus.FAULTED), None, "session"),
    ],
)
def test_doing(
    texts: Phrases, free: StationState, session: Session, power_w: float | None, expected: str
) -> None:
    text = texts.doing("Garage", replace(free, session=session, power_w=power_w))
    assert "Garage" in text
    assert expected in text


def test_doing_nothing(texts: Phrases, free: StationState) -> None:
    offline = replace(free, port=replace(free.port, status=PortStatus.OFFLINE))
    unknown = replace(free, port=replace(free.port, status=None))
    plugged = replace(
        free,
        is_session_listed=True,
        session=replace(
            CHARGING,
            status=SessionStatus.COMPLETE,
            connector_status=ConnectorStatus.FINISHING,
        ),
    )
    faulted = replace(
        plugged,
        session=replace(
            CHARGING, status=SessionStatus.COMPLETE, connector_status=ConnectorStatus.FAULTED
        ),
    )
    sentences = [
        texts.doing("Garage", state) for state in (free, offline, unknown, plugged, faulted)
    ]
    assert len(set(sentences)) == 5
    assert all("Garage" in one for one in sentences)
    assert texts.current_or_power(16, LimitUnit.AMPERE) == "16 A"


def test_an_error_of_somebody_else(texts: Phrases) -> None:
    assert texts.error(HomeAssistantError("Broken")) == "Broken"


@pytest.mark.parametrize(
    ("err", "of_command", "of_question"),
    [
        (EevionRefusedError("no", code=None), "refused", "question_refused"),
        (EevionResponseError("odd"), "bad_response", "bad_response"),
    ],
)
def test_errors_have_words(
    hass: HomeAssistant, loaded: ConfigEntry, err: EevionError, of_command: str, of_question: str
) -> None:
    with pytest.raises(HomeAssistantError) as error, command_errors("one"):
        raise err
    assert error.value.translation_key == of_command
    with pytest.raises(HomeAssistantError) as error, read_errors():
        raise err
    assert error.value.translation_key == of_question
