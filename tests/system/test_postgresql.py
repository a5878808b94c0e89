"""The hourly statistics in a recorder with PostgreSQL, where that is installed."""

from collections.abc import Iterator
import os
from pathlib import Path
import shutil
import subprocess
import tempfile
import time

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from simulator import Settings, World
from tests.conftest import API_KEY, Pass
from tests.history.hourly import (
    Hours,
    add_past_session,
    all_rows,
    correct,
    delivered_kwh,
    earned,
    expected_kwh,
    import_history,
)

pytest.importorskip("psycopg2", reason="psycopg2 is not installed")

_FOLDERS = [os.environ.get("PATH", ""), *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
_PATH = os.pathsep.join(_FOLDERS)


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Start a server of its own, which listens in its folder only; return its URL."""
    initdb, postgres = _program("initdb"), _program("postgres")
    # It refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        if user:
            shutil.chown(folder, user)
        data = f"{folder}/data"
        subprocess.run(
            [initdb, "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"],
            check=True,
            capture_output=True,
            user=user,
            cwd=folder,
        )
        settings = [f"-k{folder}", "-clisten_addresses=", "-cfsync=off"]
        server = subprocess.Popen(
            [postgres, "-D", data, *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=user,
            cwd=folder,
        )
        try:
            while server.poll() is None and not Path(folder, ".s.PGSQL.5432").exists():
                time.sleep(0.1)
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            server.terminate()
            server.wait()


@pytest.fixture
def recorder_db_url(postgresql: str) -> str:
    return postgresql


@pytest.fixture
def settings() -> Settings:
    return Settings(keys=(API_KEY,), sites=1, stations=2, seed=7, history_days=30)


async def test_history(
    recorder_mock: Recorder,
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    loaded: ConfigEntry,
    world: World,
    wait: Pass,
) -> None:
    assert recorder_mock.dialect_name == "postgresql"
    station = world.stations[0]
    hours = Hours(hass, loaded, world, station.name)
    await wait(7200)
    late = add_past_session(world, station.name, ago_s=5000, lasts_s=3000)
    for seconds in (301, 5, 5):
        await wait(seconds)
    assert await hours.read() == pytest.approx(expected_kwh(late), abs=1e-5)

    await import_history(hass, freezer, loaded, from_="2026-10-01")
    hours = Hours(hass, loaded, world, station.name)
    assert await hours.read() == pytest.approx(expected_kwh(*station.ledger), abs=1e-5)
    assert round(await hours.total() * 1000, 3) == round(delivered_kwh(*station.ledger) * 1000)
    assert round(await hours.total("cost"), 4) == round(earned(*station.ledger), 2)
    rows = await all_rows(hass)
    await import_history(hass, freezer, loaded, from_="2026-10-01")
    assert await all_rows(hass) == rows

    correct(world, late, 5_000)
    for seconds in (301, 5, 5):
        await wait(seconds)
    assert await hours.read() == pytest.approx(expected_kwh(*station.ledger), abs=1e-5)
