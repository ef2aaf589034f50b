"""The containers of ours in one pod, as processes of the test.

Fetch and agent get the variables that stand in the pod, and the files that the kubelet would mount for them; only the
folders lie elsewhere, and reports go where the reports' Service would lead.
"""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from builders.hub_process import free_port
from builders.trainer import Trainer
from support.api_server import Body, Namespace

from hubtraining.domain import layout
from hubtraining.domain.layout import Assignment, Begun

ACCOUNT = "default"
LOG_BYTES = 2048
"""Of a log, as much as the kubelet makes a termination message of."""


@dataclass(frozen=True)
class Ended:
    """What the kubelet would report of a container."""

    code: int
    words: str


@dataclass
class LittlePod:
    """The first pod of an attempt as the API server has it, and a folder for what it would have on its node."""

    namespace: Namespace
    body: Body
    folder: Path
    reports_url: str = ""

    def __post_init__(self) -> None:
        for name in ("workspace", "journal", "secrets"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.mount()

    @property
    def assignment(self) -> Assignment:
        told = Assignment.from_json(self._variables("agent")[layout.ENV_ASSIGNMENT])
        return msgspec.structs.replace(told, reports_url=self.reports_url)

    @property
    def command(self) -> str:
        """Everything that the trainer's launcher is told."""
        return "\n".join(self._container("trainer")["command"])

    @property
    def begun(self) -> Begun:
        """What ``fetch`` says of the beginning."""
        path = self.workspace(layout.begun_file(self.assignment.session_uid, self.assignment.attempt))
        return msgspec.json.decode(path.read_bytes(), type=Begun)

    @property
    def trainer(self) -> Trainer:
        return Trainer(self.folder / "workspace", session_uid=self.assignment.session_uid)

    def workspace(self, path: str) -> Path:
        """Where a path of the layout lies here."""
        return self.folder / "workspace" / PurePosixPath(path).relative_to(layout.WORKSPACE)

    def mount(self) -> None:
        """Write the tokens and keys, as the kubelet does at first and when they have changed."""
        volumes = {volume["name"]: volume for volume in self.body["spec"]["volumes"]}
        for source in volumes.get("credentials", {}).get("projected", {}).get("sources", ()):
            for path, content in self._files(source):
                target = self.folder / "secrets" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(f".{target.name}")
                part.write_bytes(content)
                part.rename(target)

    def fetch(self) -> int:
        """Bring the inputs; the exit code."""
        with self.log("fetch").open("ab") as output:
            done = subprocess.run(self._program("fetch"), env=self._environ("fetch"), stderr=output, check=False)
        return done.returncode

    def train(self) -> Ended:
        """The launcher and what it starts, in the workspace."""
        told = {name: self._here(value) for name, value in self._variables("trainer").items()}
        done = subprocess.run(
            [self._here(word) for word in self._container("trainer")["command"]],
            env={"PATH": os.environ["PATH"], **told},
            cwd=self.folder / "workspace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(errors="replace")[-LOG_BYTES:])

    @contextmanager
    def agent(self) -> Iterator["subprocess.Popen[bytes]"]:
        """The sidecar, while the context lasts."""
        with self.log("agent").open("ab") as output:
            process = subprocess.Popen(self._program("agent"), env=self._environ("agent"), stderr=output)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def log(self, container: str) -> Path:
        return self.folder / f"{container}.log"

    def last_words(self, container: str) -> str:
        """The termination message so far."""
        path = self._termination_log(container)
        return path.read_text() if path.exists() else ""

    def _termination_log(self, container: str) -> Path:
        return self.folder / f"{container}.termination"

    def _here(self, text: str) -> str:
        return text.replace(layout.WORKSPACE, str(self.folder / "workspace"))

    def _program(self, container: str) -> list[str]:
        return [sys.executable, "-m", "hubtraining", *self._container(container)["args"]]

    def _container(self, name: str) -> Body:
        spec = self.body["spec"]
        return next(each for each in (*spec["initContainers"], *spec["containers"]) if each["name"] == name)

    def _variables(self, container: str) -> dict[str, str]:
        """As the kubelet expands them; ours refer to no others."""
        return {each["name"]: each["value"].replace("$$", "$") for each in self._container(container)["env"]}

    def _environ(self, container: str) -> dict[str, str]:
        return {
            **os.environ,
            **self._variables(container),
            layout.ENV_ASSIGNMENT: self.assignment.to_json(),
            "TMPDIR": str(self.folder),
            "HUBTRAINING_WORKSPACE": str(self.folder / "workspace"),
            "HUBTRAINING_JOURNAL": str(self.folder / "journal"),
            "HUBTRAINING_SECRETS": str(self.folder / "secrets"),
            "HUBTRAINING_TERMINATION_LOG": str(self._termination_log(container)),
            "HUBTRAINING_AGENT_PORT": str(self.port),
        }

    def _files(self, source: Body) -> Iterator[tuple[str, bytes]]:
        if token := source.get("serviceAccountToken"):
            yield token["path"], self._token(token["audience"])
        if secret := source.get("secret"):
            answer = self.namespace.api.http.get(f"{self.namespace.path('secrets')}/{secret['name']}")
            data: dict[str, str] = answer.raise_for_status().json()["data"]
            for item in secret["items"]:
                yield item["path"], base64.b64decode(data[item["key"]])

    def _token(self, audience: str) -> bytes:
        metadata = self.body["metadata"]
        bound = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        wanted: dict[str, Any] = {"audiences": [audience], "expirationSeconds": 3600, "boundObjectRef": bound}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": wanted}
        path = f"{self.namespace.path('serviceaccounts')}/{ACCOUNT}/token"
        answer = self.namespace.api.http.post(path, json=body).raise_for_status()
        return str(answer.json()["status"]["token"]).encode()
