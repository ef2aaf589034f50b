"""The agent's state, and who waits for it."""

import asyncio
from datetime import UTC, datetime

import pytest

from hubtraining.agent.state import MAX_METRICS, Board, RunState, outcome, report
from hubtraining.domain.layout import Assignment, HubAccess
from hubtraining.domain.progress import Mark, Planned, Progress
from hubtraining.domain.report import Stage

ASSIGNMENT = Assignment("team", "signs", "uid", 4, HubAccess("http://hub", "m"), "")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNNING = Progress(5, Planned(epochs=9), marks=(Mark(4, 0.0), Mark(5, 10.0)), metrics={"loss": 1.0})


async def test_whoever_waits_is_woken_by_a_change_and_by_nothing_else() -> None:
    board = Board(RunState())
    waiting = asyncio.create_task(board.change_from(board.state))
    await asyncio.sleep(0)
    board.update(uploaded=0)
    await asyncio.sleep(0)
    assert not waiting.done()
    board.update(uploaded=1)
    assert (await waiting).uploaded == 1


async def test_a_change_that_came_before_is_not_waited_for() -> None:
    board = Board(RunState())
    before = board.state
    board.update_hub(agent_id="a")
    assert (await board.change_from(before)).hub.agent_id == "a"


def test_a_report_says_who_speaks_and_what_was_reached() -> None:
    said = report(ASSIGNMENT, RunState(Stage.TRAINING, RUNNING, resumed_epoch=4), 7, NOW)
    assert (said.session_uid, said.attempt, said.sequence, said.resumed_epoch) == ("uid", 4, 7, 4)
    assert (said.epoch, said.epochs, said.seconds_per_epoch, said.estimated_remaining_seconds) == (5, 9, 10.0, 40.0)


@pytest.mark.parametrize("code", [0, 1])
def test_when_the_trainer_has_ended_nothing_remains_to_train(code: int) -> None:
    state = RunState(Stage.FINALIZING, RUNNING, exit_code=code)
    assert report(ASSIGNMENT, state, 1, NOW).estimated_remaining_seconds == 0.0


def test_a_report_carries_a_bounded_number_of_metrics() -> None:
    many = Progress(1, metrics={f"m{number}": 1.0 for number in range(100)})
    assert len(report(ASSIGNMENT, RunState(progress=many), 1, NOW).metrics) == MAX_METRICS


def test_an_outcome_says_what_went_wrong_for_good_rather_than_last() -> None:
    state = RunState(Stage.FINISHED, RUNNING, exit_code=0, resumed_epoch=4)
    board = Board(state)
    board.update_hub(message="the hub is away", buffered_updates=3)
    assert (outcome(board.state).message, outcome(board.state).buffered_updates) == ("the hub is away", 3)
    board.update(message="no final model")
    assert (outcome(board.state).message, outcome(board.state).resumed_epoch) == ("no final model", 4)
