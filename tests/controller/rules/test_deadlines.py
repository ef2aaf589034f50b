"""Deadlines: exact moments, told by spec and status."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from builders.pod import NOON, a_pod
from builders.world import WorldBuilder, a_world

from hubtraining.controller.rules import deadlines
from hubtraining.controller.rules.decide import decide
from hubtraining.controller.rules.status import read
from hubtraining.controller.values.decisions import DeleteSession
from hubtraining.domain.conditions import ConditionType
from hubtraining.domain.status import EarlierStatus


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def to_start(seconds: int = 100) -> WorldBuilder:
    return a_world().spec(startDeadlineSeconds=seconds)


def resumed_at(seconds: float) -> WorldBuilder:
    """Suspended from the beginning, and not any more at that moment."""
    suspended = to_start().spec(suspend=True).told()
    return suspended.at(seconds).spec(suspend=False)


def trained() -> WorldBuilder:
    return to_start().begun().with_pod(a_pod().training(since=at(50))).told()


def restarted(builder: WorldBuilder) -> WorldBuilder:
    """As a new process sees it: the status survives, and nothing else."""
    return builder.having(status=read(builder.world().session.status), heard=None, prepared=None, sure=False)


@pytest.mark.parametrize(
    ("builder", "expected"),
    [
        (a_world(), None),
        (to_start(), at(100)),
        (to_start().at(5000), at(100)),
        (to_start().spec(trainer={}), None),
        (to_start().spec(suspend=True), None),
        (to_start().begun(), at(100)),
        (to_start().begun().with_pod(a_pod().training(since=at(50))), None),
        (trained().with_pod(a_pod().ended(code=1)).told(), None),
        (resumed_at(1000), at(1100)),
        (resumed_at(1000).told().at(1050), at(1100)),
        (restarted(resumed_at(1000).told()).at(1050), at(1100)),
    ],
)  # fmt: skip
def test_the_trainer_must_run_so_long_after_creation_or_the_end_of_a_suspend(
    builder: WorldBuilder, expected: datetime | None
) -> None:
    assert deadlines.start(builder.world()) == expected


def test_training_before_a_suspend_does_not_count_after_it() -> None:
    failed = trained().with_pod(a_pod().ended(code=1)).told()
    suspended = failed.without_pod().spec(suspend=True).told()
    assert deadlines.start(suspended.at(500).spec(suspend=False).world()) == at(600)


def behind_by(seconds: float, begun: WorldBuilder) -> WorldBuilder:
    """The trainer of this attempt runs since its begin, on a node whose clock is late by so much."""
    attempt = begun.world().attempt
    assert attempt is not None
    assert attempt.start_time is not None
    return begun.with_pod(a_pod().training(since=attempt.start_time - timedelta(seconds=seconds)))


@pytest.mark.parametrize("begun", [to_start().begun(), resumed_at(1000).told().begun()], ids=["new", "resumed"])
def test_a_trainer_that_runs_has_begun_in_time_also_where_its_nodes_clock_is_late(begun: WorldBuilder) -> None:
    running = behind_by(30, begun).told().at(1150)
    assert decide(running.world()).rule == "training"
    failed = running.with_pod(a_pod().ended(code=1)).told()
    assert deadlines.start(failed.without_pod().world()) is None


def active(seconds: int = 100, before: int = 0) -> WorldBuilder:
    begun = a_world().spec(activeDeadlineSeconds=seconds).begun()
    status = msgspec.structs.replace(begun.world().status, earlier=EarlierStatus(active_seconds=before))
    return begun.having(status=status)


@pytest.mark.parametrize(
    ("builder", "expected"),
    [
        (a_world().begun().with_pod(a_pod().training()), None),
        (active(), None),
        (active().with_pod(a_pod().fetching()), None),
        (active().at(20).with_pod(a_pod().training(since=at(20))), at(120)),
        (active(before=70).at(20).with_pod(a_pod().training(since=at(20))), at(50)),
        (active().with_pod(a_pod().trained()), None),
        (active().with_pod(a_pod().ended(code=1)), None),
    ],
)
def test_trainers_may_run_for_so_long_all_together(builder: WorldBuilder, expected: datetime | None) -> None:
    assert deadlines.active(builder.world()) == expected


@pytest.mark.parametrize("hours", [-1, 1], ids=["late", "ahead"])
def test_a_nodes_clock_that_is_wrong_costs_no_running_time_and_gives_none(hours: int) -> None:
    running = active().at(20).with_pod(a_pod().training(since=at(20 + 3600 * hours))).heard(at=30).told()
    assert decide(running.at(40).world()).rule == "training"
    assert running.world().status.active_seconds in range(31)
    assert decide(running.at(121).world()).rule == "halted"


def test_the_active_deadline_is_the_same_after_a_restart() -> None:
    running = active(before=70).at(20).with_pod(a_pod().training(since=at(20))).told()
    assert deadlines.active(restarted(running).world()) == at(50)


@pytest.mark.parametrize(("used", "over"), [(99, False), (100, True), (500, True)])
def test_between_attempts_what_was_used_counts(used: int, over: bool) -> None:
    status = msgspec.structs.replace(active().world().status, active_seconds=used)
    assert deadlines.used_up(active().having(status=status).world()) == over
    assert not deadlines.used_up(a_world().having(status=status).world())


def finished(**spec: Any) -> WorldBuilder:
    return a_world().spec(**spec).begun().with_pod(a_pod().ended()).told()


def test_a_session_that_has_ended_is_deleted_when_its_time_is_over_and_not_before() -> None:
    done = finished(ttlSecondsAfterFinished=60)
    assert decide(done.at(59).world()).actions == ()
    assert decide(done.at(59).world()).again == 1
    assert decide(restarted(done).at(60).world()).actions == (DeleteSession(),)


def test_without_a_time_to_live_it_stays() -> None:
    decision = decide(finished().at(10**8).world())
    assert (decision.actions, decision.again) == ((), None)


def test_a_time_to_live_of_zero_deletes_at_once() -> None:
    assert decide(finished(ttlSecondsAfterFinished=0).world()).actions == (DeleteSession(),)


def told(builder: WorldBuilder, kind: ConditionType) -> tuple[str, str]:
    conditions = decide(builder.world()).conditions
    return next((each.status, each.reason) for each in conditions if each.type == kind)


def test_every_pass_looks_again_when_the_next_deadline_is_over() -> None:
    assert decide(to_start().world()).again == 100
    assert decide(to_start().asked().at(99).world()).again == 1
    assert decide(to_start().begun().at(40).world()).again == 60
    assert decide(active().with_pod(a_pod().training()).at(40).world()).again == 60


def test_a_session_that_did_not_start_in_time_fails_whatever_it_waits_for() -> None:
    for waiting in (to_start(), to_start().spec(trainer={"image": "x"}), to_start().asked()):
        assert told(waiting.at(100), ConditionType.SUCCEEDED) == ("False", "StartDeadlineExceeded")


def test_a_pod_that_did_not_start_in_time_is_asked_to_go_and_then_the_session_fails() -> None:
    halted = to_start().begun().at(100)
    assert decide(halted.world()).rule == "halted"
    assert decide(halted.told().world()).rule == "stopping"
    gone = halted.told().without_pod(a_pod().deleting())
    assert told(gone, ConditionType.SUCCEEDED) == ("False", "StartDeadlineExceeded")


def test_training_that_takes_too_long_is_stopped_and_the_session_fails() -> None:
    halted = active().with_pod(a_pod().training()).at(100)
    attempt = decide(halted.world()).attempt
    assert attempt is not None
    assert (attempt.outcome, attempt.reason, attempt.action) == ("Stopping", "DeadlineExceeded", "Fail")
    gone = halted.told().without_pod(a_pod().ended(code=143).deleting())
    assert told(gone, ConditionType.SUCCEEDED) == ("False", "DeadlineExceeded")


def test_training_that_ends_well_at_the_last_moment_has_succeeded() -> None:
    halted = active().with_pod(a_pod().training()).at(100).told()
    assert told(halted.with_pod(a_pod().ended()), ConditionType.SUCCEEDED) == ("True", "Succeeded")
