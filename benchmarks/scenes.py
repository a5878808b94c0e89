"""What the cloud answers in successive polls: bodies made by the simulator."""

from collections.abc import Iterator
from dataclasses import dataclass
import math
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from simulator import Cloud, Settings, World, create_app

KEY = "key"
START = 1_800_000_000.0
STEP_S = 5
# The first ten of the simulator's stations show every state; the later ones work.
ODD = 10


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A day at the stations; shares are of all stations."""

    name: str
    charging: float = 0
    changing: float = 0


SCENES = (
    Scene(name="nothing changed"),
    Scene(name="1 % changed", changing=0.01),
    Scene(name="a quarter charging", charging=0.25),
    Scene(name="all charging", charging=1),
)


class _Stage:
    def __init__(self, scene: Scene, count: int) -> None:
        self.now = START
        self._scene = scene
        sites = max(1, count // 100)
        settings = Settings(
            keys=(KEY,), sites=sites, stations=count + ODD, rate_limit=10**9, seed=1
        )
        self.cloud = Cloud(settings, now=lambda: self.now)
        self.world: World = self.cloud.world()
        for site in self.world.sites:
            site.stations = [s for s in site.stations if s.lifecycle == "active" and s.connected]
        self._names = [station.name for station in self.world.stations][:count]
        for site in self.world.sites:
            site.stations = [s for s in site.stations if s.name in self._names]
        for name in self._names[: math.ceil(count * scene.charging)]:
            self.world.plug_in(name, percent=0, battery_wh=1_000_000, card=True)
        self.now += 60

    def steps(self, count: int) -> Iterator[None]:
        """Let time pass, and stations go out of service and back."""
        changing = round(max(1, len(self._names) * self._scene.changing))
        for number in range(count):
            if self._scene.changing:
                begin = number // 2 * changing % len(self._names)
                for name in self._names[begin : begin + changing]:
                    (self.world.take_online if number % 2 else self.world.take_offline)(name)
            yield
            self.now += STEP_S


async def record(scene: Scene, count: int, frames: int, folder: Path) -> None:
    """Write both bodies of each poll to files."""
    stage = _Stage(scene, count)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with TestClient(TestServer(create_app(stage.cloud))) as client:
        for number, _ in enumerate(stage.steps(frames)):
            async with client.get("/api/eevion/site", headers=headers) as response:
                sites = await response.read()
            async with client.post(
                "/api/eevion/session", headers=headers, json={"limit": 100_000}
            ) as response:
                sessions = await response.read()
            target = folder / scene.name / str(number)
            target.mkdir(parents=True)
            (target / "site").write_bytes(sites)
            (target / "session").write_bytes(sessions)
