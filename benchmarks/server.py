"""The replayed cloud, in a process whose work does not count."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
import subprocess
import sys

from aiohttp import ClientSession, TCPConnector
from aiohttp.test_utils import unused_port
from homeassistant.util.ssl import get_default_context
import trustme

from .costs import Work
from .scenes import Scene


@dataclass
class Server:
    """The commands to the replay."""

    url: str
    session: ClientSession

    async def turn(self, scene: Scene, frame: int) -> list[str]:
        """Turn to a frame; return the paths requested since the last command."""
        return await self._tell("turn", scene=scene.name, frame=str(frame))

    @asynccontextmanager
    async def waits(self, work: Work) -> AsyncIterator[asyncio.Task[None]]:
        """Do work, whose reads wait for their answers until the end."""
        await self._tell("hold")
        task = asyncio.ensure_future(work())
        try:
            async with asyncio.timeout(10):
                await self._tell("held")
            yield task
        finally:
            await self._tell("release")
            await task

    async def _tell(self, word: str, **query: str) -> list[str]:
        async with self.session.get(f"{self.url}/{word}", params=query) as response:
            requests: list[str] = await response.json()
            return requests


@asynccontextmanager
async def serve(folder: Path) -> AsyncIterator[Server]:
    """Replay a folder over TLS, as the cloud speaks; Home Assistant trusts its certificate."""
    port = unused_port()
    authority = trustme.CA()
    tls = get_default_context()
    authority.configure_trust(tls)
    certificate = folder / "certificate.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    command = [sys.executable, "-m", "benchmarks.replay", str(folder), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: ASYNC220
        assert process.stdout
        await asyncio.to_thread(process.stdout.readline)
        try:
            async with ClientSession(connector=TCPConnector(ssl=tls)) as session:
                yield Server(f"https://127.0.0.1:{port}", session)
        finally:
            process.terminate()
