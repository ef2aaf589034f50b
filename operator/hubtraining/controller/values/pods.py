"""Training pods as the controller sees them: small frozen projections of what the API server tells."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hubtraining.domain.names import (
    ANNOTATION_MANIFEST,
    CONTAINER_AGENT,
    CONTAINER_TRAINER,
    FIELD_MANAGER,
    LABEL_ATTEMPT,
    LABEL_MANAGED_BY,
    LABEL_NODE_INDEX,
    LABEL_SESSION,
    LABELS_QUEUEING,
)

SELECTOR = f"{LABEL_MANAGED_BY}={FIELD_MANAGER},{LABEL_SESSION}"
"""Finds training pods: ours, and of a session."""

DISRUPTIONS = ("DisruptionTarget", "TerminationTarget")
"""Conditions of a pod that is taken away: Kubernetes' own, and Kueue's."""

Key = tuple[str, str]


class ContainerView(msgspec.Struct, frozen=True):
    """One container's newest state."""

    name: str
    state: str = "waiting"
    """waiting, running or terminated."""
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    image: str = ""
    restarts: int = 0
    started: datetime | None = None
    finished: datetime | None = None
    ready: bool = False


class PodView(msgspec.Struct, frozen=True):
    """One training pod."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    session: str
    session_uid: str
    attempt: int
    node_index: int = 0
    manifest_hash: str = ""
    phase: str = "Pending"
    node: str = ""
    asked_to_go: datetime | None = None
    """When its deletion was asked for."""
    must_be_gone: datetime | None = None
    """When its time to stop is over."""
    queued: bool = False
    """Whether something holds it back from the scheduler, or a queue has not let it through."""
    unschedulable: str = ""
    """The scheduler's words, while it finds no node."""
    reason: str = ""
    """Why the kubelet ended the pod, such as ``Evicted``."""
    message: str = ""
    disruption: str = ""
    """Why it is taken away, where it is."""
    disrupted: datetime | None = None
    """Since when."""
    gpus: int = 0
    created: datetime | None = None
    containers: Mapping[str, ContainerView] = {}

    @property
    def key(self) -> Key:
        """The session's namespace and name."""
        return self.namespace, self.session

    @property
    def ended(self) -> bool:
        """Nothing in it runs any more."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def deleting(self) -> bool:
        """It was asked to go."""
        return self.asked_to_go is not None

    @property
    def trainer(self) -> ContainerView:
        """The container that trains; waiting, where the kubelet has not told of it."""
        return self.containers.get(CONTAINER_TRAINER, ContainerView(CONTAINER_TRAINER))

    @property
    def over(self) -> bool:
        """It has ended, and its agent has said everything that it will say."""
        agent = self.containers.get(CONTAINER_AGENT)
        return self.ended and not (agent is not None and agent.state == "running" and not self.reason)


def view(body: Mapping[str, Any]) -> PodView:
    """The projection of a pod as the API server gives it."""
    metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    labels = metadata.get("labels") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    nothing: Mapping[str, Any] = {}
    placed = conditions.get("PodScheduled", nothing)
    disrupted = next((conditions[kind] for kind in DISRUPTIONS if _holds(conditions.get(kind))), nothing)
    asked_to_go, must_be_gone = _deletion(metadata)
    return PodView(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata.get("resourceVersion", ""),
        session=labels.get(LABEL_SESSION, ""),
        session_uid=controller_uid(metadata),
        attempt=_number(labels.get(LABEL_ATTEMPT, "")),
        node_index=_number(labels.get(LABEL_NODE_INDEX, "")),
        manifest_hash=(metadata.get("annotations") or {}).get(ANNOTATION_MANIFEST, ""),
        phase=status.get("phase", "Pending"),
        node=spec.get("nodeName", ""),
        asked_to_go=asked_to_go,
        must_be_gone=must_be_gone,
        queued=not spec.get("nodeName") and bool(spec.get("schedulingGates") or LABELS_QUEUEING[0] in labels),
        unschedulable=placed.get("message", "") if placed.get("reason") == "Unschedulable" else "",
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        disruption=disrupted.get("reason", ""),
        disrupted=_time(disrupted.get("lastTransitionTime")),
        gpus=_gpus(spec),
        created=_time(metadata.get("creationTimestamp")),
        containers={container.name: container for container in _containers(status)},
    )


def _holds(condition: Mapping[str, Any] | None) -> bool:
    return condition is not None and condition.get("status") == "True"


def _deletion(metadata: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """When it was asked to go, and when its time is over: the API server writes down only the latter."""
    end = _time(metadata.get("deletionTimestamp"))
    if end is None:
        return None, None
    return end - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0), end


def _containers(status: Mapping[str, Any]) -> Iterable[ContainerView]:
    for listed in ("initContainerStatuses", "containerStatuses"):
        for raw in status.get(listed) or ():
            yield _container(raw)


def _container(raw: Mapping[str, Any]) -> ContainerView:
    kind, state = next(iter((raw.get("state") or {"waiting": {}}).items()))
    return ContainerView(
        name=raw["name"],
        state=kind,
        reason=state.get("reason", ""),
        message=state.get("message", ""),
        exit_code=state.get("exitCode"),
        image=raw.get("image", ""),
        restarts=raw.get("restartCount", 0),
        started=_time(state.get("startedAt")),
        finished=_time(state.get("finishedAt")),
        ready=raw.get("ready", False),
    )


def controller_uid(metadata: Mapping[str, Any]) -> str:
    """The UID of who controls an object; empty where nobody does."""
    owners = metadata.get("ownerReferences") or ()
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _gpus(spec: Mapping[str, Any]) -> int:
    """How many devices its containers hold: extended resources whose name ends in ``/gpu``."""
    limits = ((container.get("resources") or {}).get("limits") or {} for container in spec.get("containers") or ())
    return sum(_number(str(amount)) for each in limits for name, amount in each.items() if name.endswith("/gpu"))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
