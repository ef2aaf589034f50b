"""An agent's words as status: numbers as strings, only what was asked for, and never more than a status can hold."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import pytest
from builders.pod import NOON, a_pod
from builders.world import WorldBuilder, a_checkpoint, a_report, a_world, an_outcome
from hypothesis import given
from hypothesis import strategies as st
from support import crd

from hubtraining.controller.rules.decide import decide
from hubtraining.controller.rules.status import status, written
from hubtraining.controller.rules.telling import (
    MOST_METRICS,
    checkpoints,
    gpu_seconds,
    hub,
    metrics,
    number,
    percentage,
    progress,
)
from hubtraining.domain.report import (
    LONGEST_NAME,
    MOST,
    Checkpoint,
    CheckpointState,
    HubState,
    Metric,
    Outcome,
    Report,
    Stage,
)
from hubtraining.domain.status import SessionStatus


def running() -> WorldBuilder:
    return a_world().begun().with_pod(a_pod().training()).told()


def over(**outcome: Any) -> WorldBuilder:
    return running().with_pod(a_pod().ended(outcome=an_outcome(**outcome)))


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0.0, "0"), (1.0, "1"), (0.123456789, "0.123457"), (1e-9, "1e-09"), (123456789.0, "1.23457e+08")],
)
def test_numbers_are_written_short(value: float | None, text: str) -> None:
    assert number(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_can_be_read_back(value: float) -> None:
    assert math.isclose(float(number(value)), value, rel_tol=1e-5)


@pytest.mark.parametrize(
    ("epoch", "epochs", "whole"), [(0, 10, 0), (1, 3, 33), (2, 3, 66), (3, 3, 100), (5, 3, 100), (5, None, None)]
)
def test_a_hundred_per_cent_means_every_planned_epoch(epoch: int, epochs: int | None, whole: int | None) -> None:
    assert percentage(epoch, epochs) == whole


def test_progress_is_as_the_agent_says() -> None:
    told = progress(running().heard(a_report(4)).world())
    assert told is not None
    assert (told.stage, told.epoch, told.epochs, told.progress_percentage) == ("Training", 4, 10, 40)
    assert (told.estimated_remaining_seconds, told.seconds_per_epoch) == (58, 6)


def test_progress_stays_while_nobody_speaks() -> None:
    assert progress(running().world()) is None
    silent = running().heard(a_report(4)).told().having(heard=None)
    assert progress(silent.world()) == silent.world().status.progress


def test_planned_epochs_are_not_forgotten_by_an_agent_that_does_not_know_them() -> None:
    told = progress(running().heard(a_report(4)).told().heard(a_report(5, epochs=None)).world())
    assert told is not None
    assert (told.epoch, told.epochs) == (5, 10)


def test_at_the_end_nothing_remains_and_the_pace_is_kept() -> None:
    ended = running().heard(a_report(9)).told().with_pod(a_pod().ended(outcome=an_outcome()))
    told = progress(ended.world())
    assert told is not None
    assert (told.stage, told.epoch, told.estimated_remaining_seconds, told.seconds_per_epoch) == (
        "Finished",
        10,
        None,
        6,
    )


def test_metrics_are_the_newest_with_their_best() -> None:
    (score, loss) = metrics(running().heard(a_report()).world())
    assert (score.name, score.value, score.best, score.best_epoch) == ("metrics/mAP50-95(B)", "0.25", "0.5", 3)
    assert (loss.value, loss.best, loss.best_epoch) == ("1.23457", "", None)


def test_only_metrics_that_were_asked_for_are_mirrored() -> None:
    asked = running().spec(progress={"metrics": ["train/box_loss"]}).heard(a_report())
    assert [metric.name for metric in metrics(asked.world())] == ["train/box_loss"]


def test_so_many_metrics_are_mirrored_and_no_more() -> None:
    many = tuple(Metric(f"metric-{index}", 1.0) for index in range(100))
    assert len(metrics(running().heard(a_report(metrics=many)).world())) == MOST_METRICS


def test_an_outcomes_few_metrics_leave_the_others_as_they_were_told() -> None:
    last = (Metric("metrics/mAP50-95(B)", 0.75, 0.75, 10),)
    ended = running().heard(a_report(9)).told().with_pod(a_pod().ended(outcome=an_outcome(metrics=last)))
    assert {metric.name: metric.value for metric in metrics(ended.world())} == {
        "metrics/mAP50-95(B)": "0.75",
        "train/box_loss": "1.23457",
    }


def test_a_metric_that_is_named_twice_is_mirrored_once() -> None:
    twice = (Metric("loss", 1.0), Metric("loss", 2.0))
    assert [metric.name for metric in metrics(over(metrics=twice).world())] == ["loss"]


def test_checkpoints_are_those_of_the_attempt_that_saved_them() -> None:
    told = checkpoints(running().heard(a_report(3, latest=a_checkpoint(3), uploaded=1)).world())
    assert told is not None
    assert told.latest is not None
    assert (told.latest.epoch, told.latest.state, told.latest.attempt, told.latest.fitness) == (3, "Uploaded", 1, "0.5")
    assert (told.best, told.final, told.uploaded, told.failed) == (None, None, 1, 0)


def test_before_the_first_checkpoint_there_is_no_stanza() -> None:
    assert checkpoints(running().heard(a_report()).world()) is None


def test_a_checkpoint_that_the_agent_does_not_mention_again_stays() -> None:
    once = running().heard(a_report(3, best=a_checkpoint(2), latest=a_checkpoint(3), uploaded=2)).told()
    told = checkpoints(once.heard(a_report(4)).world())
    assert told is not None
    assert told.best is not None
    assert (told.best.epoch, told.uploaded) == (2, 2)


def test_how_agent_and_hub_get_on() -> None:
    state = HubState("agent-1", NOON + timedelta(microseconds=5), consecutive_failures=2, buffered_updates=7)
    told = hub(running().heard(a_report(hub=state)).world())
    assert told is not None
    assert (told.agent_id, told.last_heartbeat_time) == ("agent-1", NOON)
    assert (told.consecutive_failures, told.buffered_updates) == (2, 7)


def test_an_outcome_says_what_the_hub_did_not_get() -> None:
    ended = running().heard(a_report()).told().with_pod(a_pod().ended(outcome=an_outcome(buffered_updates=3)))
    told = hub(ended.world())
    assert told is not None
    assert (told.agent_id, told.buffered_updates) == ("agent-1", 3)


def test_gpu_seconds_count_devices_while_the_trainer_runs() -> None:
    pod = a_pod(gpus=4).training(since=NOON)
    assert gpu_seconds(running().with_pod(pod).heard(a_report(), at=90).world()) == 360
    assert gpu_seconds(running().with_pod(a_pod(gpus=2).ended(at=NOON + timedelta(seconds=100))).world()) == 200
    without = a_world().begun().with_pod(a_pod(gpus=0).training())
    assert gpu_seconds(without.having(status=SessionStatus()).heard(a_report(), at=90).world()) is None


WHOLE = st.integers(0, MOST) | st.just(MOST)
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - naive limits
FLOATS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(max_size=3) | st.just("x" * LONGEST_NAME)
METRIC = st.builds(Metric, NAMES, FLOATS, FLOATS, st.none() | WHOLE)
METRICS = st.lists(METRIC, max_size=5, unique_by=lambda metric: metric.name).map(tuple)
CHECKPOINTS = st.none() | st.builds(
    Checkpoint, WHOLE, WHOLE, st.text(max_size=64), st.sampled_from(CheckpointState), TIMES, FLOATS
)
COMMON: dict[str, Any] = {
    "stage": st.sampled_from(Stage),
    "epoch": WHOLE,
    "epochs": st.none() | WHOLE,
    "exit_code": st.none() | WHOLE,
    "latest": CHECKPOINTS,
    "best": CHECKPOINTS,
    "final": CHECKPOINTS,
    "uploaded": WHOLE,
    "failed": WHOLE,
    "metrics": METRICS,
    "resumed_epoch": st.none() | WHOLE,
}
HUBS = st.builds(HubState, st.none() | st.text() | st.just("x" * 5000), st.none() | TIMES, WHOLE, WHOLE, NAMES)
REPORTS = st.builds(
    Report,
    session_uid=st.just("session-1"),
    attempt=st.just(1),
    sequence=WHOLE,
    time=TIMES,
    seconds_per_epoch=FLOATS,
    estimated_remaining_seconds=FLOATS,
    hub=HUBS,
    **COMMON,
)
OUTCOMES = st.builds(Outcome, buffered_updates=WHOLE, message=NAMES, **COMMON)
STATUS = crd.schema()["properties"]["status"]
Word = TypeVar("Word", Report, Outcome)


def taken(word: Word) -> Word | None:
    """What is left of an agent's word at our door."""
    try:
        return msgspec.json.decode(msgspec.json.encode(word), type=type(word))
    except msgspec.ValidationError:
        return None


@given(REPORTS, OUTCOMES)
def test_whatever_an_agent_says_the_status_can_be_written(report: Report, outcome: Outcome) -> None:
    """An agent may be anybody's: what it says must not keep the rest of the status from being told."""
    heard, builder = taken(report), running().having(outcome=taken(outcome))
    world = (builder if heard is None else builder.heard(heard)).world()
    stanza = written(status(world, decide(world)))
    assert list(crd.faults(STATUS, stanza)) == []


@pytest.mark.parametrize(
    ("word", "place"),
    [
        (a_report(epochs=MOST + 1), "$.epochs"),
        (a_report(epoch=-1), "$.epoch"),
        (a_report(epoch=10**400), "$.epoch"),
        (a_report(metrics=(Metric("x" * (LONGEST_NAME + 1), 1.0),)), "$.metrics[0].name"),
        (a_report(latest=a_checkpoint(sha256="0" * 65)), "$.latest.sha256"),
        (Outcome(Stage.FINISHED, MOST + 1), "$.epoch"),
    ],
)
def test_what_no_status_can_hold_is_not_let_in(word: Report | Outcome, place: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(place)):
        msgspec.json.decode(msgspec.json.encode(word), type=type(word))


def test_our_own_words_pass_our_own_door() -> None:
    for word in (a_report(3, latest=a_checkpoint(3)), Outcome(Stage.FINISHED, 10, 10, 0, a_checkpoint(9))):
        assert taken(word) == word
