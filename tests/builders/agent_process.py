"""The agent as a process of its own, which can be killed."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hubtraining.agent.beginning import announce
from hubtraining.agent.settings import AgentSettings
from hubtraining.domain import layout
from hubtraining.domain.layout import Assignment, Begun, HubAccess


@dataclass
class AgentProcess:
    """An agent beside ``<folder>/workspace``, which speaks to the hub at ``url``."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    def prepare(self, url: str, model_id: str, key: str) -> Assignment:
        """The folders of a pod, and what the agent is told; ``fetch`` has been there."""
        for name in ("workspace/.hubtraining", "journal", "secrets/hub"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "secrets/hub/api-key").write_text(key)
        hub = HubAccess(url, model_id, "key")
        assignment = Assignment(
            "team", "signs", "uid", 1, hub, "", metrics_seconds=0, checkpoint_seconds=0, heartbeat_seconds=1
        )
        announce(AgentSettings(assignment, workspace=self.folder / "workspace"), Begun())
        (self.folder / "assignment.json").write_text(assignment.to_json())
        return assignment

    def start(self) -> None:
        """Start it; it may not look yet."""
        folder = self.folder
        told = {
            layout.ENV_ASSIGNMENT: (folder / "assignment.json").read_text(),
            "HUBTRAINING_WORKSPACE": str(folder / "workspace"),
            "HUBTRAINING_JOURNAL": str(folder / "journal"),
            "HUBTRAINING_SECRETS": str(folder / "secrets"),
            "HUBTRAINING_TERMINATION_LOG": str(folder / "termination.log"),
            "HUBTRAINING_AGENT_PORT": "0",
            "HUBTRAINING_LOG_FORMAT": "plain",
        }
        with (folder / "agent.log").open("ab") as log:
            command = [sys.executable, "-m", "hubtraining", "agent"]
            self.process = subprocess.Popen(command, env={**os.environ, **told}, stderr=log)

    def kill(self) -> None:
        """As the kernel would that is out of memory."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """As the kubelet would; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.process = None
        return code
