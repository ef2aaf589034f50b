"""Rules for an attempt that is to end: who wants it to, and what becomes of its pods.

That it is to end, and why, stands in the status before a pod is deleted: whoever goes on after a crash knows whose
doing it was.
"""

from collections.abc import Iterator

import msgspec

from hubtraining.controller.manifests.launcher import STOP_SECONDS
from hubtraining.controller.manifests.pod import MARGIN_SECONDS
from hubtraining.controller.rules import deadlines, stalls
from hubtraining.controller.rules.attempts import going
from hubtraining.controller.rules.findings import training_is
from hubtraining.controller.rules.verdicts import Verdict, cause, vanished
from hubtraining.controller.values import messages
from hubtraining.controller.values.decisions import Decision, DeletePod
from hubtraining.controller.values.pods import PodView
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import World
from hubtraining.domain.conditions import Condition
from hubtraining.domain.session import SessionSpec
from hubtraining.domain.spec import CheckpointsSpec
from hubtraining.domain.status import AttemptStatus

OVERDUE_SECONDS = 60.0
"""So long after its time a pod may still be there without a word: the kubelet, too, needs a moment."""

LOOK_SECONDS = 15.0
"""Between two looks at a pod that should be gone."""


def broken(world: World) -> Decision | None:
    """One of several pods has failed or is taken away: the others cannot go on without it."""
    if not _may_be_stopped(world) or world.nodes < 2 or not world.live:
        return None
    verdict = cause(world) or vanished(world)
    return None if verdict is None else _stop(world, verdict, verdict.pod)


def halted(world: World) -> Decision | None:
    """The session's spec ends the attempt: a suspend, a deadline, or what is to be done about a stall.

    An attempt that is ending by itself is hurried, and keeps its own reason.
    """
    wanted = next(_wanted(world, world.spec), None) if _may_be_stopped(world) and world.spec else None
    if wanted is None:
        return None
    verdict = cause(world) or wanted
    return _stop(world, verdict, verdict.pod)


def stopping(world: World) -> Decision | None:
    """The attempt is to end: its pods are asked to go, but for one that has finished well and uploads its work."""
    if not world.is_open or world.attempt is None or not world.attempt.reason or not world.live:
        return None
    grace = grace_seconds(world)
    asked = [pod for pod in world.live if pod.trainer.exit_code != 0 and not _goes_in_time(world, pod, grace)]
    return _leaving(world, tuple(DeletePod(pod, grace) for pod in asked))


def departing(world: World) -> Decision | None:
    """Somebody else asked the pod to go: it stops, and the agent brings to the hub what it can."""
    if not world.is_open or not any(pod.deleting for pod in world.live):
        return None
    return _leaving(world, ())


def leaving(world: World, pods: tuple[PodView, ...]) -> tuple[Condition, ...]:
    """The condition that says what is waited for: the slowest of these pods."""
    pod = next((pod for pod in pods if overdue(world, pod)), pods[0])
    late = overdue(world, pod)
    reason = Reason.POD_STUCK if late else Reason.STOPPING
    return (training_is(world, "False", reason, messages.leaving(pod, late)),)


def overdue(world: World, pod: PodView) -> bool:
    """Whether a pod that was asked to go should be gone."""
    if pod.must_be_gone is None:
        return False
    return (world.now - pod.must_be_gone).total_seconds() >= OVERDUE_SECONDS


def grace_seconds(world: World) -> int:
    """How long a pod that we ask to go may take: the trainer to stop, and the agent for its last uploads."""
    checkpoints = world.spec.checkpoints if world.spec else CheckpointsSpec()
    return STOP_SECONDS + checkpoints.flush_seconds + MARGIN_SECONDS


def _goes_in_time(world: World, pod: PodView, grace: int) -> bool:
    """Whether it was asked to go, and has no more time than we would give it."""
    return pod.must_be_gone is not None and (pod.must_be_gone - world.now).total_seconds() <= grace


def _leaving(world: World, actions: tuple[DeletePod, ...]) -> Decision:
    decision = going(world, *leaving(world, world.live))
    return msgspec.structs.replace(decision, actions=actions, again=LOOK_SECONDS)


def _may_be_stopped(world: World) -> bool:
    return world.is_open and world.attempt is not None and not world.attempt.reason


def _wanted(world: World, spec: SessionSpec) -> Iterator[Verdict]:
    """Every stop that the spec asks for now; the first one counts."""
    start, active = deadlines.start(world), deadlines.active(world)
    if spec.suspend:
        yield Verdict("Suspended", Reason.SUSPENDED, "The session was suspended.")
    if start is not None and world.now >= start:
        yield Verdict("Failed", Reason.START_DEADLINE_EXCEEDED, messages.start_deadline(spec), action="Fail")
    if active is not None and world.now >= active:
        yield Verdict("Failed", Reason.DEADLINE_EXCEEDED, messages.active_deadline(spec), action="Fail")
    if spec.stall.action != "Notify" and stalls.is_stalled(world):
        action = "Fail" if spec.stall.action == "Fail" else "Retry"
        yield Verdict("Failed", Reason.STALLED, stalls.message(world), action=action)


def _stop(world: World, verdict: Verdict, pod: PodView | None) -> Decision:
    decision = going(world, *leaving(world, world.live)) if world.live else going(world)
    attempt = None if decision.attempt is None else stopped(decision.attempt, verdict)
    avoid = pod.node if pod and verdict.action == "RetryOnOtherNode" else ""
    return msgspec.structs.replace(decision, attempt=attempt, avoid=avoid, again=Decision.SOON)


def stopped(attempt: AttemptStatus, verdict: Verdict) -> AttemptStatus:
    """The attempt as it is to end."""
    container = verdict.container
    return msgspec.structs.replace(
        attempt,
        outcome="Stopping",
        reason=verdict.reason.value,
        message=verdict.message,
        rule=verdict.rule,
        action=verdict.action,
        exit_code=container.exit_code if container else None,
        log_tail=messages.log_tail(container),
    )
