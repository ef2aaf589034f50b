"""What is remembered of metrics, and the line that shows it."""

import pytest
from builders.story import a_metric, a_seen_body, training_status
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.people.history import BLOCKS, History, Point, spark
from hubtraining.people.view import session

SCORE = "metrics/mAP50-95(B)"


def after(*statuses: dict[str, object]) -> History:
    history = History()
    for status in statuses:
        history = history.after(session(a_seen_body(status)).status)
    return history


def status(
    epoch: int, value: float | str, best: float | None = None, best_epoch: int | None = None
) -> dict[str, object]:
    metric = {"name": SCORE, "value": str(value)}
    more = {} if best is None else {"best": str(best), "bestEpoch": best_epoch}
    return training_status(epoch, metrics=[{**metric, **more}])


def points(history: History) -> list[tuple[int, float]]:
    return [(point.epoch, point.value) for point in history.points.get(SCORE, ())]


def test_each_epoch_that_was_seen_is_a_point() -> None:
    assert points(after(status(1, 0.1), status(2, 0.2), status(2, 0.2), status(5, 0.5))) == [
        (1, 0.1),
        (2, 0.2),
        (5, 0.5),
    ]


def test_the_best_epoch_is_a_point_though_it_was_not_seen() -> None:
    assert points(after(status(9, 0.4, 0.6, 7))) == [(7, 0.6), (9, 0.4)]


def test_what_is_trained_again_is_forgotten() -> None:
    assert points(after(status(1, 0.1), status(8, 0.8), status(3, 0.3))) == [(1, 0.1), (3, 0.3)]


@pytest.mark.parametrize("value", ["", "much"])
def test_what_is_no_number_is_no_point(value: str) -> None:
    assert points(after(status(1, value))) == []


def test_before_the_first_epoch_there_is_nothing() -> None:
    assert after(training_status(0)).points == {}


def test_a_line_needs_two_points() -> None:
    one, two = after(training_status(1)), after(training_status(1), training_status(2))
    assert one.line(SCORE, 9) == ""
    assert two.line(SCORE, 9) == "▁█"
    assert two.line("metrics/unknown", 9) == ""


def test_values_that_do_not_move_are_a_flat_line() -> None:
    assert spark([2.0] * 3, 9) == "▄▄▄"


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.integers(1, 40))
def test_a_line_fits_and_shows_the_newest_last(values: list[float], width: int) -> None:
    line = spark(values, width)
    assert len(line) == min(width, len(values))
    assert set(line) <= set(BLOCKS)
    if values[-1] == max(values) > min(values) and width >= len(values):
        assert line[-1] == BLOCKS[-1]


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), max_size=30))
def test_points_are_in_order_and_end_with_the_newest(seen: list[tuple[int, float]]) -> None:
    history = after(*(status(epoch, value) for epoch, value in seen))
    known = history.points.get(SCORE, ())
    assert list(known) == sorted(known)
    assert not seen or known[-1] == Point(*seen[-1])


def test_a_metric_that_comes_later_begins_its_own_line() -> None:
    more = training_status(2, metrics=[a_metric(SCORE, 0.2, 2), a_metric("val/box_loss", 1.0, 2)])
    history = after(training_status(1, metrics=[a_metric(SCORE, 0.1, 1)]), more)
    assert {name: len(each) for name, each in history.points.items()} == {SCORE: 2, "val/box_loss": 1}
