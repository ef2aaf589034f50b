"""Stalls: training that does not move, and nothing else."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from builders.pod import NOON, a_pod
from builders.world import WorldBuilder, a_report, a_world

from hubtraining.controller.rules import stalls
from hubtraining.controller.rules.decide import decide
from hubtraining.controller.rules.status import read
from hubtraining.domain.conditions import ConditionType
from hubtraining.domain.report import Report, Stage

AFTER = 900


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def training(action: str = "Notify", after: int = AFTER) -> WorldBuilder:
    spec = {"stall": {"afterSeconds": after, "action": action}, "agent": {"heartbeatSeconds": 3600}}
    return a_world().spec(**spec).begun().with_pod(a_pod().training()).told()


def moved(report: Report, at: float = 0.0, **stall: Any) -> WorldBuilder:
    """Training that reported this so many seconds after noon, as the status has it."""
    return training(**stall).at(at).heard(report, at).told()


@pytest.mark.parametrize(
    ("builder", "expected"),
    [
        (training(), None),
        (moved(a_report(2), 60), at(60 + AFTER)),
        (moved(a_report(2), 60).at(5000), at(60 + AFTER)),
        (moved(a_report(2), 60, after=0), None),
        (moved(a_report(0, stage=Stage.PREPARING), 60), at(60 + 3 * AFTER)),
        (moved(a_report(0), 60), at(60 + 3 * AFTER)),
        (moved(a_report(0), 60, after=100), at(60 + 1800)),
        (moved(a_report(5, resumed_epoch=5), 60), at(60 + 3 * AFTER)),
        (moved(a_report(6, resumed_epoch=5), 60), at(60 + AFTER)),
        (moved(a_report(10), 60), at(60 + 3 * AFTER)),
        (moved(a_report(10, stage=Stage.FINALIZING), 60), None),
        (moved(a_report(2), 60).with_pod(a_pod().trained()), None),
        (moved(a_report(2), 60).at(60 + 2 * 3600 + 61), None),
    ],
)
def test_only_training_that_is_heard_of_may_stall_and_slow_steps_have_longer(
    builder: WorldBuilder, expected: datetime | None
) -> None:
    assert stalls.due(builder.world()) == expected


def test_a_report_that_says_the_same_does_not_put_the_stall_off() -> None:
    again = moved(a_report(2), 60).heard(a_report(2, sequence=9, metrics=()), 800)
    assert stalls.due(again.world()) == at(60 + AFTER)


def test_a_new_epoch_does_even_before_the_status_has_it() -> None:
    assert stalls.due(moved(a_report(2), 60).at(70).heard(a_report(3), 70).world()) == at(70 + AFTER)


def test_a_controller_that_was_restarted_counts_on_from_the_status() -> None:
    before = moved(a_report(2), 60)
    restarted = before.having(heard=None, status=read(before.world().session.status))
    assert stalls.due(restarted.at(500).world()) is None
    assert stalls.due(restarted.at(500).heard(a_report(2), 500).world()) == at(60 + AFTER)


def test_an_attempt_does_not_answer_for_the_time_before_it() -> None:
    (attempt,) = moved(a_report(2), 60).world().status.attempts
    later = msgspec.structs.replace(attempt, training_time=at(1000))
    second = moved(a_report(2), 60).attempts(later).at(1100).heard(a_report(2), 1100)
    assert stalls.due(second.world()) == at(1000 + AFTER)


def told(builder: WorldBuilder) -> tuple[str, str] | None:
    conditions = decide(builder.world()).conditions
    found = (each for each in conditions if each.type == ConditionType.STALLED)
    return next(((each.status, each.reason) for each in found), None)


def test_it_is_told_at_the_moment_and_lifted_when_training_moves() -> None:
    before = moved(a_report(2), 60)
    assert told(before.at(60 + AFTER - 1)) is None
    assert decide(before.at(60 + AFTER - 1).world()).again == 1
    stalled = before.at(60 + AFTER)
    assert told(stalled) == ("True", "NoProgress")
    assert told(stalled.told().at(1000).heard(a_report(3), 1000)) == ("False", "Progressing")


def test_notify_stops_nothing() -> None:
    assert decide(moved(a_report(2), 60).at(5000).world()).rule == "training"


@pytest.mark.parametrize(("action", "follows"), [("Restart", "Retry"), ("Fail", "Fail")])
def test_restart_and_fail_stop_the_attempt(action: str, follows: str) -> None:
    halted = moved(a_report(2), 60, action=action).at(5000)
    decision = decide(halted.world())
    assert decision.rule == "halted"
    assert decision.attempt is not None
    assert (decision.attempt.reason, decision.attempt.action) == ("Stalled", follows)
    assert told(halted) == ("True", "NoProgress")


def test_a_restart_is_a_failure_that_is_counted_and_tried_again() -> None:
    halted = moved(a_report(2), 60, action="Restart").at(5000).told()
    decision = decide(halted.without_pod(a_pod().ended(code=143, at=at(5000)).deleting(at(5000))).world())
    assert decision.attempt is not None
    assert (decision.attempt.outcome, decision.attempt.reason) == ("Failed", "Stalled")
    assert decision.again == 10


def test_fail_ends_the_session() -> None:
    halted = moved(a_report(2), 60, action="Fail").at(5000).told()
    decision = decide(halted.without_pod(a_pod().ended(code=143, at=at(5000)).deleting(at(5000))).world())
    summary = next(each for each in decision.conditions if each.type == ConditionType.SUCCEEDED)
    assert (summary.status, summary.reason) == ("False", "Stalled")
