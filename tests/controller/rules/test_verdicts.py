"""How an attempt ended: what counts as a failure, and what is nobody's fault."""

from datetime import timedelta
from typing import Any

import pytest
from builders.pod import NOON, PodBuilder, a_pod
from builders.world import WorldBuilder, a_world

from hubtraining.controller.rules.verdicts import cause, of_pod, success
from hubtraining.domain.status import AttemptStatus

SOONER, LATER = NOON - timedelta(seconds=5), NOON + timedelta(seconds=5)
EVICTED = "The node was low on resource: memory."


def fetch_failed(code: int = 1) -> PodBuilder:
    broken = a_pod().fetching().container("fetch", "terminated", exitCode=code, message="no such data set")
    return broken.container("agent", "terminated", exitCode=0).failed()


OURS, TAKEN = "Failed", "Disrupted"
OOM = {"code": 137, "reason": "OOMKilled"}
KUBELET, DRAIN = "TerminationByKubelet", "EvictionByEvictionAPI"

ENDS: list[tuple[str, PodBuilder, tuple[str, str] | None]] = [
    ("new", a_pod(), None),
    ("trains", a_pod().training(), None),
    ("trained well", a_pod().ended(), None),
    ("trained well, deleted then", a_pod().ended().deleting(LATER), None),
    ("failed", a_pod().ended(code=1), (OURS, "TrainerFailed")),
    ("failed, its agent still sends", a_pod().trained(code=1), (OURS, "TrainerFailed")),
    ("out of memory", a_pod().ended(**OOM), (OURS, "TrainerFailed")),
    ("killed by somebody in the container", a_pod().ended(code=137), (OURS, "TrainerFailed")),
    ("failed, deleted then", a_pod().ended(code=1).deleting(LATER), (OURS, "TrainerFailed")),
    ("deleted, failed of it", a_pod().ended(code=1).deleting(SOONER), (TAKEN, "PodDeleted")),
    ("deleted in the same second", a_pod().ended(code=1).deleting(NOON), (TAKEN, "PodDeleted")),
    ("ended by TERM, its clock behind", a_pod().ended(code=143).deleting(LATER), (TAKEN, "PodDeleted")),
    ("out of memory, deleted then", a_pod().ended(**OOM).deleting(LATER), (OURS, "TrainerFailed")),
    ("being deleted", a_pod().training().deleting(), (TAKEN, "PodDeleted")),
    ("preempted", a_pod().training().disrupted("PreemptionByScheduler"), (TAKEN, "Preempted")),
    ("drained", a_pod().training().disrupted(DRAIN), (TAKEN, "Drained")),
    ("node tainted", a_pod().training().disrupted("DeletionByTaintManager"), (TAKEN, "NodeLost")),
    ("node gone", a_pod().training().disrupted("DeletionByPodGC").failed(), (TAKEN, "NodeLost")),
    ("node shuts down", a_pod().training().disrupted(KUBELET).failed("Terminated", "No."), (TAKEN, "NodeShutdown")),
    ("node needs the place", a_pod().training().disrupted(KUBELET).failed("Preempting"), (TAKEN, "Preempted")),
    ("Kueue takes it", a_pod().training().disrupted("Workload", kind="TerminationTarget"), (TAKEN, "Preempted")),
    ("failed, drained then", a_pod().ended(code=1).disrupted(DRAIN, LATER), (OURS, "TrainerFailed")),
    ("node out of memory", a_pod().training().disrupted(KUBELET).failed("Evicted", EVICTED), (OURS, "Evicted")),
    ("workspace full", a_pod().ended(code=137).failed("Evicted", "Usage of EmptyDir"), (OURS, "Evicted")),
    ("kubelet has no GPU left", a_pod().on().failed("OutOfnvidia.com/gpu"), (TAKEN, "NodeRefused")),
    ("device plugin away", a_pod().on().failed("UnexpectedAdmissionError", "Allocate"), (TAKEN, "NodeRefused")),
    ("node going down", a_pod().on().failed("NodeShutdown"), (TAKEN, "NodeRefused")),
    ("inputs missing", fetch_failed(), (OURS, "FetchFailed")),
    ("fetch ended by a drain", fetch_failed(143).disrupted(DRAIN), (TAKEN, "Drained")),
    ("active for too long", a_pod().training().failed("DeadlineExceeded"), (OURS, "PodFailed")),
]


@pytest.mark.parametrize(("pod", "expected"), [end[1:] for end in ENDS], ids=[end[0] for end in ENDS])
def test_a_pod_tells_how_it_ended(pod: PodBuilder, expected: tuple[str, str] | None) -> None:
    verdict = of_pod(pod.view())
    assert (None if verdict is None else (verdict.outcome, verdict.reason.value)) == expected


def attempt_of(*pods: PodBuilder) -> WorldBuilder:
    """An attempt of as many nodes as there are pods."""
    names = tuple(f"signs-1-{index}" for index in range(len(pods)))
    return a_world().attempts(AttemptStatus(1, names)).with_pods(*pods)


def test_success_needs_every_node() -> None:
    first, second = a_pod(uid="a"), a_pod(uid="b", index=1)
    assert success(attempt_of(first.ended(), second.ended()).world()) is not None
    assert success(attempt_of(first.ended(), second.training()).world()) is None
    assert success(attempt_of(first.ended(), second.ended(code=1)).world()) is None
    assert success(a_world().world()) is None


def test_a_node_that_is_gone_counts_by_its_last_words() -> None:
    both = attempt_of(a_pod(uid="a").ended(), a_pod(uid="b", index=1).ended())
    one = both.with_pods(a_pod(uid="a").ended())
    assert success(one.but_gone(a_pod(uid="b", index=1).ended()).world()) is not None
    assert success(one.world()) is None


def test_of_several_nodes_the_one_that_ended_first_is_the_cause() -> None:
    late = a_pod(uid="a").ended(code=1, at=LATER)
    early = a_pod(uid="b", index=1).ended(code=9, at=NOON)
    verdict = cause(attempt_of(late, early).world())
    assert verdict is not None
    assert (verdict.pod and verdict.pod.uid, verdict.container and verdict.container.exit_code) == ("b", 9)


def test_a_node_that_fails_because_another_was_taken_away_is_not_the_cause() -> None:
    failed = a_pod(uid="a").ended(code=1, at=LATER)
    taken = a_pod(uid="b", index=1).training().disrupted("PreemptionByScheduler", NOON)
    verdict = cause(attempt_of(failed, taken).world())
    assert verdict is not None
    assert (verdict.outcome, verdict.reason.value) == ("Disrupted", "Preempted")


@pytest.mark.parametrize(
    ("rules", "pod", "expected"),
    [
        ([], a_pod().ended(code=3), ("Failed", "", "")),
        ([{"onExitCodes": [3], "action": "Fail"}], a_pod().ended(code=3), ("Failed", "mine", "Fail")),
        ([{"onExitCodes": [3], "action": "Ignore"}], a_pod().ended(code=3), ("Ignored", "mine", "Ignore")),
        ([{"onLog": "flaky", "action": "Retry"}], a_pod().ended(code=1, words="so flaky"), ("Failed", "mine", "Retry")),
        ([], a_pod().ended(code=1, words="CUDA out of memory"), ("Failed", "cuda-out-of-memory", "Fail")),
        (
            [{"onLog": "CUDA", "action": "Retry"}],
            a_pod().ended(code=1, words="CUDA out of memory"),
            ("Failed", "mine", "Retry"),
        ),
        ([{"onExitCodes": [1], "action": "Fail"}], fetch_failed(1), ("Failed", "", "")),
        ([{"onLog": "no such data set", "action": "Fail"}], fetch_failed(1), ("Failed", "mine", "Fail")),
        (
            [{"onExitCodes": [143], "action": "Fail"}],
            a_pod().ended(code=143).deleting(SOONER),
            ("Disrupted", "", ""),
        ),
    ],
)
def test_failure_rules_are_asked_about_failures_and_the_users_come_first(
    rules: list[dict[str, Any]], pod: PodBuilder, expected: tuple[str, str, str]
) -> None:
    named = [{"name": "mine", **rule} for rule in rules]
    verdict = cause(a_world().spec(failureRules=named).begun().with_pod(pod).world())
    assert verdict is not None
    assert (verdict.outcome, verdict.rule, verdict.action) == expected
