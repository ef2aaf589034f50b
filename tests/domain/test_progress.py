"""Progress: rows of finished epochs, folded."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.domain.progress import (
    WINDOW,
    Best,
    EpochRow,
    Mark,
    Planned,
    Progress,
    direction,
    fitness,
    folded,
)


def row(epoch: int, seconds: float | None = None, **metrics: float | None) -> EpochRow:
    return EpochRow(epoch, metrics, seconds)


def trained(*rows: EpochRow, start: Progress = Progress(), every: float = 10.0) -> Progress:  # noqa: B008 - frozen
    """Rows that are seen one after the other."""
    for number, one in enumerate(rows, 1):
        start = start.after(one, 1000 + number * every)
    return start


def test_one_epoch_by_the_trainers_clock_is_enough_to_tell_the_speed() -> None:
    progress = trained(row(1, 7.0), start=Progress(planned=Planned(epochs=11)))
    assert (progress.seconds_per_epoch, progress.remaining_seconds) == (7.0, 70.0)


def test_without_the_trainers_clock_two_epochs_are_needed() -> None:
    start = Progress(planned=Planned(epochs=5))
    assert trained(row(1), start=start).remaining_seconds is None
    assert trained(row(1), row(2), start=start).remaining_seconds == 30.0


def test_only_the_newest_epochs_tell_the_speed() -> None:
    slow = [row(epoch, 100.0 * epoch) for epoch in range(1, 21)]
    fast = [row(20 + epoch, 2000.0 + epoch) for epoch in range(1, WINDOW + 2)]
    assert trained(*slow, *fast).seconds_per_epoch == 1.0


def test_right_after_a_resume_the_old_attempts_epochs_say_nothing_of_the_speed() -> None:
    start = Progress(5, Planned(epochs=10), begun=5)
    old = [row(epoch, 100.0 * epoch, loss=1.0 / epoch) for epoch in range(1, 6)]
    progress = trained(*old, start=start)
    assert (progress.epoch, progress.seconds_per_epoch, progress.remaining_seconds) == (5, None, None)
    assert progress.best["loss"] == Best(0.2, 5)
    progress = trained(row(6, 8.0), start=progress)
    assert (progress.seconds_per_epoch, progress.remaining_seconds) == (8.0, 32.0)
    assert progress.best["loss"] == Best(0.2, 5)


def test_a_resume_without_the_trainers_clock_needs_two_epochs_too() -> None:
    start = Progress(5, Planned(epochs=10), begun=5)
    assert trained(row(6), start=start).remaining_seconds is None
    assert trained(row(6), row(7), start=start).remaining_seconds == 30.0


def test_a_table_that_begins_again_begins_the_count_again() -> None:
    progress = trained(row(6, 8.0, loss=0.1), start=Progress(5, Planned(epochs=10), begun=5)).anew()
    assert progress == Progress(planned=Planned(epochs=10))


@pytest.mark.parametrize("rows", [[row(1, 5.0), row(2, 10.0), row(1, 3.0)], [row(1, 5.0), row(1, 3.0)]])
def test_training_that_starts_again_at_epoch_1_starts_its_speed_again(rows: list[EpochRow]) -> None:
    assert trained(*rows).seconds_per_epoch == 3.0


def test_a_clock_that_stands_still_tells_no_speed() -> None:
    progress = folded(Progress(planned=Planned(epochs=9)), [row(1), row(2), row(3)], 50.0)
    assert (progress.epoch, progress.seconds_per_epoch) == (3, None)


def test_a_trainers_clock_that_has_not_started_tells_no_speed() -> None:
    assert trained(row(1, 0.0)).seconds_per_epoch is None


def test_a_run_for_a_time_ends_when_the_time_is_over() -> None:
    start = Progress(planned=Planned(epochs=100, seconds=60.0))
    progress = trained(row(1, 5.0), row(2, 11.0), row(3, 15.0), start=start)
    assert (progress.remaining_seconds, progress.epochs) == (45.0, 12)
    assert trained(row(4, 70.0), start=progress).remaining_seconds == 0.0


def test_a_run_for_a_time_without_the_trainers_clock_is_timed_by_ours() -> None:
    start = Progress(planned=Planned(seconds=600.0))
    assert start.epochs is None
    assert trained(row(1), start=start).epochs is None
    progress = trained(*(row(epoch) for epoch in range(1, 31)), start=start)
    assert (progress.remaining_seconds, progress.epochs) == (300.0, 60)


def test_a_resumed_run_for_a_time_has_all_of_it_again() -> None:
    progress = trained(row(6, 10.0), start=Progress(5, Planned(seconds=100.0), begun=5))
    assert (progress.remaining_seconds, progress.epochs) == (90.0, 15)


def scored(*values: float) -> list[EpochRow]:
    rows = enumerate(values, 1)
    return [EpochRow(epoch, {"metrics/mAP50-95(B)": value}, 10.0 * epoch) for epoch, value in rows]


def test_a_run_that_gets_no_better_is_expected_to_stop_early() -> None:
    start = Progress(planned=Planned(epochs=100, patience=10))
    improving = trained(*scored(0.1, 0.2, 0.3), start=start)
    assert (improving.last_epoch, improving.remaining_seconds) == (100, 970.0)
    stale = trained(*scored(0.3, *[0.2] * 5), start=start)
    assert stale.last_epoch == 100
    stale = trained(*scored(0.3, *[0.2] * 6), start=start)
    assert (stale.last_epoch, stale.remaining_seconds) == (11, 40.0)


def test_a_run_that_can_do_nothing_yet_is_not_expected_to_stop() -> None:
    start = Progress(planned=Planned(epochs=100, patience=10))
    assert trained(*scored(*[0.0] * 30), start=start).last_epoch == 100


def test_after_a_resume_patience_begins_again() -> None:
    start = Progress(20, Planned(epochs=100, patience=10), begun=20, fittest=Best(0.9, 3))
    progress = start.after(EpochRow(21, {"metrics/mAP50-95(B)": 0.1}, 10.0), 0.0)
    assert progress.last_epoch == 100


@pytest.mark.parametrize("patience", [None, 0])
def test_without_patience_no_run_stops_early(patience: int | None) -> None:
    start = Progress(planned=Planned(epochs=100, patience=patience))
    assert trained(*scored(0.3, *[0.1] * 90), start=start).last_epoch == 100


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("metrics/mAP50-95(B)", 1),
        ("metrics/accuracy_top1", 1),
        ("metrics/mIoU", 1),
        ("metrics/delta1", 1),
        ("metrics/abs_rel", -1),
        ("metrics/rmse", -1),
        ("metrics/silog", -1),
        ("train/box_loss", -1),
        ("val/cls_loss", -1),
        ("train/loss", -1),
        ("lr/pg0", 0),
        ("model/parameters", 0),
        ("loss", -1),
        ("val_loss", -1),
        ("valLoss", -1),
        ("val_accuracy", 1),
        ("accuracy", 1),
        ("test/f1", 1),
        ("perplexity", -1),
        ("eval/WER", -1),
        ("word error", -1),
        ("temperature", 0),
        ("fitness", 1),
    ],
)
def test_the_direction_of_usual_names_is_known(name: str, sign: int) -> None:
    assert direction(name) == sign


def test_the_best_and_its_epoch_are_kept_and_an_equal_one_does_not_replace_it() -> None:
    progress = trained(row(1, loss=1.0), row(2, loss=0.5), row(3, loss=0.5), row(4, loss=None), row(5, loss=2.0))
    assert progress.best == {"loss": Best(0.5, 2)}
    assert [(m.name, m.value, m.best, m.best_epoch) for m in progress.mirrored()] == [("loss", 2.0, 0.5, 2)]


def test_scores_come_before_errors_and_the_trainers_clock_is_no_metric() -> None:
    metrics = {"time": 1.0, "lr/pg0": 0.1, "train/box_loss": 1.0, "metrics/mAP50(B)": 0.5}
    names = [metric.name for metric in trained(EpochRow(1, metrics, 1.0)).mirrored()]
    assert names == ["metrics/mAP50(B)", "train/box_loss", "lr/pg0"]


@pytest.mark.parametrize(
    ("metrics", "value"),
    [
        ({"metrics/mAP50-95(B)": 0.4, "metrics/mAP50-95(M)": 0.2, "metrics/mAP50(B)": 0.9}, 0.3),
        ({"metrics/accuracy_top1": 0.5, "metrics/accuracy_top5": 1.0}, 0.75),
        ({"metrics/mIoU": 0.7}, 0.7),
        ({"metrics/mAP50-95(B)": None}, None),
        ({"fitness": 0.1, "metrics/mAP50-95(B)": 0.4}, 0.1),
        ({"loss": 3.0}, None),
    ],
)
def test_fitness_is_what_the_task_is_judged_by(metrics: dict[str, float | None], value: float | None) -> None:
    assert fitness(metrics) == (None if value is None else pytest.approx(value))


ROWS = st.lists(
    st.builds(
        EpochRow,
        st.integers(1, 30),
        st.dictionaries(st.sampled_from(["loss", "metrics/a", "x"]), st.none() | st.floats(-1e6, 1e6), max_size=3),
        st.none() | st.just(0.0) | st.floats(1e-3, 1e6),
    ),
    max_size=30,
)


@given(
    ROWS,
    st.integers(0, 10),
    st.builds(Planned, st.none() | st.integers(0, 40), st.none() | st.floats(1, 1e5), st.none() | st.integers(0, 20)),
)
def test_whatever_comes_the_numbers_make_sense(rows: list[EpochRow], begun: int, planned: Planned) -> None:
    progress = Progress(begun, planned, begun)
    for number, one in enumerate(rows):
        progress = progress.after(one, float(number))
        assert progress.epoch == one.epoch
        assert len(progress.marks) <= WINDOW + 1
        speed, remaining = progress.seconds_per_epoch, progress.remaining_seconds
        assert speed is None or (speed > 0 and math.isfinite(speed))
        assert remaining is None or (remaining >= 0 and math.isfinite(remaining))
        assert all(best.epoch in {seen.epoch for seen in rows} for best in progress.best.values())
        assert all(isinstance(mark, Mark) for mark in progress.marks)
