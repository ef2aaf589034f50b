"""What a kubelet does to one session's pods on the real API server, at our command and without a node's machine."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
from support.api_server import Namespace, until

from hubtraining.domain.names import API_VERSION, PLURAL
from hubtraining.domain.report import Outcome, Stage

Body = dict[str, Any]


@dataclass(frozen=True)
class LittleKubelet:
    """Everything about one session."""

    namespace: Namespace
    session: str = "signs"
    node: str = ""

    @property
    def http(self) -> httpx.Client:
        return self.namespace.api.http

    # what there is

    def status(self) -> Body:
        answer = self.http.get(f"{self.namespace.path(PLURAL, API_VERSION)}/{self.session}")
        return dict(answer.json().get("status") or {}) if answer.is_success else {}

    def uid(self) -> str:
        answer = self.http.get(f"{self.namespace.path(PLURAL, API_VERSION)}/{self.session}")
        return str(answer.json()["metadata"]["uid"])

    def condition(self, kind: str) -> tuple[str, str] | None:
        found = (each for each in self.status().get("conditions", ()) if each["type"] == kind)
        return next(((each["status"], each["reason"]) for each in found), None)

    def wait_for(self, kind: str, *expected: str) -> None:
        until(f"{kind} {expected}", lambda: self.condition(kind) == expected)

    def pod(self, name: str) -> Body | None:
        answer = self.http.get(f"{self.namespace.path('pods')}/{name}")
        return dict(answer.json()) if answer.is_success else None

    def pods(self) -> list[str]:
        items = self.http.get(self.namespace.path("pods")).json()["items"]
        return [item["metadata"]["name"] for item in items]

    def events(self) -> list[str]:
        """Their reasons, the oldest first."""
        items = self.http.get(self.namespace.path("events")).json()["items"]
        ours = [item for item in items if item["involvedObject"]["name"] == self.session]
        return [item["reason"] for item in sorted(ours, key=lambda item: item["metadata"]["creationTimestamp"])]

    # what the user does

    def patch(self, **spec: Any) -> None:
        path = f"{self.namespace.path(PLURAL, API_VERSION)}/{self.session}"
        headers = {"content-type": "application/merge-patch+json"}
        self.http.patch(path, json={"spec": spec}, headers=headers).raise_for_status()

    # what scheduler and kubelet do

    def bind(self, name: str) -> None:
        target = {"apiVersion": "v1", "kind": "Node", "name": self.node}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        self.http.post(f"{self.namespace.path('pods')}/{name}/binding", json=body).raise_for_status()

    def train(self, name: str) -> None:
        """The pod is on the node, and its trainer runs."""
        until(f"the pod {name}", lambda: self.pod(name))
        self.bind(name)
        running = {"running": {"startedAt": _now()}}
        self._tell(name, "Running", running, {"terminated": {"exitCode": 0}}, running)

    def end(self, name: str, code: int, words: str = "") -> None:
        """Every container has ended; the trainer with this exit code."""
        last = msgspec.json.encode(Outcome(Stage.FINISHED, epoch=2, epochs=3, exit_code=code)).decode()
        ended = {"exitCode": code, "message": words, "startedAt": _now(), "finishedAt": _now()}
        done = {"terminated": {"exitCode": 0, "message": last}}
        phase = "Succeeded" if code == 0 else "Failed"
        self._tell(name, phase, done, {"terminated": {"exitCode": 0}}, {"terminated": ended})

    def asked_to_go(self, name: str) -> int:
        """Wait until the pod is asked to go; how many seconds it has."""

        def grace() -> int | None:
            metadata = (self.pod(name) or {"metadata": {}})["metadata"]
            return metadata.get("deletionGracePeriodSeconds") if "deletionTimestamp" in metadata else None

        return until(f"the deletion of {name}", grace)

    def finish_deletion(self, name: str, code: int = 143) -> None:
        """A pod that was asked to go has stopped."""
        self.asked_to_go(name)
        self.end(name, code)
        self.http.request("DELETE", f"{self.namespace.path('pods')}/{name}", json={"gracePeriodSeconds": 0})

    def _tell(self, name: str, phase: str, agent: Body, fetch: Body, trainer: Body) -> None:
        inits = [_container("agent", agent), _container("fetch", fetch)]
        status = {"phase": phase, "initContainerStatuses": inits, "containerStatuses": [_container("trainer", trainer)]}
        path = f"{self.namespace.path('pods')}/{name}/status"
        headers = {"content-type": "application/strategic-merge-patch+json"}
        answer = self.http.patch(path, json={"status": status}, headers=headers)
        assert answer.is_success, answer.text


def _container(name: str, state: Body) -> Body:
    common = {"name": name, "image": "x", "imageID": "", "restartCount": 0, "ready": "running" in state}
    return {**common, "state": state, "lastState": {}}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
