"""A watched session as lines."""

import re

import pytest
from builders.story import NOON, PHASES, RETRY, UNSCHEDULABLE, a_story, an_event, training_status

from hubtraining.people.following import Lost, Synced
from hubtraining.people.plain import Lines, lines
from hubtraining.people.story import SESSION, Story

STARTED = an_event("TrainingStarted", "Attempt 2: The trainer runs.")


def new(before: Story, after: Story) -> list[str]:
    return list(lines(before, after, NOON))


def test_the_first_look_tells_everything() -> None:
    metrics = "precision(B) 0.35, mAP50-95(B) 0.3191, train/box_loss 1.6, train/cls_loss 1.95, val/box_loss 1.8"
    assert new(Story(), a_story(training_status(), events=(STARTED,))) == [
        "session team-a/signs, model yolo11n.pt",
        "phase Training",
        "model https://hub.example/models/modelmodelmodelmodel",
        "attempt 2 on gpu-7, 1 failure",
        f"epoch 12/40, ETA 44 min 20 s, {metrics}, lr/pg0 0.00083",
        "event TrainingStarted: Attempt 2: The trainer runs.",
    ]


def test_the_same_again_tells_nothing() -> None:
    story = a_story(training_status(), events=(STARTED,))
    assert new(story, story) == []


def test_an_epoch_is_one_line() -> None:
    (line,) = new(a_story(training_status(12)), a_story(training_status(13)))
    assert line.startswith("epoch 13/40, ETA 42 min 45 s, ")


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        ("", ["phase Pending", "No controller has looked at it yet."]),
        ("Pending", ["phase Pending", f"attention: Scheduled is False (Unschedulable): {UNSCHEDULABLE}"]),
        ("Queued", ["phase Queued", "The pod waits in queue team-a."]),
        ("Preparing", ["phase Preparing", "Weights and data are being fetched.", "attempt 1"]),
    ],
)
def test_a_session_that_does_not_train_says_why(phase: str, told: list[str]) -> None:
    assert new(Story(), a_story(PHASES[phase]))[1:] == told


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        ("Suspended", ["phase Suspended", "It is so."]),
        ("Retrying", ["phase Retrying", f"attention: Training is False (RetryScheduled): {RETRY}"]),
        ("Failed", ["phase Failed", "TrainerFailed: The trainer ended with exit code 1: CUDA out of memory."]),
    ],
)
def test_a_change_of_phase_says_why(phase: str, told: list[str]) -> None:
    seen = [line for line in new(a_story(training_status()), a_story(PHASES[phase])) if not line.startswith("epoch")]
    assert seen == told


def test_a_silent_api_server_is_told_once_and_so_is_its_return() -> None:
    story = a_story(training_status())
    lost = story.after(Lost(SESSION, "no answer"))
    assert new(story, lost) == ["waiting: no answer"]
    assert new(lost, lost.after(Lost(SESSION, "no answer"))) == []
    assert new(lost, lost.after(Synced(SESSION))) == ["the API server answers again"]


def test_events_of_an_older_session_of_the_same_name_are_left_out() -> None:
    other = an_event("Failed", "Long ago.", about="another-uid")
    assert not any("Long ago" in line for line in new(Story(), a_story(training_status(), events=(other,))))


def test_each_line_has_a_time_and_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Lines(lambda: NOON)
    for _ in range(2):
        screen.show(a_story(training_status()))
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in printed)
