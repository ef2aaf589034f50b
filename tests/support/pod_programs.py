"""The programs of a pod's containers as they are, run on this machine: folders stand for the pod's volumes."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.api_server import until

from hubtraining.domain import layout

Body = dict[str, Any]
LOG_BYTES = 2048
"""As much of a log as the kubelet makes a termination message of."""


@dataclass(frozen=True)
class Ended:
    """What the kubelet would report."""

    code: int
    words: str


@dataclass(frozen=True)
class PodPrograms:
    """One pod's, in a folder of its own."""

    pod: Body
    folder: Path

    @classmethod
    def of(cls, pod: Body, folder: Path, key: str) -> "PodPrograms":
        """With volumes, and the hub's key where agent and fetch look for it."""
        for name in ("workspace", "journal", "secrets/hub"):
            (folder / name).mkdir(parents=True)
        (folder / "secrets/hub/api-key").write_text(key)
        return cls(pod, folder)

    def fetch(self) -> Ended:
        """``hubtraining fetch``, to its end."""
        done = subprocess.run(self._ours("fetch"), env=self._environ("fetch"), capture_output=True, check=False)
        assert b"Traceback" not in done.stderr, done.stderr
        return Ended(done.returncode, self._last_words)

    def train(self) -> Ended:
        """The launcher and what it starts; the end of the log is what is left of it."""
        command = [self._here(word) for word in self._container("trainer")["command"]]
        done = subprocess.run(
            command,
            env=self._environ("trainer"),
            cwd=self.folder / "workspace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(errors="replace")[-LOG_BYTES:])

    def agent(self) -> str:
        """``hubtraining agent`` beside a trainer that has ended, until it has nothing left to do: its last words."""
        with (self.folder / "agent.log").open("wb") as log:
            process = subprocess.Popen(self._ours("agent"), env=self._environ("agent"), stderr=log)
            try:
                until("the agent is done", lambda: '"stage":"Finished"' in self._last_words)
            finally:
                process.terminate()
                process.wait(60)
        assert "Traceback" not in (self.folder / "agent.log").read_text()
        return self._last_words

    @property
    def _last_words(self) -> str:
        path = self.folder / "termination.log"
        return path.read_text() if path.exists() else ""

    def _ours(self, program: str) -> list[str]:
        return [sys.executable, "-m", "hubtraining", program]

    def _environ(self, container: str) -> dict[str, str]:
        told = {item["name"]: item["value"] for item in self._container(container)["env"]}
        if container == "trainer":
            return {"PATH": os.environ["PATH"], **{name: self._here(value) for name, value in told.items()}}
        ours = {
            "HUBTRAINING_WORKSPACE": str(self.folder / "workspace"),
            "HUBTRAINING_JOURNAL": str(self.folder / "journal"),
            "HUBTRAINING_SECRETS": str(self.folder / "secrets"),
            "HUBTRAINING_TERMINATION_LOG": str(self.folder / "termination.log"),
            "HUBTRAINING_AGENT_PORT": "0",
            "TMPDIR": str(self.folder / "journal"),
        }
        return {"PATH": os.environ["PATH"], **told, **ours}

    def _container(self, name: str) -> Body:
        spec = self.pod["spec"]
        return next(item for item in [*spec["initContainers"], *spec["containers"]] if item["name"] == name)

    def _here(self, text: str) -> str:
        return text.replace(layout.WORKSPACE, str(self.folder / "workspace"))
