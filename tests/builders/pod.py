"""Training pods as the API server shows them, step by step."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from hubtraining.controller.values.pods import PodView, view
from hubtraining.domain.names import (
    ANNOTATION_MANIFEST,
    FIELD_MANAGER,
    LABEL_ATTEMPT,
    LABEL_MANAGED_BY,
    LABEL_NODE_INDEX,
    LABEL_SESSION,
    pod_name,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Body = dict[str, Any]


def stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class PodBuilder:
    """`a_pod().on("node-1").training().body()`; each step gives a new builder."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def body(self) -> Body:
        return copy.deepcopy(self._body)

    def view(self) -> PodView:
        return view(self._body)

    def _with(self, **parts: Any) -> "PodBuilder":
        body = self.body()
        for stanza, fields in parts.items():
            body[stanza] = {**body[stanza], **fields}
        return PodBuilder(body)

    def version(self, version: int) -> "PodBuilder":
        return self._with(metadata={"resourceVersion": str(version)})

    def deleting(self, since: datetime = NOON, grace: int = 30) -> "PodBuilder":
        """Asked to go at that moment, with so many seconds to stop."""
        end = stamp(since + timedelta(seconds=grace))
        return self._with(metadata={"deletionTimestamp": end, "deletionGracePeriodSeconds": grace})

    def queued(self) -> "PodBuilder":
        return self._with(spec={"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]})

    def on(self, node: str = "node-1") -> "PodBuilder":
        placed = {"type": "PodScheduled", "status": "True"}
        return self._with(spec={"nodeName": node}, status={"conditions": [placed]})

    def unschedulable(self, words: str) -> "PodBuilder":
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
        return self._with(status={"conditions": [condition]})

    def disrupted(self, reason: str, since: datetime = NOON, kind: str = "DisruptionTarget") -> "PodBuilder":
        condition = {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": stamp(since)}
        return self._with(status={"conditions": [condition]})

    def container(self, name: str, kind: str, **state: Any) -> "PodBuilder":
        listed = "containerStatuses" if name == "trainer" else "initContainerStatuses"
        others = [each for each in self._body["status"].get(listed, []) if each["name"] != name]
        status = {"name": name, "image": f"example/{name}:1", "restartCount": 0, "ready": kind == "running"}
        return self._with(status={listed: [*others, {**status, "state": {kind: state}}]})

    def fetching(self) -> "PodBuilder":
        running = {"startedAt": stamp(NOON)}
        waiting = self.on().container("agent", "running", **running).container("fetch", "running", **running)
        return waiting.container("trainer", "waiting", reason="PodInitializing")

    def training(self, since: datetime = NOON) -> "PodBuilder":
        running = {"startedAt": stamp(since)}
        ready = self.on().container("agent", "running", **running).container("fetch", "terminated", exitCode=0)
        return ready.container("trainer", "running", **running)._with(status={"phase": "Running"})

    def trained(self, code: int = 0, words: str = "", at: datetime = NOON, reason: str = "") -> "PodBuilder":
        """The trainer has ended; the agent still runs."""
        begun = self._begun()
        ended = {"exitCode": code, "message": words, "startedAt": stamp(begun), "finishedAt": stamp(at)}
        why = reason or ("Completed" if code == 0 else "Error")
        return self.training(begun).container("trainer", "terminated", reason=why, **ended)

    def _begun(self) -> datetime:
        """When its trainer began; noon where it has not."""
        listed = self._body["status"].get("containerStatuses", [])
        states = [state for each in listed if each["name"] == "trainer" for state in each["state"].values()]
        told = next((state["startedAt"] for state in states if "startedAt" in state), None)
        return NOON if told is None else datetime.fromisoformat(told)

    def ended(self, phase: str = "", outcome: str = "", **trainer: Any) -> "PodBuilder":
        """Every container has ended; ``outcome`` is the agent's termination message."""
        last = self.trained(**trainer).container("agent", "terminated", exitCode=0, message=outcome)
        good = trainer.get("code", 0) == 0
        return last._with(status={"phase": phase or ("Succeeded" if good else "Failed")})

    def failed(self, reason: str = "", message: str = "") -> "PodBuilder":
        return self._with(status={"phase": "Failed", "reason": reason, "message": message})


def a_pod(
    session: str = "signs",
    uid: str = "pod-1",
    session_uid: str = "session-1",
    attempt: int = 1,
    gpus: int = 1,
    index: int = 0,
) -> PodBuilder:
    """As it is right after it was created."""
    metadata = {
        "name": pod_name(session, attempt, index),
        "namespace": "team-a",
        "uid": uid,
        "resourceVersion": "100",
        "creationTimestamp": stamp(NOON),
        "labels": {
            LABEL_MANAGED_BY: FIELD_MANAGER,
            LABEL_SESSION: session,
            LABEL_ATTEMPT: str(attempt),
            LABEL_NODE_INDEX: str(index),
        },
        "annotations": {ANNOTATION_MANIFEST: "hash-1"},
        "ownerReferences": [{"kind": "HubTrainingSession", "name": session, "uid": session_uid, "controller": True}],
    }
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    spec = {"containers": [{"name": "trainer", "resources": {"limits": limits}}]}
    return PodBuilder({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {}})
