"""Uploads that are cut at any byte: nothing is lost, nothing doubled, nothing torn accepted.

Agent and hub are processes, the network between them is real sockets through a proxy that cuts.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from builders.agent_process import AgentProcess
from builders.checkpoints import sha256_of
from builders.cutting_proxy import CuttingProxy, a_cutting_proxy
from builders.hub_process import HubProcess, a_hub_process, create_key, start
from builders.trainer import Trainer
from builders.waiting import until
from support.faults import rounds

from hubtraining.hub.client import HubClient
from hubtraining.hub.connection import Connection
from hubtraining.hub.credentials import fixed
from hubtraining.hub.errors import HubError
from hubtraining.hub.transport import open_http

pytestmark = pytest.mark.faults

SIZE = 200_000
SECONDS = 60.0
"""For one upload and what befalls it."""


@dataclass
class Play:
    """A trainer, an agent and a hub, and what the trainer has saved."""

    folder: Path
    hub: HubProcess
    agent: AgentProcess
    proxy: CuttingProxy
    client: HubClient
    model_id: str
    trainer: Trainer
    random: Random
    saved: dict[int, str] = field(default_factory=dict)
    """SHA-256 by epoch."""

    def epoch(self) -> str:
        """Finish another epoch; the SHA-256 of its checkpoint."""
        number = len(self.saved) + 1
        self.trainer.epoch(number, best=False)
        self.saved[number] = sha256_of(self.trainer.saved["last"])
        return self.saved[number]

    async def held(self) -> list[tuple[int, str]]:
        """What the hub has, each entry of its history."""
        return [(c.epoch + 1, c.sha256) for c in reversed(await self.client.checkpoints(self.model_id))]

    async def arrived(self, sha256: str) -> None:
        """Return when the hub has it."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                if sha256 in {sha for _, sha in await self.held()}:
                    return
            except HubError:
                pass
            await asyncio.sleep(0.02)
        raise AssertionError(f"not within {SECONDS:g} s:\n{(self.folder / 'agent.log').read_text()[-3000:]}")

    def restart_hub(self) -> None:
        """Kill it in the middle of whatever it does, and start it again."""
        self.hub.kill()
        self.hub = start(self.hub.folder, self.hub.port)

    async def check(self) -> None:
        """The hub has just what was saved, once each, and its newest can be downloaded whole."""
        assert await self.held() == sorted(self.saved.items())
        link = await self.client.link(self.model_id, "last")
        got = await self.client.download(link, self.folder / "downloaded.pt")
        assert got.sha256 == self.saved[len(self.saved)]
        assert sorted(await self.client.metrics(self.model_id)) == sorted(self.saved)
        files = [path for path in (self.hub.folder / "blobs").rglob("*") if path.is_file()]
        assert {sha256_of(path.read_bytes()) for path in files} == set(self.saved.values())


@asynccontextmanager
async def a_play(folder: Path) -> AsyncIterator[Play]:
    """Everything runs; the agent's way to the hub leads through the proxy, ours does not."""
    key = create_key(folder / "hub")
    with a_hub_process(folder / "hub") as hub:
        async with a_cutting_proxy(hub.port) as proxy, open_http() as http:
            client = HubClient(Connection(hub.url, fixed(key), http))
            model = await client.create({"meta": {"name": "signs"}, "dataset": {"name": "x"}})
            agent = AgentProcess(folder)
            agent.prepare(f"http://127.0.0.1:{proxy.port}", model.id, key)
            trainer = Trainer(folder / "workspace", size=SIZE).start()
            play = Play(folder, hub, agent, proxy, client, model.id, trainer, Random(8))
            agent.start()
            try:
                yield play
            finally:
                agent.kill()
                play.hub.kill()


@pytest.mark.parametrize("kind", ["reset", "reply"])
async def test_by_the_network(tmp_path: Path, kind: str, tell: Callable[[str], None]) -> None:
    async with a_play(tmp_path) as play:
        for _ in range(rounds(few=4, full=60)):
            play.proxy.at, play.proxy.kind = play.random.randrange(SIZE), kind  # type: ignore[assignment]
            await play.arrived(play.epoch())
            await until(lambda: play.proxy.kind == "", seconds=0.02)
        assert play.agent.process is not None
        await until_quiet(play)
        await play.check()
        tell(f"uploads cut by the network ({kind}): {play.proxy.cuts}, lost 0, doubled 0, torn 0")


async def until_quiet(play: Play) -> None:
    """A reply that was lost is asked for again; wait until that is over."""
    await asyncio.sleep(3)
    assert play.proxy.kind == ""


async def test_by_the_death_of_the_hub(tmp_path: Path, tell: Callable[[str], None]) -> None:
    async with a_play(tmp_path) as play:
        play.proxy.fault = play.restart_hub
        for _ in range(rounds(few=2, full=40)):
            play.proxy.at, play.proxy.kind = play.random.randrange(SIZE), "call"
            await play.arrived(play.epoch())
        await until_quiet(play)
        await play.check()
        tell(f"uploads cut by kill -9 of the hub: {play.proxy.cuts}, lost 0, doubled 0, torn 0")


async def test_by_the_death_of_the_agent(tmp_path: Path, tell: Callable[[str], None]) -> None:
    async with a_play(tmp_path) as play:
        play.proxy.fault = play.agent.kill
        for _ in range(rounds(few=2, full=40)):
            play.proxy.at, play.proxy.kind = play.random.randrange(SIZE), "call"
            sha256 = play.epoch()
            await until(lambda: play.agent.process is None, seconds=0.02)
            play.agent.start()
            await play.arrived(sha256)
        await until_quiet(play)
        await play.check()
        tell(f"uploads cut by kill -9 of the agent: {play.proxy.cuts}, lost 0, doubled 0, torn 0")
