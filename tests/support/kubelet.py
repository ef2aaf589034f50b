"""Drives training pods through their phases on a real API server, as a kubelet would: step by step, never by the clock.

The next step of a pod comes when its session tells of the step before, so a controller that is away holds nothing up
for good, and one that is there sees every phase.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from builders.pod import PodBuilder
from builders.world import a_checkpoint, an_outcome
from support.api_server import Namespace

from hubtraining.domain.names import API_VERSION, LABEL_SESSION, PLURAL
from hubtraining.domain.report import CheckpointState

Body = dict[str, Any]
MERGE = {"Content-Type": "application/merge-patch+json"}
PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Step:
    """What the pod becomes, and which phase the session must tell of before the next step comes."""

    becomes: Callable[[PodBuilder], PodBuilder]
    phase: str = ""


def trains(pod: PodBuilder) -> PodBuilder:
    """Since now: deadlines are counted by the clock."""
    return pod.training(datetime.now(UTC).replace(microsecond=0))


def succeeded(pod: PodBuilder) -> PodBuilder:
    final = a_checkpoint(3, CheckpointState.UPLOADED)
    return pod.ended(outcome=an_outcome(epoch=3, epochs=3, latest=final, best=final, final=final, uploaded=3))


FETCHING = Step(PodBuilder.fetching, "Preparing")
TRAINING = Step(trains, "Training")
FINALIZING = Step(PodBuilder.trained, "Finalizing")
SUCCESS = (FETCHING, TRAINING, FINALIZING, Step(succeeded))
ENDLESS = (FETCHING, TRAINING)


def failure(code: int = 1, words: str = "boom") -> tuple[Step, ...]:
    """The trainer ends with this exit code."""
    outcome = an_outcome(epoch=1, epochs=3, exit_code=code)
    return (FETCHING, TRAINING, Step(lambda pod: pod.ended(outcome=outcome, code=code, words=words)))


Plan = Callable[[Body], tuple[Step, ...]]


@dataclass
class Kubelet:
    """Of one node, for the pods of one namespace."""

    namespace: Namespace
    plan: Plan = lambda pod: SUCCESS
    pods: dict[str, str] = field(default_factory=dict)
    """Every training pod that was ever seen: its name, by UID."""
    errors: list[str] = field(default_factory=list)
    _done: dict[str, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def node(self) -> str:
        return f"node-{self.namespace.name}"

    def run(self) -> None:
        """Until it is told to stop; an API server that is away is waited for."""
        while not self._stop.wait(PAUSE_SECONDS):
            try:
                self._look()
            except httpx.HTTPError as error:
                self.errors.append(repr(error))

    def stop(self) -> None:
        self._stop.set()

    def _look(self) -> None:
        answer = self.namespace.api.http.get(self.namespace.path("pods"), params={"labelSelector": LABEL_SESSION})
        for pod in answer.raise_for_status().json()["items"]:
            self.pods[pod["metadata"]["uid"]] = pod["metadata"]["name"]
            self._advance(pod)

    def _advance(self, pod: Body) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            self._end(pod)
        elif not pod["spec"].get("nodeName"):
            self._bind(pod)
        else:
            self._step(pod)

    def _step(self, pod: Body) -> None:
        uid, steps = pod["metadata"]["uid"], self.plan(pod)
        done = self._done.get(uid, 0)
        if done < len(steps) and (not done or self._told(pod, steps[done - 1].phase)):
            self._patch(pod, steps[done].becomes(PodBuilder(pod)))
            self._done[uid] = done + 1

    def _told(self, pod: Body, phase: str) -> bool:
        """Whether the session tells of a step."""
        session = pod["metadata"]["labels"][LABEL_SESSION]
        answer = self.namespace.api.http.get(f"{self.namespace.path(PLURAL, API_VERSION)}/{session}")
        return not phase or (answer.is_success and answer.json().get("status", {}).get("phase") == phase)

    def _bind(self, pod: Body) -> None:
        name = pod["metadata"]["name"]
        target = {"apiVersion": "v1", "kind": "Node", "name": self.node}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        self.namespace.api.http.post(f"{self._path(pod)}/binding", json=body)

    def _patch(self, pod: Body, changed: PodBuilder) -> None:
        status = changed.body()["status"]
        self.namespace.api.http.patch(
            f"{self._path(pod)}/status", json={"status": status}, headers=MERGE
        ).raise_for_status()

    def _end(self, pod: Body) -> None:
        """It was asked to go, and goes."""
        once = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        self.namespace.api.http.request("DELETE", self._path(pod), json=once)

    def _path(self, pod: Body) -> str:
        return f"{self.namespace.path('pods')}/{pod['metadata']['name']}"


@contextmanager
def a_kubelet(namespace: Namespace) -> Iterator[Kubelet]:
    """A node with a kubelet while the context lasts; nothing else is scheduled there."""
    kubelet = Kubelet(namespace)
    taint = {"key": "hubtraining.dev/test", "effect": "NoSchedule"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": kubelet.node}, "spec": {"taints": [taint]}}
    namespace.api.http.post("/api/v1/nodes", json=node).raise_for_status()
    thread = threading.Thread(target=kubelet.run, daemon=True)
    thread.start()
    try:
        yield kubelet
    finally:
        kubelet.stop()
        thread.join(30)
        namespace.api.http.delete(f"/api/v1/nodes/{kubelet.node}")
