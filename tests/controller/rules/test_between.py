"""Between two attempts: how often, how soon, and when it is over."""

from typing import Any

import msgspec
import pytest
from builders.pod import NOON, a_pod
from builders.world import WorldBuilder, a_report, a_world

from hubtraining.controller.rules.decide import decide
from hubtraining.controller.rules.events import events
from hubtraining.controller.rules.status import read, status
from hubtraining.controller.values.decisions import AskHub, Confirm, CreatePod, Decision, DeletePod
from hubtraining.domain.conditions import ConditionType
from hubtraining.domain.status import AttemptStatus


def told(decision: Decision) -> dict[ConditionType, tuple[str, str]]:
    return {each.type: (each.status, each.reason) for each in decision.conditions}


def message(decision: Decision, kind: ConditionType = ConditionType.TRAINING) -> str:
    return next(each.message for each in decision.conditions if each.type == kind)


def after(*outcomes: str, failures: int = 0, limit: int = 3, **last: Any) -> WorldBuilder:
    """All attempts so far ended so, the last one at noon."""
    attempts = [
        AttemptStatus(number, training_time=NOON, end_time=NOON, outcome=outcome, reason="TrainerFailed", message="No.")
        for number, outcome in enumerate(outcomes, 1)
    ]
    attempts[-1] = msgspec.structs.replace(attempts[-1], **last)
    world = a_world().spec(retry={"limit": limit, "backoffSeconds": 10, "maxBackoffSeconds": 60})
    return world.attempts(*attempts, failures=failures)


@pytest.mark.parametrize(
    ("world", "final"),
    [
        (after("Failed", failures=1), False),
        (after("Failed", "Failed", "Failed", failures=3), False),
        (after("Failed", "Failed", "Failed", "Failed", failures=4), True),
        (after("Failed", failures=1, limit=0), True),
        (after("Failed", failures=1, action="Fail"), True),
        (after("Failed", failures=1, action="RetryOnOtherNode"), False),
        (after(*["Disrupted"] * 50), False),
        (after("Failed", "Disrupted", failures=4), False),
        (after("Ignored", action="Ignore", limit=0), False),
        (after("Suspended", limit=0), False),
    ],
)
def test_only_failures_count_towards_the_limit(world: WorldBuilder, final: bool) -> None:
    assert (decide(world.world()).rule == "exhausted") == final


def test_the_last_failures_reason_is_the_sessions() -> None:
    decision = decide(after("Failed", failures=4).world())
    assert told(decision)[ConditionType.SUCCEEDED] == ("False", "TrainerFailed")
    assert message(decision, ConditionType.SUCCEEDED) == "No. That was failure 4; spec.retry.limit is 3."
    ruled = decide(after("Failed", failures=1, action="Fail", rule="nan-loss").world())
    assert "The failure rule nan-loss says" in message(ruled, ConditionType.SUCCEEDED)


def test_a_limit_that_is_lowered_counts_at_once_and_one_that_is_raised_too() -> None:
    waiting = after("Failed", failures=3)
    assert decide(waiting.world()).rule == "resting"
    assert decide(waiting.spec(retry={"limit": 2}).world()).rule == "exhausted"


def test_the_wait_is_told_with_its_moment_and_is_exact() -> None:
    waiting = after("Failed", "Failed", failures=2)
    decision = decide(waiting.at(5).world())
    assert (decision.rule, decision.again) == ("resting", 15)
    assert told(decision)[ConditionType.TRAINING] == ("False", "Retrying")
    assert message(decision) == ("Attempt 2 failed (TrainerFailed): No. Attempt 3 begins at 2026-11-23 12:00:20 UTC.")
    assert status(waiting.at(5).world(), decision).phase == "Retrying"
    assert decide(waiting.at(19.9).world()).rule == "resting"
    assert decide(waiting.at(20).world()).rule == "unasked"


def test_a_restarted_controller_waits_to_the_same_moment_and_says_nothing_new() -> None:
    waiting = after("Failed", failures=1).at(3)
    fresh = waiting.told().having(status=read(waiting.told().world().session.status), prepared=None)
    assert decide(fresh.at(9).world()).again == 1
    assert status(fresh.at(9).world(), decide(fresh.at(9).world())) == fresh.world().status


def test_a_disrupted_attempt_is_followed_at_once() -> None:
    decision = decide(after("Disrupted", reason="Preempted").world())
    assert decision.actions == (AskHub(),)


def test_the_hub_is_asked_for_each_attempt_anew() -> None:
    """Links expire, what can be resumed has changed, and the claim must be the new attempt's."""
    due = after("Failed", failures=1).at(10)
    assert decide(due.world()).actions == (AskHub(),)
    assert decide(due.asked().world()).rule == "asking"
    begun = decide(due.prepared().world())
    assert begun.attempt is not None
    assert (begun.attempt.number, begun.attempt.pods, begun.attempt.is_open) == (2, ("signs-2-0",), True)


def test_a_new_attempt_forgets_what_was_said_of_the_last_ones_pods() -> None:
    began = after("Failed", failures=1).at(10).prepared()
    decision = decide(began.world())
    assert told(decision)[ConditionType.SCHEDULED] == ("Unknown", "Waiting")
    assert told(decision)[ConditionType.TRAINING] == ("False", "Starting")
    assert status(began.world(), decision).phase == "Pending"


def test_the_next_attempts_pods_are_created_under_its_own_number() -> None:
    assert decide(after("Failed", failures=1).at(10).prepared().told().world()).actions == (CreatePod(2),)


def test_pods_of_an_attempt_that_has_ended_are_deleted_before_the_next_one_is_numbered() -> None:
    pod = a_pod().ended(code=1)
    left = after("Failed", failures=1).at(1000).prepared().with_pod(pod)
    decision = decide(left.world())
    assert (decision.rule, decision.actions, decision.attempt) == ("clearing", (DeletePod(pod.view(), 210),), None)
    assert decide(left.with_pod(pod.deleting()).world()).actions == ()
    assert decide(left.without_pod().world()).rule == "begin"


def test_a_stray_of_an_older_attempt_holds_the_next_one_back_too() -> None:
    stray = a_pod(attempt=1).training().view()
    left = after("Failed", "Failed", failures=2).at(1000).prepared().having(stray=(stray,))
    assert decide(left.world()).rule == "clearing"
    assert decide(left.world()).actions == (DeletePod(stray, 210),)


def test_the_pods_of_a_session_that_has_failed_stay_for_whoever_reads_their_logs() -> None:
    failed = a_world().spec(retry={"limit": 0}).begun().with_pod(a_pod().ended(code=1))
    assert decide(failed.world()).actions == ()
    assert decide(failed.told().world()).actions == ()


def test_what_still_runs_when_the_session_ends_is_stopped() -> None:
    stuck = a_world().spec(retry={"limit": 0}).begun().with_pod(a_pod().ended(code=1)).told()
    running = a_pod(uid="b", index=1).training()
    assert decide(stuck.with_pods(a_pod().ended(code=1), running).world()).actions == (DeletePod(running.view(), 210),)


@pytest.mark.parametrize("sure", [True, False])
def test_nothing_is_created_on_what_only_a_list_has_told(sure: bool) -> None:
    world = a_world().prepared().told().having(sure=sure)
    assert decide(world.world()).actions == ((CreatePod(1),) if sure else (Confirm(), CreatePod(1)))


def test_with_a_pod_of_a_later_attempt_the_status_is_old_and_nothing_is_done() -> None:
    later = a_pod(attempt=2).training().view()
    old = a_world().begun().with_pod(a_pod().ended(code=1)).having(later=(later,), sure=False)
    decision = decide(old.world())
    assert (decision.rule, decision.actions, decision.attempt) == ("behind", (Confirm(),), None)


def test_where_the_status_was_lost_the_pods_of_the_future_are_deleted() -> None:
    later = a_pod(attempt=7).training().view()
    assert decide(a_world().having(later=(later,)).world()).actions == (DeletePod(later),)


def test_an_invalid_spec_ends_nothing_but_begins_nothing() -> None:
    world = after("Failed", failures=1).at(1000).spec(trainer={})
    assert decide(world.world()).rule == "unreadable"
    still = a_world().begun().with_pod(a_pod().training()).spec(trainer={})
    assert decide(still.world()).rule == "training"


def test_suspended_while_it_waits_it_stays_so_and_its_failure_is_not_forgotten() -> None:
    waiting = after("Failed", failures=1).spec(suspend=True)
    assert told(decide(waiting.at(1000).world()))[ConditionType.SUSPENDED] == ("True", "Suspended")
    back = waiting.told().spec(suspend=False).at(3)
    assert decide(back.world()).again == 7


def test_time_that_is_used_up_between_attempts_ends_the_session() -> None:
    used = after("Failed", failures=1).spec(activeDeadlineSeconds=60)
    spent = used.having(status=msgspec.structs.replace(used.world().status, active_seconds=60))
    assert told(decide(spent.world()))[ConditionType.SUCCEEDED] == ("False", "DeadlineExceeded")
    assert decide(used.at(10).world()).rule == "unasked"


def test_a_reason_that_another_version_wrote_ends_a_session_like_any_other() -> None:
    decision = decide(after("Failed", failures=9, reason="SolarFlare").world())
    assert told(decision)[ConditionType.SUCCEEDED] == ("False", "PodFailed")


def announced(builder: WorldBuilder) -> dict[str, str]:
    """Reason and message of every event of the next write."""
    world = builder.world()
    return {each.reason.value: each.message for each in events(world.status, status(world, decide(world)))}


def training() -> WorldBuilder:
    return a_world().begun().with_pod(a_pod().training()).told()


def test_a_failure_that_is_tried_again_is_announced_with_the_moment() -> None:
    told = announced(training().with_pod(a_pod().ended(code=3)))
    assert list(told) == ["RetryScheduled"]
    assert "exit code 3" in told["RetryScheduled"]
    assert "12:00:10" in told["RetryScheduled"]


def test_the_last_failure_is_announced_as_the_end_alone() -> None:
    told = announced(training().spec(retry={"limit": 0}).with_pod(a_pod().ended(code=3)))
    assert list(told) == ["Failed"]


def test_a_disruption_is_announced_with_its_reason() -> None:
    last = a_pod().ended(code=143).disrupted("EvictionByEvictionAPI").deleting()
    told = announced(training().without_pod(last))
    assert list(told) == ["Preempted"]
    assert "Attempt 1 was taken away (Drained)" in told["Preempted"]
    asleep = announced(training().spec(suspend=True).without_pod(last))
    assert asleep["Preempted"].startswith("Drained: ")


def test_a_suspend_is_announced_once_the_pods_are_gone() -> None:
    asked = training().spec(suspend=True)
    assert announced(asked) == {}
    gone = asked.told().without_pod(a_pod().ended(code=143).deleting())
    assert announced(gone) == {}
    assert list(announced(gone.told())) == ["Suspended"]
    assert announced(gone.told().told()) == {}


def test_that_an_attempt_goes_on_is_announced_when_its_agent_says_so() -> None:
    second = after("Failed", failures=1).at(10).prepared().told().with_pod(a_pod(attempt=2).training()).told()
    going = second.heard(a_report(8, attempt=2, resumed_epoch=7), 10)
    assert announced(going)["Resumed"] == "Attempt 2 goes on after epoch 7."
    assert "Resumed" not in announced(going.told())


def test_a_pod_that_is_stuck_is_announced_once() -> None:
    dark = training().with_pod(a_pod().training().deleting(grace=30)).told().at(1000)
    assert list(announced(dark)) == ["PodStuck"]
    assert announced(dark.told().at(2000)) == {}
