"""The commands for people as programs of their own, and a node whose logs they read through the API server."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from support.api_server import ApiServer, Namespace, until
from support.kubelet_logs import KubeletLogs

from hubtraining.domain.names import (
    API_VERSION,
    FIELD_MANAGER,
    KIND,
    LABEL_ATTEMPT,
    LABEL_MANAGED_BY,
    LABEL_SESSION,
    PLURAL,
    pod_name,
)

PROGRAM = Path(sys.executable).parent / "hubtraining"
Body = dict[str, Any]


class Running:
    """A command that was typed and has not ended."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def sees(self, part: str) -> None:
        """Wait until a line has this in it."""
        until(f"{part!r} in {self.lines}", lambda: any(part in line for line in self.lines))

    def ends(self, seconds: float = 30.0) -> int:
        """Wait for its end; returns the exit code."""
        code = self.process.wait(seconds)
        self._reader.join()
        return code


class Person:
    """Somebody at a terminal, in a namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace

    def types(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self._command(words), input=stdin, capture_output=True, text=True, check=False, timeout=60
        )

    @contextmanager
    def typing(self, *words: str) -> Iterator[Running]:
        """A command that goes on; both its outputs are its lines."""
        command = self._command(words)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            running = Running(process)
            try:
                yield running
            finally:
                process.kill()
                running.ends()

    def sees_on_a_terminal(self, *words: str) -> tuple[int, str]:
        """The exit code, and everything that a command draws on a terminal."""
        ours, theirs = os.openpty()
        environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "50"}
        with subprocess.Popen(self._command(words), stdout=theirs, stderr=theirs, env=environ) as process:
            os.close(theirs)
            drawn = b""
            with suppress(OSError), os.fdopen(ours, "rb", buffering=0) as screen:  # Linux says EIO at the end
                while piece := screen.read(65536):
                    drawn += piece
            return process.wait(30), drawn.decode()

    def _command(self, words: tuple[str, ...]) -> list[str]:
        place = ["--kubeconfig", str(self.namespace.api.kubeconfig), "-n", self.namespace.name]
        return [str(PROGRAM), words[0], *place, *words[1:]]

    def session(self, name: str = "signs") -> Body:
        """The session as it is."""
        answer = self.namespace.api.http.get(f"{self.namespace.path(PLURAL, API_VERSION)}/{name}")
        return dict(answer.raise_for_status().json())

    def tells(self, status: Body, name: str = "signs") -> None:
        """Write a status, as the controller does."""
        path = f"{self.namespace.path(PLURAL, API_VERSION)}/{name}/status"
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "status": status}
        self.namespace.api.http.patch(
            path,
            params={"fieldManager": FIELD_MANAGER, "force": "true"},
            json=body,
            headers={"Content-Type": "application/apply-patch+yaml"},
        ).raise_for_status()


@contextmanager
def a_node(api: ApiServer, logs: KubeletLogs, name: str) -> Iterator[str]:
    """A node that the API server believes to be where the logs are."""
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    api.http.post("/api/v1/nodes", json=body).raise_for_status()
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": logs.port}},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    headers = {"Content-Type": "application/merge-patch+json"}
    api.http.patch(f"/api/v1/nodes/{name}/status", json={"status": status}, headers=headers).raise_for_status()
    try:
        yield name
    finally:
        api.http.delete(f"/api/v1/nodes/{name}").raise_for_status()


def a_training_pod(namespace: Namespace, session: Body, node: str, attempt: int = 1) -> str:
    """A pod of the session's, on a node; returns its name."""
    name = pod_name(session["metadata"]["name"], attempt)
    owner = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": session["metadata"]["name"],
        "uid": session["metadata"]["uid"],
        "controller": True,
    }
    labels = {LABEL_MANAGED_BY: FIELD_MANAGER, LABEL_SESSION: owner["name"], LABEL_ATTEMPT: str(attempt)}
    containers = [{"name": each, "image": f"{each}:1"} for each in ("agent", "fetch", "trainer")]
    spec = {"nodeName": node, "initContainers": containers[:2], "containers": containers[2:]}
    metadata = {"name": name, "labels": labels, "ownerReferences": [owner]}
    answer = namespace.post("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    assert answer.status_code == 201, answer.text
    return name


def containers_are(namespace: Namespace, pod: str, phase: str, **states: str) -> None:
    """Write the states of a pod's containers, as a kubelet does: running, terminated or waiting."""
    times = {"running": {"startedAt": "2026-11-23T12:00:00Z"}, "terminated": {"exitCode": 0}, "waiting": {}}

    def status(name: str) -> Body:
        state = states[name]
        return {
            "name": name,
            "image": f"{name}:1",
            "imageID": "",
            "restartCount": 0,
            "ready": state == "running",
            "state": {state: times[state]},
        }

    listed = {
        "initContainerStatuses": [status(name) for name in ("agent", "fetch") if name in states],
        "containerStatuses": [status("trainer")] if "trainer" in states else [],
    }
    path = f"{namespace.path('pods')}/{pod}/status"
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = namespace.api.http.patch(path, json={"status": {"phase": phase, **listed}}, headers=headers)
    assert answer.is_success, answer.text
