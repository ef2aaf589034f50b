"""An agent in this process, beside a trainer, against our real hub: the network between them can be cut."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import msgspec
import pytest
from builders.trainer import Trainer

from hubtraining.agent.beginning import announce
from hubtraining.agent.fetch import fetch
from hubtraining.agent.program import run
from hubtraining.agent.run import Signals
from hubtraining.agent.settings import AgentSettings
from hubtraining.domain.layout import Assignment, Begun, HubAccess, begun_file
from hubtraining.domain.report import Outcome, Report
from hubtraining.hub import wire
from hubtraining.hub.client import HubClient
from hubtraining.hub.connection import Connection
from hubtraining.hub.credentials import fixed
from hubtraining.hub.server.app import create_app
from hubtraining.hub.server.services import open_services
from hubtraining.hub.store import keys

HUB = "http://hub.test"
REPORTS = "http://controller.test/v1/reports"
TOKEN = "controller-token"
UID = "5e551011-0000-4000-8000-000000000001"


class Inline(ThreadPoolExecutor):
    """Threads that are none: in virtual time a thread would let hours pass while it works for a millisecond."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Call now."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is raised where the result is awaited
            future.set_exception(error)
        return future


@contextmanager
def inline_threads() -> Iterator[None]:
    """Within a test in virtual time, work for threads blocks: asyncio's, and those that the hub's files are read in."""
    asyncio.get_running_loop().set_default_executor(Inline())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anyio.to_thread, "run_sync", inline)
        yield


async def inline(fn: Callable[..., Any], /, *args: Any, **_: Any) -> Any:
    """Call now."""
    return fn(*args)


class Network(httpx.AsyncBaseTransport):
    """Leads to the hub's app and to a controller that keeps what it is told."""

    def __init__(self, app: Any) -> None:
        self._hub = httpx.ASGITransport(app=app)
        self.hub_down = False
        self.hub_uploads_down = False
        self.hub_rests: httpx.Response | None = None
        """What every call gives that stores metrics or a checkpoint, but for uploads where they are let through."""
        self.hub_takes_uploads = False
        self.hub_is_a_page = False
        """A captive portal answers in its place."""
        self.instead_of_files: httpx.Response | None = None
        """What every download gives."""
        self.controller_status = 204
        self.controller_crash = False
        self.reports: list[Report] = []
        self.asked: list[str] = []
        self.wrong_tokens = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Deliver."""
        if request.url.host == "controller.test":
            return await self._controller(request)
        self.asked.append(f"{request.method} {request.url.path}")
        if self.hub_down or (self.hub_uploads_down and request.url.path.endswith("/upload")):
            raise httpx.ConnectError("cut")
        if self.hub_rests is not None and request.method == "POST" and self._rests(request.url.path):
            return httpx.Response(self.hub_rests.status_code, headers=self.hub_rests.headers)
        if self.hub_is_a_page:
            return httpx.Response(200, html="<html>Sign in to the network</html>")
        if self.instead_of_files is not None and request.url.path.startswith("/v1/files/"):
            content, headers = self.instead_of_files.content, self.instead_of_files.headers
            return httpx.Response(200, content=content, headers={"content-type": headers["content-type"]})
        return await self._hub.handle_async_request(request)

    def _rests(self, path: str) -> bool:
        return path.rpartition("/")[0] == wire.MODELS or (path.endswith("/upload") and not self.hub_takes_uploads)

    async def _controller(self, request: httpx.Request) -> httpx.Response:
        if self.controller_crash:
            raise RuntimeError("a bug of the HTTP library")
        self.wrong_tokens += request.headers["authorization"] != f"Bearer {TOKEN}"
        body = await request.aread()
        if self.controller_status == 204:
            self.reports.append(msgspec.json.decode(body, type=Report))
        return httpx.Response(self.controller_status)

    @asynccontextmanager
    async def connect(self, ca_bundle: str) -> AsyncIterator[httpx.AsyncClient]:
        """What the agent opens."""
        assert ca_bundle == ""
        async with httpx.AsyncClient(transport=self) as http:
            yield http


class Scene:
    """Workspace, hub, controller and model of one run; ``agent()`` starts an agent in it."""

    def __init__(self, folder: Path, network: Network, hub: HubClient, model_id: str, key: str) -> None:
        self.folder = folder
        self.network = network
        self.hub = hub
        self.model_id = model_id
        self.key = key
        self.assignment = Assignment(
            namespace="team",
            session="signs",
            session_uid=UID,
            attempt=1,
            hub=HubAccess(HUB, model_id, "key"),
            reports_url=REPORTS,
        )
        self.prepare()

    def prepare(self) -> None:
        """The folders that a pod has."""
        for name in ("workspace", "journal", "secrets/tokens", "secrets/hub"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "secrets/tokens/controller").write_text(TOKEN)
        (self.folder / "secrets/hub/api-key").write_text(self.key + "\n")
        self.begin()

    def begin(self) -> None:
        """What ``fetch`` leaves of a first attempt."""
        (self.folder / "workspace/.hubtraining").mkdir(exist_ok=True)
        announce(self.settings, Begun())

    @property
    def settings(self) -> AgentSettings:
        """For the agent, and for fetch."""
        return AgentSettings(
            self.assignment,
            workspace=self.folder / "workspace",
            journal=self.folder / "journal",
            secrets=self.folder / "secrets",
            termination_log=self.folder / "termination.log",
            port=0,
        )

    def assigned(self, **changes: Any) -> "Scene":
        """Change the assignment."""
        self.assignment = msgspec.structs.replace(self.assignment, **changes)
        return self

    async def fetch(self) -> Begun:
        """Let ``fetch`` do its work; what it says of the beginning."""
        await fetch(self.settings, self.network.connect)
        word = self.settings.in_workspace(begun_file(self.assignment.session_uid, self.assignment.attempt))
        return msgspec.json.decode(word.read_bytes(), type=Begun)

    def trainer(self, **options: Any) -> Trainer:
        """A trainer in this workspace."""
        return Trainer(self.folder / "workspace", session_uid=self.assignment.session_uid, **options)

    @property
    def outcome(self) -> Outcome:
        """What the termination log says now."""
        return msgspec.json.decode((self.folder / "termination.log").read_bytes(), type=Outcome)

    @asynccontextmanager
    async def agent(self, *, killed: bool = False) -> AsyncIterator[Signals]:
        """An agent that lives until the end of the block, where it gets TERM and must leave, or is just killed."""
        signals = Signals(asyncio.Event(), asyncio.Event())
        living = asyncio.create_task(run(self.settings, signals, self.network.connect))
        try:
            yield signals
            assert signals.term.is_set() or not living.done()
            if not killed:
                signals.term.set()
                await living
        finally:
            living.cancel()
            await asyncio.wait((living,))

    async def in_hub(self) -> dict[int, dict[str, float | None]]:
        """The hub's metrics by epoch, without the trainer's clock."""
        found = await self.hub.metrics(self.model_id)
        return {epoch: {name: value for name, value in row.items() if name != "time"} for epoch, row in found.items()}

    def sent(self, ending: str) -> int:
        """How many calls to the hub's paths with this ending there were."""
        return sum(path.endswith(ending) for path in self.network.asked)

    async def uploads(self) -> list[tuple[str, int, str]]:
        """The hub's checkpoints, oldest first: type, epoch counted from 1, SHA-256."""
        return [(c.type, c.epoch + 1, c.sha256) for c in reversed(await self.hub.checkpoints(self.model_id))]


@asynccontextmanager
async def a_scene(folder: Path) -> AsyncIterator[Scene]:
    """Everything but agent and trainer, in virtual time."""
    with inline_threads():
        loop = asyncio.get_running_loop()
        async with open_services(folder / "hub", clock=lambda: 1.7e9 + loop.time(), threaded=False) as services:
            key = await services.database.write(lambda connection: keys.create(connection, "test", 0.0))
            network = Network(create_app(services))
            async with network.connect("") as http:
                hub = HubClient(Connection(HUB, fixed(key), http))
                model = await hub.create({"meta": {"name": "signs"}, "config": {"epochs": 3}, "dataset": {"name": "x"}})
                yield Scene(folder, network, hub, model.id, key)
