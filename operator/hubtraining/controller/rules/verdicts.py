"""How an attempt ended, told by its pods: success, a failure, or a disruption that is nobody's fault.

A failure is something that may well happen again: it counts. A disruption comes from outside: a pod that is preempted,
drained or deleted, a node that is lost, shut down or does not take the pod. A full disk or memory is a failure.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from hubtraining.controller.rules import failures
from hubtraining.controller.values import messages
from hubtraining.controller.values.pods import ContainerView, PodView
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import World
from hubtraining.domain.names import CONTAINER_FETCH
from hubtraining.domain.session import FailureRule

DISRUPTIONS: Mapping[str, Reason] = {
    "PreemptionByScheduler": Reason.PREEMPTED,
    "EvictionByEvictionAPI": Reason.DRAINED,
    "DeletionByTaintManager": Reason.NODE_LOST,
    "DeletionByPodGC": Reason.NODE_LOST,
    "TerminationByKubelet": Reason.NODE_SHUTDOWN,
}
"""By the reason of the pod's condition; others, such as Kueue's, are preemptions."""

NODE_REFUSALS = ("UnexpectedAdmissionError", "NodeAffinity", "NodeShutdown", "TopologyAffinityError")
"""Why a kubelet does not take a pod that the scheduler gave it; so is every reason that begins with ``OutOf``."""

SIGNALLED = frozenset({130, 137, 143})
"""Exit codes of a trainer that was told to stop, or killed because it did not."""

END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class Verdict(msgspec.Struct, frozen=True):
    """How an attempt ended, or why it is being stopped."""

    outcome: str
    """Succeeded, Failed, Ignored, Disrupted or Suspended."""
    reason: Reason
    message: str
    when: datetime = END_OF_TIME
    pod: PodView | None = None
    container: ContainerView | None = None
    """Whose end it was."""
    rule: str = ""
    action: str = ""


def success(world: World) -> Verdict | None:
    """Every trainer of the attempt has ended well."""
    if not world.nodes or len(world.done) < world.nodes:
        return None
    ended = [pod.trainer for pod in world.known if pod.trainer.exit_code == 0]
    last = max(ended, key=lambda trainer: trainer.finished or END_OF_TIME, default=None)
    return Verdict("Succeeded", Reason.SUCCEEDED, "The trainer ended well.", container=last)


def cause(world: World) -> Verdict | None:
    """What first ended, or is ending, the attempt, judged by the failure rules; None where no pod tells."""
    told = [verdict for pod in world.known if (verdict := of_pod(pod)) is not None]
    return judged(world, min(told, key=lambda verdict: verdict.when)) if told else None


def vanished(world: World) -> Verdict | None:
    """A pod is gone, and no other pod tells why."""
    return Verdict("Disrupted", Reason.POD_LOST, messages.VANISHED) if world.vanished else None


def of_pod(pod: PodView) -> Verdict | None:
    """Why this pod ended without success, or is ending; None while it goes on, after success, or where nobody knows."""
    if pod.trainer.exit_code == 0:
        return None
    if pod.reason == "Evicted":
        return Verdict("Failed", Reason.EVICTED, messages.evicted(pod), _finished(pod), pod, pod.trainer)
    if pod.trainer.exit_code is not None and _by_itself(pod):
        return Verdict("Failed", Reason.TRAINER_FAILED, messages.exited(pod.trainer), _finished(pod), pod, pod.trainer)
    return _taken(pod) or _unstarted(pod)


def judged(world: World, verdict: Verdict) -> Verdict:
    """With what the failure rules say of it."""
    rule = _rule(world, verdict) if verdict.outcome == "Failed" else None
    if rule is None:
        return verdict
    outcome = "Ignored" if rule.action == "Ignore" else verdict.outcome
    return msgspec.structs.replace(verdict, outcome=outcome, rule=rule.name, action=rule.action)


def _rule(world: World, verdict: Verdict) -> FailureRule | None:
    container = verdict.container or ContainerView("")
    code = None if container.name == CONTAINER_FETCH else container.exit_code
    return failures.first(world.spec.failure_rules if world.spec else (), code, container.message)


def _by_itself(pod: PodView) -> bool:
    """Whether the trainer had ended before the pod was taken away; clocks differ, so a signal is not taken for that."""
    taken, trainer = _taken_at(pod), pod.trainer
    if taken is None:
        return True
    told = trainer.exit_code in SIGNALLED and trainer.reason != "OOMKilled"
    return not told and trainer.finished is not None and trainer.finished < taken


def _taken(pod: PodView) -> Verdict | None:
    if pod.reason in NODE_REFUSALS or pod.reason.startswith("OutOf"):
        return Verdict("Disrupted", Reason.NODE_REFUSED, messages.node_refused(pod), _finished(pod), pod)
    when = _taken_at(pod)
    if when is None:
        return None
    reason = DISRUPTIONS.get(pod.disruption, Reason.PREEMPTED) if pod.disruption else Reason.POD_DELETED
    if pod.reason == "Preempting":  # the kubelet's own preemption, for a pod that the node cannot do without
        reason = Reason.PREEMPTED
    return Verdict("Disrupted", reason, messages.taken(pod), when, pod, pod.trainer)


def _unstarted(pod: PodView) -> Verdict | None:
    """A pod whose trainer has not told of its end."""
    fetch = pod.containers.get(CONTAINER_FETCH)
    if fetch is not None and fetch.exit_code:
        why = messages.short(f"{messages.exited(fetch)} {fetch.message}")
        return Verdict("Failed", Reason.FETCH_FAILED, why, fetch.finished or END_OF_TIME, pod, fetch)
    if pod.ended:
        return Verdict("Failed", Reason.POD_FAILED, messages.pod_failed(pod), _finished(pod), pod, pod.trainer)
    return None


def _taken_at(pod: PodView) -> datetime | None:
    moments = [moment for moment in (pod.disrupted, pod.asked_to_go) if moment is not None]
    if pod.disruption and not moments:
        return END_OF_TIME
    return min(moments, default=None)


def _finished(pod: PodView) -> datetime:
    return pod.trainer.finished or END_OF_TIME
