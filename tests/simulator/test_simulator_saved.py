"""What a run of the simulator keeps for the next one."""

from collections.abc import Callable
import json
from pathlib import Path

from aiohttp.test_utils import TestServer
import pytest

from simulator import Cloud, Settings, World, create_app
from simulator.__main__ import main, parser, settings_from

START_S = 1_793_000_000
HOUR_S = 3600


class Now:
    """Real time, which a test moves."""

    def __init__(self) -> None:
        self.s: float = START_S

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def now() -> Now:
    return Now()


def settings(**changed: float) -> Settings:
    return Settings(stations=3, seed=7, auto_cars=True, history_days=10, **changed)  # type: ignore[arg-type]


def again(cloud: Cloud, now: Now, **changed: float) -> Cloud:
    """Return the cloud of the next run."""
    return Cloud(settings(**changed), now=now, saved=json.loads(json.dumps(cloud.to_json())))


def figures(world: World) -> dict[str, tuple[str, int, int | None]]:
    """Return the station, the energy and the end of every session, by its id."""
    return {
        session.session_id: (
            session.station.port_id,
            session.curve.energy_wh(world.timeline.now_ms),
            session.end_ms,
        )
        for station in world.stations
        for session in world.ledger(station.name)
    }


def test_cars_have_come_before_the_start(now: Now) -> None:
    world = Cloud(settings(head_start_s=6 * HOUR_S), now=now).world()
    world.advance()
    begun = [s for s in world.charging.sessions.values() if s.car]
    assert begun
    assert all(START_S - 6 * HOUR_S < s.created_ms / 1000 <= START_S for s in begun)
    assert any(station.session for station in world.stations)
    assert world.timeline.now_ms == START_S * 1000


def test_sessions_are_kept_and_others_have_new_ids(now: Now) -> None:
    first = Cloud(settings(head_start_s=6 * HOUR_S), now=now)
    now.s += 2 * HOUR_S
    first.advance()
    before = figures(first.world())
    active = [s.session_id for s in first.world().charging.active.values()]
    assert active
    assert len(before) > 20

    second = again(first, now, head_start_s=6 * HOUR_S)
    kept = figures(second.world())
    assert kept.keys() == before.keys()
    for session_id, (port_id, energy_wh, end_ms) in before.items():
        ended_ms = now.s * 1000 if session_id in active else end_ms
        assert kept[session_id] == (port_id, energy_wh, ended_ms)
    ends = {second.world().charging.sessions[id_].end_reason for id_ in active}
    assert ends == {"PowerLoss"}

    now.s += 8 * HOUR_S
    second.advance()
    new = figures(second.world()).keys() - before.keys()
    assert new
    third = again(second, now)
    now.s += 8 * HOUR_S
    third.advance()
    assert figures(third.world()).keys() - before.keys() - new


def test_a_run_begins_not_before_the_end_of_the_former_one(now: Now) -> None:
    first = Cloud(settings(), now=now)
    now.s += HOUR_S
    first.advance()
    now.s += HOUR_S
    before = figures(first.world()).keys()
    second = again(first, now, head_start_s=6 * HOUR_S).world()
    second.advance()
    created = {
        s.created_ms for s in second.charging.sessions.values() if s.session_id not in before
    }
    assert all(ms >= (START_S + 2 * HOUR_S) * 1000 for ms in created)


def test_stations_that_are_gone_take_their_sessions_along(now: Now) -> None:
    saved = Cloud(settings(), now=now).to_json()
    fewer = Cloud(Settings(stations=1, seed=7), now=now, saved=json.loads(json.dumps(saved)))
    ports = {port_id for port_id, *_ in figures(fewer.world()).values()}
    assert ports == {station.port_id for station in fewer.world().stations}


async def test_the_application_saves(now: Now, socket_enabled: None) -> None:
    """At the start and at the end."""
    saved: list[float] = []
    app = create_app(Cloud(settings(), now=now), ticker=True, save=lambda: saved.append(now.s))
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(access_log=None)
    now.s += 1
    await server.close()
    assert saved[0] in (START_S, START_S + 1)
    assert saved[-1] == START_S + 1


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run reads the file of the former one."""
    options = ["--head-start", "6", "--history-days", "2", "--stations", "1"]
    assert settings_from(parser().parse_args(options)).head_start_s == 6 * HOUR_S
    file = tmp_path / "state.json"
    kept: list[set[str]] = []

    def make_app(cloud: Cloud, *, ticker: bool, save: Callable[[], None]) -> None:
        assert ticker
        kept.append(set(figures(cloud.world())))
        save()

    monkeypatch.setattr("simulator.__main__.create_app", make_app)
    monkeypatch.setattr("simulator.__main__.web.run_app", lambda *_, **__: None)
    for _ in range(2):
        main([*options, "--state", str(file)])
    assert kept[0]
    assert kept[0] <= kept[1]
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
