"""The agent as a process of its own beside a scripted trainer, and what the hub then holds."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from builders.hub_process import HubProcess, create_key, free_port
from builders.trainer import Trainer

from hubtraining.agent.beginning import announce
from hubtraining.agent.settings import AgentSettings
from hubtraining.domain.layout import Assignment, Begun, HubAccess
from hubtraining.domain.report import Outcome
from hubtraining.hub.client import HubClient
from hubtraining.hub.credentials import fixed

UID = "session-1"
LEAVE_SECONDS = 1500
"""An upload whose answer never comes is waited for, for ten minutes each time."""
Uploads = list[tuple[str, int, str]]


@dataclass
class AgentProcess:
    """One agent and its folders."""

    folder: Path
    hub: HubProcess
    key: str
    model: str
    process: "subprocess.Popen[bytes]"

    def trainer(self, **options: Any) -> Trainer:
        return Trainer(self.folder / "workspace", session_uid=UID, **options)

    def leave(self) -> int:
        """SIGTERM, as after the trainer's end; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LEAVE_SECONDS)

    @property
    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    @property
    def outcome(self) -> Outcome:
        return msgspec.json.decode((self.folder / "termination.log").read_bytes(), type=Outcome)

    def in_hub(self) -> dict[int, dict[str, float | None]]:
        """The hub's metrics by epoch, without the trainer's clock."""

        async def ask() -> dict[int, dict[str, float | None]]:
            async with HubClient.open(self.hub.url, fixed(self.key)) as client:
                return await client.metrics(self.model)

        found = asyncio.run(ask())
        return {epoch: {name: value for name, value in row.items() if name != "time"} for epoch, row in found.items()}

    def uploads(self) -> Uploads:
        """The hub's checkpoints, oldest first: type, epoch counted from 1, SHA-256."""

        async def ask() -> Uploads:
            async with HubClient.open(self.hub.url, fixed(self.key)) as client:
                kept = await client.checkpoints(self.model)
                return [(c.type, c.epoch + 1, c.sha256) for c in reversed(kept)]

        return asyncio.run(ask())


async def create_model(url: str, key: str) -> str:
    async with HubClient.open(url, fixed(key)) as client:
        return (await client.create({"meta": {"name": "signs"}, "dataset": {"name": "none"}, "config": {}})).id


@contextmanager
def an_agent_process(folder: Path, hub: HubProcess, url: str) -> Iterator[AgentProcess]:
    """An agent that knows the hub by ``url`` while the context lasts."""
    for name in ("workspace/.hubtraining", "journal", "secrets/hub"):
        (folder / name).mkdir(parents=True)
    key = create_key(hub.folder)
    (folder / "secrets/hub/api-key").write_text(key)
    model = asyncio.run(create_model(hub.url, key))
    assignment = Assignment("team", "signs", UID, 1, HubAccess(url, model, "key"), reports_url="")
    announce(AgentSettings(assignment, workspace=folder / "workspace"), Begun())  # as fetch does
    told = {
        "HUBTRAINING_ASSIGNMENT": assignment.to_json(),
        "HUBTRAINING_WORKSPACE": str(folder / "workspace"),
        "HUBTRAINING_JOURNAL": str(folder / "journal"),
        "HUBTRAINING_SECRETS": str(folder / "secrets"),
        "HUBTRAINING_TERMINATION_LOG": str(folder / "termination.log"),
        "HUBTRAINING_AGENT_PORT": str(free_port()),
    }
    with (folder / "agent.log").open("wb") as output:
        command = [sys.executable, "-m", "hubtraining", "agent"]
        process = subprocess.Popen(command, env={**os.environ, **told}, stdout=output, stderr=output)
    try:
        yield AgentProcess(folder, hub, key, model, process)
    finally:
        process.kill()
        process.wait()
