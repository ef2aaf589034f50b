"""The status: what it says of a world, and when it is worth a write."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from builders.pod import NOON, a_pod
from builders.world import WorldBuilder, a_checkpoint, a_report, a_session, a_world, an_outcome
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.rules.decide import decide
from hubtraining.controller.rules.events import events
from hubtraining.controller.rules.status import interval, phase, read, status, wait, written
from hubtraining.controller.values.reasons import Reason
from hubtraining.domain.conditions import Condition, ConditionType
from hubtraining.domain.report import CheckpointState, HubState, Metric, Stage
from hubtraining.domain.status import SessionStatus


def stanza(builder: WorldBuilder) -> SessionStatus:
    return status(builder.world(), decide(builder.world()))


def due(builder: WorldBuilder, waited: float = 0.0) -> float | None:
    world = builder.world()
    decision = decide(world)
    return wait(world, status(world, decision), decision.hold, waited)


def running() -> WorldBuilder:
    """A session whose trainer runs, as its status says already."""
    return a_world().begun().with_pod(a_pod().training()).told()


def talking(epoch: int = 1, at: float = 0.0, **more: Any) -> WorldBuilder:
    """The same, with a report that its status has."""
    return running().heard(a_report(epoch, **more), at).at(at).told()


@pytest.mark.parametrize(
    ("builder", "word"),
    [
        (a_world(), "Pending"),
        (a_world().spec(model=""), "Pending"),
        (a_world().problem(Reason.UNAUTHORIZED), "Pending"),
        (a_world().prepared(), "Pending"),
        (a_world().begun(), "Pending"),
        (a_world().begun().with_pod(a_pod().fetching()), "Preparing"),
        (a_world().begun().with_pod(a_pod().training()), "Training"),
        (a_world().begun().with_pod(a_pod().trained()), "Finalizing"),
        (a_world().begun().with_pod(a_pod().ended()), "Succeeded"),
        (a_world().begun().with_pod(a_pod().ended(code=1)), "Retrying"),
        (a_world().spec(retry={"limit": 0}).begun().with_pod(a_pod().ended(code=1)), "Failed"),
        (a_world().begun().with_pod(a_pod().queued()), "Queued"),
        (a_world().begun().with_pod(a_pod().training().deleting()), "Finalizing"),
        (a_world().spec(suspend=True), "Suspended"),
        (a_world().problem(Reason.ALREADY_TRAINED), "Failed"),
    ],
)
def test_the_phase_follows_from_the_conditions(builder: WorldBuilder, word: str) -> None:
    after = stanza(builder)
    assert after.phase == word == phase(after.conditions)


def test_what_was_written_is_read_as_it_was() -> None:
    after = stanza(talking(3, latest=a_checkpoint(3), uploaded=1))
    assert read(written(after)) == after


def test_times_are_whole_seconds_and_utc() -> None:
    world = a_world(now=NOON + timedelta(microseconds=123456)).prepared()
    assert written(stanza(world))["startTime"] == "2026-11-23T12:00:00Z"


def test_a_stanza_of_a_later_version_is_read_for_what_is_known() -> None:
    known = {"type": "Accepted", "status": "True", "reason": "Accepted"}
    raw = {"phase": "Training", "newField": 1, "conditions": [known, {"type": "Dreaming", "status": "False"}]}
    assert [each.type for each in read(raw).conditions] == [ConditionType.ACCEPTED]


def test_a_stanza_that_cannot_be_understood_is_an_error_not_a_fresh_start() -> None:
    with pytest.raises(msgspec.ValidationError):
        read({"attempt": "many"})


def test_measured_numbers_are_strings() -> None:
    metrics = stanza(running().heard()).metrics
    assert [(metric.name, metric.value, metric.best, metric.best_epoch) for metric in metrics] == [
        ("metrics/mAP50-95(B)", "0.25", "0.5", 3),
        ("train/box_loss", "1.23457", "", None),
    ]


def test_a_metric_that_is_not_a_number_is_empty() -> None:
    assert stanza(running().heard(a_report(metrics=(Metric("x", None),)))).metrics[0].value == ""


def test_only_the_wanted_metrics_are_mirrored() -> None:
    wanted = running().spec(progress={"metrics": ["train/box_loss"]}).heard()
    assert [metric.name for metric in stanza(wanted).metrics] == ["train/box_loss"]


def test_at_most_32_metrics_are_mirrored() -> None:
    many = tuple(Metric(f"m{number}", 1.0) for number in range(50))
    assert len(stanza(running().heard(a_report(metrics=many))).metrics) == 32


def test_progress_is_in_whole_numbers() -> None:
    progress = stanza(running().heard(a_report(3))).progress
    assert progress is not None
    assert (progress.epoch, progress.epochs, progress.progress_percentage) == (3, 10, 30)
    assert (progress.seconds_per_epoch, progress.estimated_remaining_seconds) == (6, 58)


@pytest.mark.parametrize(("epoch", "epochs", "percent"), [(0, 10, 0), (999, 1000, 99), (12, 10, 100), (5, None, None)])
def test_the_percentage_is_100_only_when_all_is_done(epoch: int, epochs: int | None, percent: int | None) -> None:
    progress = stanza(running().heard(a_report(epoch, epochs=epochs))).progress
    assert progress is not None
    assert progress.progress_percentage == percent


def test_checkpoints_are_mirrored_with_their_attempt_and_never_forgotten() -> None:
    first = running().heard(a_report(latest=a_checkpoint(3), best=a_checkpoint(2), uploaded=1)).told()
    later = stanza(first.heard(a_report(latest=a_checkpoint(4, CheckpointState.PENDING), uploaded=1)))
    assert later.checkpoints is not None
    latest, best = later.checkpoints.latest, later.checkpoints.best
    assert latest is not None
    assert best is not None
    assert (latest.epoch, latest.state, latest.attempt) == (4, "Pending", 1)
    assert (best.epoch, best.fitness) == (2, "0.5")


def test_the_outcome_is_the_last_word_and_keeps_what_it_has_no_room_for() -> None:
    metrics = (Metric("metrics/mAP50-95(B)", 0.75, 0.75, 10),)
    last = an_outcome(final=a_checkpoint(10), uploaded=4, metrics=metrics)
    after = stanza(talking(9).with_pod(a_pod().ended(outcome=last)))
    assert after.progress is not None
    assert (after.progress.epoch, after.progress.progress_percentage, after.progress.stage) == (10, 100, "Finished")
    assert {metric.name: metric.value for metric in after.metrics} == {
        "metrics/mAP50-95(B)": "0.75",
        "train/box_loss": "1.23457",
    }
    assert after.checkpoints is not None
    assert after.checkpoints.final is not None
    assert after.completion_time == NOON


def test_a_report_that_was_not_written_yet_is_not_lost_at_the_end() -> None:
    unwritten = talking(8).heard(a_report(9, metrics=(Metric("train/box_loss", 0.5),)))
    after = stanza(unwritten.with_pod(a_pod().ended(outcome=an_outcome())))
    assert [metric.value for metric in after.metrics] == ["0.5"]


def test_gpu_seconds_are_devices_times_the_trainers_seconds() -> None:
    ended = a_pod(gpus=2).ended(at=NOON + timedelta(seconds=90))
    assert stanza(a_world().begun().with_pod(ended)).gpu_seconds == 180
    assert stanza(a_world().begun().with_pod(a_pod(gpus=0).ended())).gpu_seconds is None


def test_failures_are_counted() -> None:
    assert stanza(a_world().begun().with_pod(a_pod().ended(code=1))).failures == 1
    assert stanza(a_world().begun().with_pod(a_pod().ended())).failures == 0


def test_a_transition_is_written_at_once() -> None:
    assert due(a_world().prepared()) == 0
    assert due(running().heard()) == 0


@pytest.mark.parametrize(
    "report",
    [
        a_report(2, latest=a_checkpoint(), uploaded=1),
        a_report(2, best=a_checkpoint()),
        a_report(2, final=a_checkpoint(), uploaded=1),
        a_report(2, hub=HubState(consecutive_failures=5)),
    ],
)
def test_checkpoints_and_the_hubs_absence_are_told_at_once(report: Any) -> None:
    assert due(talking().at(1).heard(report, 1)) == 0


@pytest.mark.parametrize("report", [a_report(2), a_report(1, stage=Stage.PREPARING), a_report(1, failed=1, uploaded=1)])
def test_numbers_wait_for_the_interval(report: Any) -> None:
    left = due(talking(uploaded=1).at(10).heard(report, 10))
    assert left == pytest.approx(interval(running().world()) - 10)


def test_numbers_are_deferred_not_dropped() -> None:
    assert due(talking().heard(a_report(2)).at(10)) == pytest.approx(interval(running().world()) - 10)
    assert due(talking().heard(a_report(2)).at(100)) == 0


def test_the_same_said_again_later_is_no_news() -> None:
    again = a_report(1, sequence=99, time=NOON + timedelta(hours=1))
    assert due(talking().heard(again, 3600).at(3600)) is None


def test_a_restarted_controller_writes_nothing() -> None:
    for before in (a_world().begun(), running(), talking(3, latest=a_checkpoint(3), uploaded=1)):
        world = before.world()
        fresh = before.having(heard=None, since=NOON + timedelta(hours=1), status=read(world.session.status))
        assert due(fresh.at(3600 + 60)) is None


def test_a_finished_session_is_never_written_again() -> None:
    done = talking(9).with_pod(a_pod().ended(outcome=an_outcome())).told()
    assert decide(done.world()).conditions == ()


def test_a_transition_may_be_held_but_not_for_ever() -> None:
    fresh = a_world().prepared().told().with_pod(a_pod())
    assert due(fresh) == 1
    assert due(fresh, waited=0.75) == 0.25
    assert due(fresh, waited=5) == 0


def test_a_clock_that_was_set_back_does_not_stop_the_writes() -> None:
    left = due(talking(1, at=10_000).at(0).heard(a_report(2)))
    assert left is not None
    assert left <= interval(running().world())


def test_many_sessions_stretch_the_interval() -> None:
    few, many = running().having(running=5).world(), running().having(running=60_000).world()
    assert 30 <= interval(few) <= 36
    assert 1000 <= interval(many) <= 1200


@given(st.integers(1, 3600), st.integers(0, 10_000), st.uuids())
def test_the_interval_is_never_shorter_than_asked_and_not_much_longer(seconds: int, many: int, uid: Any) -> None:
    world = a_world(a_session(uid=str(uid))).spec(progress={"statusSeconds": seconds}).having(running=many).world()
    least = max(seconds, many / 60)
    assert least <= interval(world) <= least * 1.2


def test_sessions_do_not_march_in_step() -> None:
    assert len({interval(a_world(a_session(uid=f"uid-{n}")).world()) for n in range(50)}) > 40


def test_a_spec_that_became_invalid_does_not_stop_a_running_attempt_from_being_told() -> None:
    after = stanza(talking().spec(trainer={}).heard(a_report(5)).at(100))
    assert after.progress is not None
    assert after.progress.epoch == 5
    accepted = next(each for each in after.conditions if each.type == ConditionType.ACCEPTED)
    assert accepted.status == "False"


def test_conditions_carry_the_generation_they_were_judged_by() -> None:
    session = msgspec.structs.replace(a_session(), generation=7)
    after = stanza(a_world(session).prepared())
    assert after.observed_generation == 7
    assert {each.observed_generation for each in after.conditions} == {7}


def test_an_empty_list_of_conditions_is_a_pending_session() -> None:
    assert phase(()) == "Pending"
    assert phase((Condition(ConditionType.SCHEDULED, "True", "Scheduled"),)) == "Preparing"


@pytest.mark.parametrize("reason", [Reason.INVALID_SPEC, Reason.UNAUTHORIZED])
def test_a_problem_that_stays_as_it_is_is_written_once(reason: Reason) -> None:
    told = a_world().problem(reason, due=None).told()
    assert due(told.at(3600)) is None


@pytest.mark.parametrize("reason", [Reason.INVALID_SPEC, Reason.UNAUTHORIZED])
def test_a_problem_stays_told_while_it_is_looked_at_again_however_long_that_takes(reason: Reason) -> None:
    told = a_world().problem(reason, due=15).told()
    asking = told.at(15).asked(since=15).at(20)
    assert events(told.world().status, stanza(asking)) == ()
    assert stanza(asking).conditions[0] == told.world().status.conditions[0]


def again(number: int = 2, at: float = 600.0) -> WorldBuilder:
    """The first attempt ran for 100 s, uploaded 3 checkpoints and reached epoch 7; the next one trains since ``at``."""
    first = talking(7, latest=a_checkpoint(7), uploaded=3, failed=1).at(100)
    failed = first.with_pod(a_pod().ended(code=1, at=NOON + timedelta(seconds=100))).told().without_pod()
    begun = failed.having(heard=None, outcome=None).at(at).prepared().told()
    since = NOON + timedelta(seconds=at)
    return begun.with_pod(a_pod(uid="pod-2", attempt=2).training(since=since)).told()


def test_a_new_attempt_goes_on_with_progress_and_checkpoints_where_the_last_one_was() -> None:
    before = again().world().status
    assert (before.attempt, before.failures) == (2, 1)
    quiet = stanza(again().heard(a_report(0, attempt=2, stage=Stage.PREPARING), 600))
    assert quiet.progress is not None
    assert quiet.checkpoints is not None
    assert (quiet.progress.epoch, quiet.progress.stage) == (7, "Preparing")
    assert (quiet.checkpoints.uploaded, quiet.checkpoints.failed) == (3, 1)
    going = stanza(again().heard(a_report(8, attempt=2, resumed_epoch=7, uploaded=2), 600))
    assert going.progress is not None
    assert going.checkpoints is not None
    assert (going.progress.epoch, going.attempts[-1].resumed_epoch) == (8, 7)
    assert going.checkpoints.uploaded == 5
    assert going.checkpoints.latest is not None
    assert going.checkpoints.latest.attempt == 1


@pytest.mark.parametrize("state", [CheckpointState.PENDING, CheckpointState.FAILED])
def test_what_the_hub_has_is_not_hidden_by_what_a_later_attempt_has_yet_to_upload(state: CheckpointState) -> None:
    """An agent of the next attempt knows nothing of it, and it is what training would go on from."""
    held = again().world().status.checkpoints
    assert held is not None
    assert held.latest is not None
    assert held.latest.state == "Uploaded"
    report = a_report(8, attempt=2, latest=a_checkpoint(8, state), resumed_epoch=7)
    coming = again().heard(report, 600)
    assert stanza(coming).checkpoints.latest == held.latest  # type: ignore[union-attr]
    there = coming.told().heard(msgspec.structs.replace(report, latest=a_checkpoint(8), uploaded=1), 610)
    assert stanza(there).checkpoints.latest.epoch == 8  # type: ignore[union-attr]
    assert events(there.world().status, stanza(there)) == ()


@pytest.mark.parametrize("stage", [Stage.PREPARING, Stage.FINALIZING, Stage.FINISHED])
def test_an_attempt_that_ends_before_its_first_epoch_takes_none_away(stage: Stage) -> None:
    heard = stanza(again().heard(a_report(0, attempt=2, stage=stage), 600))
    last = a_pod(uid="pod-2", attempt=2).ended(code=1, outcome=an_outcome(stage=stage, epoch=0, exit_code=1))
    ended = stanza(again().with_pod(last))
    for told in (heard, ended):
        assert told.progress is not None
        assert (told.progress.epoch, told.progress.progress_percentage) == (7, 70)


def test_an_attempt_that_begins_afresh_tells_its_own_epochs() -> None:
    fresh = stanza(again().heard(a_report(1, attempt=2), 600))
    assert fresh.progress is not None
    assert fresh.progress.epoch == 1


def test_what_trainers_used_adds_up_over_all_attempts_and_survives_a_restart() -> None:
    first = again().world().status
    assert (first.active_seconds, first.gpu_seconds) == (100, 100)
    heard = again().at(660).heard(a_report(8, attempt=2), 650)
    assert (stanza(heard).active_seconds, stanza(heard).gpu_seconds) == (150, 150)
    restarted = heard.told().having(heard=None)
    assert (stanza(restarted).active_seconds, stanza(restarted).gpu_seconds) == (150, 150)
    ended = a_pod(uid="pod-2", attempt=2).training(since=NOON + timedelta(seconds=600))
    last = {"exitCode": 1, "startedAt": "2026-11-23T12:10:00Z", "finishedAt": "2026-11-23T12:11:30Z"}
    failed = ended.container("trainer", "terminated", **last).container("agent", "terminated", exitCode=0).failed()
    done = stanza(restarted.at(700).with_pod(failed))
    assert (done.active_seconds, done.gpu_seconds, done.failures) == (190, 190, 2)


def test_of_several_nodes_the_longest_run_and_all_devices_count() -> None:
    spec = {"nodes": 2, "workspace": {"claimName": "c"}, "trainer": {"image": "x", "command": ["torchrun"]}}
    late = NOON + timedelta(seconds=90)
    both = a_world().spec(**spec).prepared().told()
    ended = both.with_pods(
        a_pod(uid="a", gpus=2).ended(at=late), a_pod(uid="b", gpus=2, index=1).ended(at=NOON + timedelta(seconds=60))
    ).at(100)
    after = stanza(ended)
    assert (after.active_seconds, after.gpu_seconds) == (90, 2 * 90 + 2 * 60)


def test_when_epoch_or_stage_moved_is_told_to_the_second_and_not_when_it_was_written() -> None:
    moved = talking(2, at=10).at(30).heard(a_report(3), 12.7)
    progress = stanza(moved).progress
    assert progress is not None
    assert progress.advanced_time == NOON + timedelta(seconds=12)
    later = stanza(moved.told().at(90).heard(a_report(3, failed=1), 80)).progress
    assert later is not None
    assert later.advanced_time == NOON + timedelta(seconds=12)


def test_nobody_knows_when_it_ends_while_nothing_trains() -> None:
    going = talking(3, at=10).at(20)
    failed = going.with_pod(a_pod().ended(code=1, at=NOON + timedelta(seconds=20)))
    for builder in (failed, failed.told(), failed.told().without_pod().at(1000)):
        progress = stanza(builder).progress
        assert progress is not None
        assert (progress.epoch, progress.estimated_remaining_seconds) == (3, None)
