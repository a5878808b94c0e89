"""What is remembered of a station: as it was stored, or not at all."""

from dataclasses import replace
from datetime import time
from typing import Any

import pytest

from custom_components.eevion.smart.memory import SmartStationMemory
from custom_components.eevion.smart.model import Mode
from custom_components.eevion.storage.values import StoredDataError

MEMORY = SmartStationMemory(
    mode=Mode.SMART, target_wh=12_000, ready_by=time(6, 30), sent_a=0, charged_ws=5, sun_ws=2
)


def test_it_is_read_as_it_was_written() -> None:
    assert SmartStationMemory.from_json(MEMORY.to_json()) == MEMORY


def test_a_file_of_an_earlier_version_is_read() -> None:
    """It has no deadlines."""
    stored = replace(MEMORY, deadline=1_793_000_000).to_json()
    assert SmartStationMemory.from_json(stored).deadline == 1_793_000_000
    del stored["deadline"]
    assert SmartStationMemory.from_json(stored) == MEMORY


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "eager"),
        ("mode", 1),
        ("ready_by", "25:00"),
        ("ready_by", "07:00+02:00"),
        ("ready_by", None),
        ("target_wh", -1),
        ("target_wh", float("nan")),
        ("target_wh", True),
        ("price_limit", 1e9),
        ("sent_a", "16"),
        ("sent_a", float("inf")),
        ("retry_at", "soon"),
        ("deadline", 5),
        ("is_overridden", 1),
        ("session_id", 5),
    ],
)
def test_what_no_version_writes_is_not_read(name: str, value: Any) -> None:
    with pytest.raises(StoredDataError):
        SmartStationMemory.from_json(MEMORY.to_json() | {name: value})


def test_a_share_of_nothing_is_nothing() -> None:
    assert MEMORY.solar_share == 40
    assert replace(MEMORY, charged_ws=0, sun_ws=0).solar_share == 0
