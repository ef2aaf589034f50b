"""A session in words."""

from typing import Any

import msgspec
import pytest
from builders.story import NOON, PHASES, RETRY, a_seen_body, at, training_status

from hubtraining.domain.status import CheckpointStatus, HubStatus, MetricStatus, ProgressStatus
from hubtraining.people import summary, view
from hubtraining.people.view import SessionView


def seen(status: dict[str, Any]) -> SessionView:
    return view.session(a_seen_body(status))


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (ProgressStatus(), ""),
        (ProgressStatus(epoch=0, epochs=3), "epoch 0/3"),
        (ProgressStatus(epoch=2), "epoch 2"),
    ],
)
def test_the_epoch(progress: ProgressStatus, text: str) -> None:
    assert summary.epoch(progress) == text


@pytest.mark.parametrize(
    ("later", "text"), [(0, "ETA 1 min 40 s"), (40, "ETA 1 min"), (1000, "ETA 0 s"), (-30, "ETA 1 min 40 s")]
)
def test_the_remaining_time_counts_down_from_when_it_was_told(later: int, text: str) -> None:
    told = msgspec.convert({"estimatedRemainingSeconds": 100, "lastUpdatedTime": at(-later)}, ProgressStatus)
    assert summary.eta(told, NOON) == text


def test_nobody_knows_the_remaining_time_at_first() -> None:
    assert summary.eta(ProgressStatus(), NOON) == ""


def test_scores_come_before_losses_and_losses_before_the_rest() -> None:
    names = ("lr/pg0", "train/box_loss", "metrics/mAP50(B)", "val/box_loss")
    told = summary.ordered(tuple(MetricStatus(name) for name in names))
    assert [metric.name for metric in told] == ["metrics/mAP50(B)", "train/box_loss", "val/box_loss", "lr/pg0"]


@pytest.mark.parametrize(
    ("text", "shown"), [("0.319089", "0.3191"), ("1.6", "1.6"), ("0.00083", "0.00083"), ("", ""), ("?", "?")]
)
def test_numbers_have_four_digits(text: str, shown: str) -> None:
    assert summary.number(text) == shown


def test_a_checkpoint() -> None:
    known = msgspec.convert(
        {"epoch": 9, "sizeBytes": 6_188_579, "fitness": "0.418", "state": "Uploaded", "time": at(-65)}, CheckpointStatus
    )
    assert summary.checkpoint(known, NOON) == "epoch 9, 6.2 MB, fitness 0.418, uploaded 1 min ago"
    assert summary.checkpoint(CheckpointStatus(epoch=1, state="Pending"), NOON) == "epoch 1, pending"


def test_the_hub() -> None:
    known = msgspec.convert({"lastHeartbeatTime": at(-5), "consecutiveFailures": 4, "bufferedUpdates": 7}, HubStatus)
    assert summary.hub(known, NOON) == "heartbeat 5 s ago, 4 failures in a row, 7 updates wait"
    assert summary.hub(HubStatus(), NOON) == ""


def test_the_attempt_and_what_came_before() -> None:
    assert summary.attempt(seen({})) == ""
    assert summary.attempt(seen(training_status())) == "attempt 2 on gpu-7, 1 failure"
    more = training_status(failures=2, preemptions=1, attempts=[])
    assert summary.attempt(seen(more)) == "attempt 2, 2 failures, 1 preemption"


@pytest.mark.parametrize(
    ("phase", "text"),
    [
        ("", "No controller has looked at it yet."),
        ("Pending", ""),  # told as trouble
        ("Queued", "The pod waits in queue team-a."),
        ("Preparing", "Weights and data are being fetched."),
        ("Training", ""),
        ("Suspended", "It is so."),
        ("Retrying", ""),
        ("Succeeded", "The trainer succeeded; the final checkpoint is in the hub."),
        ("Failed", ""),
    ],
)
def test_what_a_session_waits_for(phase: str, text: str) -> None:
    assert summary.present(seen(PHASES[phase])) == text


def test_the_end_has_its_reason() -> None:
    assert summary.end(seen(PHASES["Training"])) == ""
    assert summary.end(seen(PHASES["Failed"])).startswith("TrainerFailed: The trainer ended")


def test_a_condition_in_one_line() -> None:
    (trouble,) = (each for each in seen(PHASES["Retrying"]).status.conditions if each.type == "Training")
    assert summary.condition(trouble) == f"Training is False (RetryScheduled): {RETRY}"
    assert summary.condition(msgspec.structs.replace(trouble, message="")) == "Training is False (RetryScheduled)"
