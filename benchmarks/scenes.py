"""What the cloud answers in successive polls: bodies made by the simulator."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import math
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from simulator import Cloud, Settings, World, create_app

KEY = "key"
START = 1_800_000_000.0
# The first ten of the simulator's stations show every state; the later ones work.
ODD = 10


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A day at the stations; shares are of all stations, at least one of each that is not 0."""

    name: str
    start: float
    charging: float = 0
    changing: float = 0
    """Go out of service and back."""


SCENES = (
    Scene(name="nothing changed", start=START),
    # Half of them in the sites, half in the sessions.
    Scene(name="1 % changed", start=START + 7200, charging=0.005, changing=0.005),
    Scene(name="a quarter charging", start=START + 14_400, charging=0.25),
)


class _Stage:
    def __init__(self, scene: Scene, count: int) -> None:
        self.now = scene.start
        self._scene = scene
        sites = max(1, count // 100)
        settings = Settings(
            keys=(KEY,), sites=sites, stations=count + ODD, rate_limit=10**9, seed=1
        )
        self.cloud = Cloud(settings, now=lambda: self.now)
        self.world: World = self.cloud.world()
        for site in self.world.sites:
            site.stations = [s for s in site.stations if s.lifecycle == "active" and s.connected]
        names = [station.name for station in self.world.stations][:count]
        for site in self.world.sites:
            site.stations = [s for s in site.stations if s.name in names]
        charging = math.ceil(count * scene.charging)
        for name in names[:charging]:
            self.world.plug_in(name, percent=0, battery_wh=1_000_000, card=True)
        self._idle = names[charging:]
        self._changing = min(math.ceil(count * scene.changing), len(self._idle))

    def steps(self, gaps: Sequence[float]) -> Iterator[None]:
        """Let time pass (s), and stations go out of service and back."""
        for number, gap in enumerate(gaps):
            self.now += gap
            begin = number // 2 * self._changing % max(1, len(self._idle))
            for name in self._idle[begin : begin + self._changing]:
                (self.world.take_online if number % 2 else self.world.take_offline)(name)
            yield


async def record(scene: Scene, count: int, gaps: Sequence[float], folder: Path) -> None:
    """Write the bodies of a poll after each gap (s) to files."""
    stage = _Stage(scene, count)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with TestClient(TestServer(create_app(stage.cloud))) as client:
        for number, _ in enumerate(stage.steps(gaps)):
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
