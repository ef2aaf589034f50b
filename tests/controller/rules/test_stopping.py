"""Attempts that are to end: why stands in the status before a pod is deleted."""

from datetime import timedelta
from typing import Any

import pytest
from builders.pod import NOON, PodBuilder, a_pod
from builders.world import WorldBuilder, a_report, a_world, an_outcome

from hubtraining.controller.rules.decide import decide
from hubtraining.controller.rules.status import status
from hubtraining.controller.rules.stopping import OVERDUE_SECONDS
from hubtraining.controller.values.decisions import Decision, DeletePod
from hubtraining.domain.conditions import ConditionType
from hubtraining.domain.status import AttemptStatus

SEVERAL = {
    "nodes": 2,
    "trainer": {"image": "example/trainer:1", "command": ["torchrun", "train.py"]},
    "workspace": {"claimName": "shared"},
}
LATER = NOON + timedelta(seconds=5)


def told(decision: Decision) -> dict[ConditionType, tuple[str, str]]:
    return {each.type: (each.status, each.reason) for each in decision.conditions}


def message(decision: Decision, kind: ConditionType = ConditionType.TRAINING) -> str:
    return next(each.message for each in decision.conditions if each.type == kind)


def attempt_of(decision: Decision) -> AttemptStatus:
    assert decision.attempt is not None
    return decision.attempt


def training(**spec: Any) -> WorldBuilder:
    return a_world().spec(**spec).begun().with_pod(a_pod().training()).told()


def suspending(**spec: Any) -> WorldBuilder:
    """A suspend was asked for while it trained, and the status has it."""
    return training(**spec).spec(suspend=True).told()


def first(**more: Any) -> PodBuilder:
    return a_pod(uid="a", **more)


def second(**more: Any) -> PodBuilder:
    return a_pod(uid="b", index=1, **more)


def two(**spec: Any) -> WorldBuilder:
    """Two nodes that train."""
    created = a_world().spec(**SEVERAL, **spec).prepared().told().with_pods(first(), second()).told()
    return created.with_pods(first().training(), second().training()).told()


def test_the_reason_is_written_down_before_any_pod_is_deleted() -> None:
    decision = decide(training().spec(suspend=True).world())
    assert decision.actions == ()
    assert (attempt_of(decision).outcome, attempt_of(decision).reason) == ("Stopping", "Suspended")
    assert decision.again == 0
    assert decide(suspending().world()).actions == (DeletePod(a_pod().training().view(), 210),)


@pytest.mark.parametrize(("flush", "grace"), [(120, 210), (1, 91), (600, 690)])
def test_a_pod_that_we_ask_to_go_has_the_time_of_its_flush(flush: int, grace: int) -> None:
    (action,) = decide(suspending(checkpoints={"flushSeconds": flush}).world()).actions
    assert isinstance(action, DeletePod)
    assert action.grace_seconds == grace


def test_while_the_pod_stops_the_session_is_suspending_and_its_agent_still_tells() -> None:
    stopping = suspending().with_pod(a_pod().training().deleting()).heard(a_report(3))
    decision = decide(stopping.world())
    assert decision.actions == ()
    assert told(decision)[ConditionType.SUSPENDED] == ("Unknown", "Suspending")
    assert told(decision)[ConditionType.TRAINING] == ("False", "Stopping")
    after = status(stopping.world(), decision)
    assert (after.phase, after.progress and after.progress.epoch) == ("Finalizing", 3)


def test_a_suspend_is_no_failure_and_no_preemption() -> None:
    gone = suspending().without_pod(a_pod().ended(code=143).deleting())
    decision = decide(gone.world())
    assert attempt_of(decision).outcome == "Suspended"
    after = status(gone.world(), decision)
    assert (after.failures, after.preemptions) == (0, 0)
    idle = decide(gone.told().world())
    assert told(idle)[ConditionType.SUSPENDED] == ("True", "Suspended")
    assert status(gone.told().world(), idle).phase == "Suspended"


def test_a_session_that_is_not_suspended_any_more_goes_on_at_once() -> None:
    suspended = suspending().without_pod(a_pod().ended(code=143).deleting()).told().told()
    resumed = suspended.spec(suspend=False).having(prepared=None)
    decision = decide(resumed.world())
    assert decision.rule == "unasked"
    assert told(decision)[ConditionType.SUSPENDED] == ("False", "Resumed")
    begun = decide(resumed.prepared().world())
    assert (attempt_of(begun).number, attempt_of(begun).pods) == (2, ("signs-2-0",))


def test_a_suspend_that_is_taken_back_while_the_pod_stops_is_still_a_suspend() -> None:
    back = suspending().spec(suspend=False).without_pod(a_pod().ended(code=143).deleting())
    assert attempt_of(decide(back.world())).outcome == "Suspended"


def test_a_trainer_that_finished_well_meanwhile_has_succeeded() -> None:
    done = suspending().with_pod(a_pod().ended(outcome=an_outcome()).deleting())
    assert told(decide(done.world()))[ConditionType.SUCCEEDED] == ("True", "Succeeded")


def test_a_trainer_that_has_failed_already_is_hurried_and_has_failed() -> None:
    failed = training().with_pod(a_pod().trained(code=3)).spec(suspend=True)
    attempt = attempt_of(decide(failed.world()))
    assert (attempt.outcome, attempt.reason, attempt.exit_code) == ("Stopping", "TrainerFailed", 3)
    (action,) = decide(failed.told().world()).actions
    assert isinstance(action, DeletePod)
    gone = failed.told().without_pod(a_pod().ended(code=3).deleting(LATER))
    assert attempt_of(decide(gone.world())).outcome == "Failed"


def test_a_pod_that_others_gave_an_hour_to_go_gets_the_time_of_a_flush() -> None:
    slow = training().with_pod(a_pod().training().deleting(grace=3690)).spec(suspend=True)
    assert attempt_of(decide(slow.world())).reason == "PodDeleted"
    (action,) = decide(slow.told().world()).actions
    assert isinstance(action, DeletePod)
    assert action.grace_seconds == 210
    assert decide(slow.told().with_pod(a_pod().training().deleting(grace=210)).world()).actions == ()


def test_a_finished_trainer_is_not_hurried() -> None:
    """It has the time of its final upload."""
    assert decide(suspending().with_pod(a_pod().trained()).world()).actions == ()
    assert decide(suspending().with_pod(a_pod().trained(code=1)).world()).actions != ()


def test_suspended_before_its_first_pod_there_is_none_and_no_hub_is_asked() -> None:
    decision = decide(a_world().spec(suspend=True).world())
    assert (decision.actions, decision.attempt) == ((), None)
    assert told(decision)[ConditionType.SUSPENDED] == ("True", "Suspended")
    assert told(decision)[ConditionType.ACCEPTED] == ("True", "Accepted")


def test_suspended_between_number_and_pod_the_attempt_ends_uncounted() -> None:
    numbered = a_world().prepared().told().spec(suspend=True)
    assert decide(numbered.world()).rule == "halted"
    assert attempt_of(decide(numbered.told().world())).outcome == "Suspended"


def test_a_pod_that_somebody_else_asked_to_go_is_waited_for() -> None:
    decision = decide(training().with_pod(a_pod().training().deleting()).world())
    assert (decision.rule, decision.actions) == ("departing", ())
    assert told(decision)[ConditionType.TRAINING] == ("False", "Stopping")
    assert attempt_of(decision).outcome == "Running"


def test_a_pod_that_does_not_go_is_told_with_what_to_do_and_nothing_new_begins() -> None:
    gone_dark = training().with_pod(a_pod().training().disrupted("DeletionByTaintManager").deleting(grace=30))
    soon, late = 30 + OVERDUE_SECONDS - 1, 30 + OVERDUE_SECONDS
    assert told(decide(gone_dark.at(soon).world()))[ConditionType.TRAINING] == ("False", "Stopping")
    decision = decide(gone_dark.at(late).world())
    assert told(decision)[ConditionType.TRAINING] == ("False", "PodStuck")
    for words in ("signs-1-0", "node-1", "unreachable", "kubectl delete node", "out-of-service"):
        assert words in message(decision)
    assert attempt_of(decision).is_open


def test_an_older_pod_that_does_not_go_keeps_the_next_attempt_waiting() -> None:
    failed = training().with_pod(a_pod().ended(code=1)).told()
    dark = failed.with_pod(a_pod().training().deleting(grace=30)).at(1000).prepared()
    decision = decide(dark.world())
    assert (decision.rule, decision.actions, decision.attempt) == ("clearing", (), None)
    assert told(decision)[ConditionType.TRAINING] == ("False", "PodStuck")
    assert decide(dark.without_pod().world()).rule == "begin"


@pytest.mark.parametrize(
    ("other", "reason", "outcome"),
    [
        (second().trained(code=7), "TrainerFailed", "Failed"),
        (second().ended(code=7), "TrainerFailed", "Failed"),
        (second().training().deleting(), "PodDeleted", "Disrupted"),
        (second().training().disrupted("PreemptionByScheduler").deleting(), "Preempted", "Disrupted"),
        (second().training().failed("Evicted", "disk"), "Evicted", "Failed"),
    ],
)
def test_when_one_node_ends_all_end_together(other: PodBuilder, reason: str, outcome: str) -> None:
    broken = two().with_pods(first().training(), other)
    decision = decide(broken.world())
    assert (decision.rule, decision.actions) == ("broken", ())
    assert (attempt_of(decision).outcome, attempt_of(decision).reason) == ("Stopping", reason)
    (action, *_) = decide(broken.told().world()).actions
    assert isinstance(action, DeletePod)
    assert action.pod.uid == "a"
    gone = broken.told().without_pod().but_gone(first().ended(code=143).deleting(LATER), other)
    assert (attempt_of(decide(gone.world())).outcome, attempt_of(decide(gone.world())).reason) == (outcome, reason)


def test_the_node_whose_fault_it_was_keeps_its_last_words() -> None:
    broken = two().with_pods(first().training(), second().trained(code=7, words="NCCL error"))
    attempt = attempt_of(decide(broken.world()))
    assert (attempt.exit_code, attempt.log_tail) == (7, "NCCL error")
    gone = broken.told().without_pod().but_gone(first().ended(code=143).deleting(LATER), second().trained(code=7))
    closed = attempt_of(decide(gone.world()))
    assert (closed.exit_code, closed.log_tail) == (7, "NCCL error")


def test_a_node_that_vanished_takes_the_others_along() -> None:
    decision = decide(two().with_pods(first().training()).but_gone(second().training()).world())
    assert decision.rule == "broken"
    assert attempt_of(decision).outcome == "Stopping"


def test_a_broken_gpu_is_avoided_wherever_it_is_among_the_nodes() -> None:
    words = "CUDA error: uncorrectable ECC error encountered"
    broken = two().with_pods(first().training(), second().on("node-2").trained(code=1, words=words))
    after = broken.told().world().status
    assert after.avoided_nodes == ("node-1",)  # the builder's pods all train there
    assert after.attempts[-1].rule == "gpu-fault"


def test_a_node_that_finished_and_was_cleaned_away_is_not_missed() -> None:
    left = two().with_pods(second().training()).but_gone(first().ended())
    assert decide(left.world()).actions == ()
    assert attempt_of(decide(left.world())).is_open
    done = two().with_pods(second().ended()).but_gone(first().ended())
    assert told(decide(done.world()))[ConditionType.SUCCEEDED] == ("True", "Succeeded")


def test_a_restarted_controller_knows_who_has_finished() -> None:
    seen = two().with_pods(first().ended(), second().training()).told()
    assert seen.world().status.attempts[-1].succeeded_pods == ("signs-1-0",)
    restarted = seen.with_pods(second().training())
    assert decide(restarted.world()).rule == "training"
    done = decide(seen.with_pods(second().ended()).world())
    assert told(done)[ConditionType.SUCCEEDED] == ("True", "Succeeded")


def test_a_node_that_finished_before_it_was_recorded_is_recorded_all_the_same() -> None:
    """Else a controller that is restarted would make it again."""
    created = a_world().spec(**SEVERAL).prepared().told()
    decision = decide(created.with_pods(second()).but_gone(first().ended()).world())
    assert attempt_of(decision).pod_uids == ("a", "b")


def test_nodes_that_finish_one_after_another_are_left_to_finish() -> None:
    for pods in ((first().training(), second().trained()), (first().trained(), second().training())):
        decision = decide(two().with_pods(*pods).world())
        assert (decision.rule, decision.actions) == ("training", ())
    ended = decide(two().with_pods(first().ended(), second().ended()).world())
    assert told(ended)[ConditionType.SUCCEEDED] == ("True", "Succeeded")
