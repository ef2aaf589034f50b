"""Sentences for people who run ``kubectl describe``: what is wrong, and what to do about it."""

from datetime import datetime

from hubtraining.controller.values.pods import ContainerView, PodView
from hubtraining.domain.masking import mask, tail
from hubtraining.domain.session import SessionSpec
from hubtraining.domain.status import AttemptStatus

LONGEST = 1024
"""Characters of a message; more is no help in a terminal."""

LOG_BYTES = 2048
"""As much as the kubelet keeps of a container's last words."""

_GPU_HINT = (
    "If the pod asks for more GPUs than any node has, or of a kind that none has, it will never start: compare "
    "spec.trainer.resources with `kubectl describe nodes`, and see that the GPU device plugin runs."
)
_NEVER_RAN = ("StartError", "ContainerCannotRun")
"""What container runtimes call it, with a code that is theirs and not the program's."""
_EXITS = {
    126: "a command cannot be run: see spec.trainer.command",
    127: "a command was not found: see spec.trainer.command",
    137: "killed by SIGKILL",
    139: "killed by a segmentation fault",
    143: "ended by SIGTERM",
}


def unschedulable(pod: PodView, avoided: tuple[str, ...] = ()) -> str:
    """The scheduler's words; where GPUs lack or nodes are avoided, what to look at."""
    hint = f" {_GPU_HINT}" if "Insufficient" in pod.unschedulable and "/gpu" in pod.unschedulable else ""
    shunned = f" Avoided by failure rules: {', '.join(avoided)}." if avoided else ""
    return short(f"No node can take the pod {pod.name}: {_sentence(pod.unschedulable)}{shunned}{hint}")


def leaving(pod: PodView, overdue: bool) -> str:
    """A pod that was asked to go; where it does not, what to do."""
    if not overdue:
        return f"The pod {pod.name} was asked to go and stops."
    return short(
        f"The pod {pod.name} was asked to go, its time is over, and it is still there: its node {pod.node or '(none)'} "
        f"may be unreachable. Nothing is started before it is gone: two must never train at once. If the node will "
        f"not come back, delete it (kubectl delete node) or give it the taint node.kubernetes.io/out-of-service."
    )


def image_pull(container: ContainerView) -> str:
    """Which image, why, and what to look at."""
    return short(
        f"The image {container.image} of container {container.name} cannot be pulled ({container.reason}): "
        f"{_sentence(container.message)} Check its name and tag, that the node may reach its registry, and "
        f"imagePullSecrets in spec.template.spec."
    )


def container_config(container: ContainerView) -> str:
    """Why the kubelet cannot start a container."""
    return short(f"Container {container.name} cannot be started ({container.reason}): {_sentence(container.message)}")


def exited(container: ContainerView) -> str:
    """How a container ended, or why it never ran."""
    if container.reason in _NEVER_RAN:
        return short(f"The {container.name} could not be started: {_sentence(container.message)}")
    how = "ran out of memory" if container.reason == "OOMKilled" else _EXITS.get(container.exit_code or 0, "")
    return f"The {container.name} ended with exit code {container.exit_code}{f' ({how})' if how else ''}."


def pod_failed(pod: PodView) -> str:
    """Why the pod failed, where no container says it."""
    why = " ".join(part for part in (pod.reason, pod.disruption, pod.message) if part) or "the kubelet gave no reason"
    return short(f"The pod {pod.name} failed: {_sentence(why)}")


VANISHED = "A pod is gone, and nobody saw its trainer end."


def foreign(kind: str, name: str) -> str:
    """What stands where one of the session's own should."""
    return f"A {kind} named {name} exists that this session did not make; delete it or rename the session."


def evicted(pod: PodView) -> str:
    """The kubelet's words about a disk or a memory that is full; the field that says how large it is."""
    field = next((f" Its size is {field}." for volume, field in _SIZES.items() if volume in pod.message), "")
    why = _sentence(pod.message or "no reason given")
    return short(f"The pod {pod.name} was evicted from node {pod.node}: {why}{field}")


_SIZES = {'EmptyDir volume "workspace"': "spec.workspace.sizeLimit", 'EmptyDir volume "shm"': "spec.trainer.shmSize"}


def node_refused(pod: PodView) -> str:
    """Why the kubelet did not take the pod."""
    return short(f"Node {pod.node} did not take the pod {pod.name} ({pod.reason}): {_sentence(pod.message)}")


_TAKEN = {
    "PreemptionByScheduler": "made room for a pod of higher priority",
    "EvictionByEvictionAPI": "was evicted, such as by a drain",
    "DeletionByTaintManager": "had to leave its node, which has a taint that it does not tolerate",
    "DeletionByPodGC": "was lost with its node",
    "TerminationByKubelet": "was ended by its node",
}


def taken(pod: PodView) -> str:
    """Why the pod had to go."""
    if not pod.disruption:
        return f"The pod {pod.name} was deleted."
    why = _TAKEN.get(pod.disruption, f"was taken away ({pod.disruption})")
    return short(f"The pod {pod.name} {why}{f': {_sentence(pod.message)}' if pod.message else '.'}")


def log_tail(container: ContainerView | None) -> str:
    """A container's last words without keys."""
    return tail(container.message, LOG_BYTES) if container else ""


def start_deadline(spec: SessionSpec) -> str:
    """No trainer ran in time."""
    return f"No trainer ran within {spec.start_deadline_seconds} seconds (spec.startDeadlineSeconds)."


def active_deadline(spec: SessionSpec) -> str:
    """Trainers ran for too long."""
    return f"Trainers ran for {spec.active_deadline_seconds} seconds (spec.activeDeadlineSeconds)."


_ENDS = {"Suspended": "was stopped", "Disrupted": "was taken away", "Ignored": "failed and is not counted"}


def next_attempt(attempt: AttemptStatus, due: datetime | None) -> str:
    """How an attempt ended, and when the next one begins."""
    how = _ENDS.get(attempt.outcome, "failed")
    why = f" ({attempt.reason}): {attempt.message}" if attempt.message else f" ({attempt.reason})."
    when = f" at {due:%Y-%m-%d %H:%M:%S} UTC" if due else " as soon as its pods are gone"
    return short(f"Attempt {attempt.number} {how}{why} Attempt {attempt.number + 1} begins{when}.")


def given_up(attempt: AttemptStatus, failures: int, limit: int) -> str:
    """Why a failure is the last one."""
    if attempt.action == "Fail" or limit == 0:
        by = f" The failure rule {attempt.rule} says that it is no use to try again." if attempt.rule else ""
        return short(f"{attempt.message}{by}")
    return short(f"{attempt.message} That was failure {failures}; spec.retry.limit is {limit}.")


def short(text: str) -> str:
    """At most so many characters as a person wants to read, without anything that looks like a key."""
    clean = mask(" ".join(text.split()))
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"


def _sentence(text: str) -> str:
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."
