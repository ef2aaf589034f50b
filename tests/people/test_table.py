"""A watched session as a table, recorded as text."""

import io
from typing import Any

import pytest
from builders.story import NOON, PHASES, RETRY, UNSCHEDULABLE, a_metric, a_story, an_event, training_status
from rich.console import Console

from hubtraining.people.following import Lost
from hubtraining.people.story import SESSION, Story
from hubtraining.people.table import LiveTable, table


def drawn(story: Story, width: int = 110) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table(story, NOON))
    return console.export_text()


def words(story: Story, width: int = 200) -> str:
    """Without frame and layout."""
    return " ".join(drawn(story, width).replace("│", " ").split())


@pytest.mark.parametrize("phase", PHASES)
def test_every_phase_has_its_word(phase: str) -> None:
    assert (phase or "Pending") in words(a_story(PHASES[phase]))


def test_training_shows_all_that_is_known() -> None:
    shown = words(a_story(*(training_status(epoch) for epoch in range(1, 13))))
    for part in (
        "signs team-a",
        "Training · attempt 2 on gpu-7, 1 failure · for 1 h",
        "30 % epoch 12/40 1 min 35 s each ETA 44 min 20 s (",
        "mAP50-95(B) 0.3191 0.3191 12 ▁▂▃▄▅▅▆▆▇███",
        "train/box_loss 1.6 1.6 12 ██▇▆▆▅▄▃▃▂▁▁",
        "model yolo11n.pt",
        "in the hub https://hub.example/models/modelmodelmodelmodel",
        "data signs",
        "latest checkpoint epoch 12, 6.2 MB, uploaded 1 min ago",
        "best checkpoint epoch 11, 6.2 MB, fitness 0.418, uploaded 3 min ago",
        "uploads 3 done",
        "hub heartbeat 12 s ago",
    ):
        assert part in shown


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        ("", "No controller has looked at it yet."),
        ("Pending", f"! Scheduled is False (Unschedulable): {UNSCHEDULABLE}"),
        ("Queued", "The pod waits in queue team-a."),
        ("Retrying", f"! Training is False (RetryScheduled): {RETRY}"),
        ("Failed", "! Succeeded is False (TrainerFailed): The trainer ended with exit code 1"),
        ("Succeeded", "The trainer succeeded; the final checkpoint is in the hub."),
        ("Succeeded", "final checkpoint epoch 40"),
    ],
)
def test_what_a_person_should_know_is_said(phase: str, told: str) -> None:
    assert told in words(a_story(PHASES[phase]))


@pytest.mark.parametrize("phase", ["Finalizing", "Suspended", "Retrying", "Succeeded", "Failed"])
def test_only_what_trains_has_a_remaining_time(phase: str) -> None:
    assert "ETA" not in words(a_story(PHASES[phase]))


def test_the_newest_events_come_first_and_only_a_few() -> None:
    events = tuple(an_event(f"Event{number}", "Something.", number - 60) for number in range(9))
    shown = words(a_story(training_status(), events=events))
    assert "52 s ago Event8 Something. 53 s ago Event7" in shown
    assert "Event2" not in shown


def test_many_metrics_are_cut_and_counted() -> None:
    metrics = [a_metric(f"metrics/m{number}", 0.5, 3) for number in range(14)]
    assert "and 4 more" in words(a_story(training_status(metrics=metrics)))


def test_without_an_end_there_is_no_bar_but_the_epoch() -> None:
    progress = {"stage": "Training", "epoch": 7}
    shown = words(a_story(training_status(progress=progress)))
    assert "· epoch 7" in shown
    assert "%" not in shown


def test_markup_in_foreign_words_is_shown_as_it_is() -> None:
    events = (an_event("Odd[b]", "[red]not red[/red] [/]"),)
    shown = words(a_story(training_status(phase="[bold]", metrics=[a_metric("[x]", 1, 1)]), events=events))
    assert "[red]not red[/red] [/]" in shown
    assert "[bold]" in shown
    assert "[x] 1 1 1" in shown
    assert "Odd[b]" in shown


@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_fits_its_terminal(width: int) -> None:
    assert max(map(len, drawn(a_story(*PHASES.values()), width).splitlines())) <= width


def test_silence_of_the_api_server_is_shown() -> None:
    assert "no answer" in words(Story().after(Lost(SESSION, "no answer")))
    assert "! This may be old: no answer" in words(a_story(training_status()).after(Lost(SESSION, "no answer")))


def test_the_live_table_keeps_what_it_showed_last(tmp_path: Any) -> None:
    with (tmp_path / "screen").open("w") as file:
        console = Console(file=file, force_terminal=True, width=100)
        with LiveTable(lambda: NOON, console) as screen:
            screen.show(a_story(training_status()))
            screen.show(a_story(PHASES["Succeeded"]))
    assert "Succeeded" in (tmp_path / "screen").read_text()
