"""What tests of actions have in common."""

import pytest

from tests.helpers import Station


@pytest.fixture
def names(stations: list[Station]) -> list[str]:
    return [station.name for station in stations]
