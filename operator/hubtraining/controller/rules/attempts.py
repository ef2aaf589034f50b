"""Rules for an attempt whose pods are all there: how far they are, from waiting for a node to the last uploads."""

from collections.abc import Callable, Iterable

import msgspec

from hubtraining.controller.rules import deadlines, stalls
from hubtraining.controller.rules.findings import (
    checkpoint_safe,
    condition,
    going_on,
    hub_ready,
    patience,
    reporting,
    said,
    silence,
    training_is,
)
from hubtraining.controller.values import messages
from hubtraining.controller.values.decisions import Decision
from hubtraining.controller.values.pods import PodView
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import World
from hubtraining.domain.conditions import Condition, ConditionStatus, ConditionType
from hubtraining.domain.status import AttemptStatus

HOLD_SECONDS = 1.0
"""A pod that was just created is scheduled a moment later: one status write for both."""

_PULLING = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
)
_BROKEN = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"})


def unplaced(world: World) -> Decision | None:
    """A pod waits for a node."""
    waiting = [pod for pod in _all(world) if not pod.node]
    if not waiting:
        return None
    pod = next((pod for pod in waiting if pod.unschedulable), waiting[0])
    if pod.unschedulable:
        message = messages.unschedulable(pod, world.status.avoided_nodes)
        return going(world, _scheduled(world, "False", Reason.UNSCHEDULABLE, message))
    if pod.queued:
        return going(world, _scheduled(world, "Unknown", Reason.QUEUED, f"The pod {pod.name} waits in a queue."))
    message = f"The pod {pod.name} waits for a node."
    return going(world, _scheduled(world, "Unknown", Reason.WAITING, message), hold=HOLD_SECONDS)


def stuck(world: World) -> Decision | None:
    """A container cannot start, and will not without help."""
    held = next((why for pod in _all(world) for why in _held(pod)), None)
    if held is None:
        return None
    return going(world, _placed(world), training_is(world, "False", *held))


def preparing(world: World) -> Decision | None:
    """The pods are on their nodes; a trainer has not begun."""
    pod = _first(world, lambda pod: pod.trainer.state == "waiting")
    if pod is None:
        return None
    if pod.node_index > 0:
        told = (Reason.PREPARING, f"The pod {pod.name} waits for the first one's inputs.")
    elif not _has_begun(pod):
        told = (Reason.STARTING, "The pod's containers are being started.")
    else:
        told = (Reason.PREPARING, "Weights and data are being fetched.")
    return going(world, _placed(world), training_is(world, "False", *told))


def training(world: World) -> Decision | None:
    """The trainer runs."""
    if _first(world, lambda pod: pod.trainer.state == "running") is None:
        return None
    return going(world, _placed(world), training_is(world, "True", Reason.TRAINING, "The trainer runs."))


def finalizing(world: World) -> Decision | None:
    """The trainer has ended; the agent brings the rest to the hub."""
    if not _all(world):
        return None
    message = "The trainer has ended; the agent sends what is left."
    return going(world, _placed(world), training_is(world, "False", Reason.FINALIZING, message))


def going(world: World, *conditions: Condition, hold: float = 0.0) -> Decision:
    """The common part of every rule about pods that have not ended."""
    return Decision(
        conditions=(
            *going_on(world),
            *conditions,
            *hub_ready(world),
            *reporting(world),
            *checkpoint_safe(world),
            *stalls.told(world),
        ),
        attempt=present(world),
        again=_next_look(world),
        hold=hold,
    )


def present(world: World) -> AttemptStatus | None:
    """The attempt as its pods show it."""
    attempt, lead = world.attempt, world.lead
    if attempt is None:
        return None
    word = said(world)
    return msgspec.structs.replace(
        attempt,
        pod_uids=_uids(world, attempt),
        node=(lead.node if lead else "") or attempt.node,
        succeeded_pods=tuple(sorted(world.done)) if world.nodes > 1 else (),
        training_time=deadlines.started(world),
        outcome=_outcome(world, attempt),
        resumed_epoch=attempt.resumed_epoch if word is None or word.resumed_epoch is None else word.resumed_epoch,
    )


def _all(world: World) -> tuple[PodView, ...]:
    """The attempt's pods, if none is still to be created."""
    return world.pods if world.is_open and world.complete else ()


def _first(world: World, holds: Callable[[PodView], bool]) -> PodView | None:
    return next((pod for pod in _all(world) if holds(pod)), None)


def _uids(world: World, attempt: AttemptStatus) -> tuple[str, ...]:
    """Recorded once every pod is there, and then for ever: one that vanishes is not replaced."""
    return attempt.pod_uids or (tuple(pod.uid for pod in world.known) if world.complete else ())


def _outcome(world: World, attempt: AttemptStatus) -> str:
    if not attempt.is_open or attempt.reason:
        return attempt.outcome
    return "Running" if deadlines.started(world) is not None else "Pending"


def _next_look(world: World) -> float | None:
    """When the agent's silence will be worth a word."""
    quiet = silence(world)
    return None if quiet is None or quiet >= patience(world) else patience(world) - quiet


def _held(pod: PodView) -> Iterable[tuple[Reason, str]]:
    waiting = [container for container in pod.containers.values() if container.state == "waiting"]
    yield from ((Reason.IMAGE_PULL_FAILED, messages.image_pull(each)) for each in waiting if each.reason in _PULLING)
    yield from (
        (Reason.CONTAINER_CONFIG_ERROR, messages.container_config(each)) for each in waiting if each.reason in _BROKEN
    )


def _has_begun(pod: PodView) -> bool:
    return any(container.state != "waiting" for container in pod.containers.values())


def _scheduled(world: World, status: ConditionStatus, reason: Reason, message: str) -> Condition:
    return condition(world, ConditionType.SCHEDULED, status, reason, message)


def _placed(world: World) -> Condition:
    where = ", ".join(f"the pod {pod.name} is on node {pod.node}" for pod in world.pods)
    return _scheduled(world, "True", Reason.SCHEDULED, messages.short(f"{where[:1].upper()}{where[1:]}."))
