"""Curves: what stands together, and that every point lies inside its picture."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.hub.web.charts import BOTTOM, HEIGHT, LEFT, MOST_POINTS, RIGHT, TOP, WIDTH, charts, ladder, place

NUMBERS = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(1 << 70), 1 << 70)
SERIES = st.dictionaries(
    st.sampled_from(["train/box_loss", "val/box_loss", "metrics/mAP50(B)", "lr/pg0", "lr/pg1", "model/GFLOPs", "x"]),
    st.dictionaries(st.integers(1, 1 << 40), NUMBERS, max_size=20),
)


@given(SERIES)
def test_whatever_the_numbers_every_point_lies_inside(series: dict[str, dict[int, float | None]]) -> None:
    for chart in charts(series):
        for line in chart.lines:
            points = re.findall(r"(-?[\d.]+) (-?[\d.]+)", line.path)
            assert points
            for x, y in points:
                assert LEFT - 0.1 <= float(x) <= WIDTH - RIGHT + 0.1
                assert TOP - 0.1 <= float(y) <= HEIGHT - BOTTOM + 0.1


@given(st.floats(-1e90, 1e90), st.floats(-1e90, 1e90))
def test_a_ladder_reaches_around_what_it_measures_in_few_steps(one: float, other: float) -> None:
    low, high = sorted((one, other))
    rungs = ladder(low, high)
    assert 2 <= len(rungs) <= 8
    slack = abs(rungs[1] - rungs[0]) * 1e-6
    assert rungs[0] <= low + slack
    assert rungs[-1] >= high - slack


@pytest.mark.parametrize(
    ("name", "title", "line"),
    [
        ("train/box_loss", "box_loss", "train"),
        ("val/box_loss", "box_loss", "val"),
        ("metrics/mAP50-95(M)", "metrics/mAP50-95", "mask"),
        ("metrics/accuracy_top1", "metrics/accuracy_top1", ""),
        ("lr/pg2", "learning rate", "pg2"),
        ("other", "other", ""),
    ],
)
def test_what_is_compared_stands_together(name: str, title: str, line: str) -> None:
    assert place(name) == (title, line)


def test_scores_come_first_then_losses_then_rates() -> None:
    names = ["lr/pg0", "val/box_loss", "metrics/mAP50(B)", "extra"]
    titles = [chart.title for chart in charts({name: {1: 0.5} for name in names})]
    assert titles == ["metrics/mAP50", "box_loss", "learning rate", "extra"]


def test_a_long_training_is_thinned_and_keeps_its_newest_point() -> None:
    (chart,) = charts({"x": {epoch: float(epoch) for epoch in range(1, 5001)}})
    assert chart.lines[0].path.count("L") <= MOST_POINTS + 1
    assert chart.lines[0].last == 5000


def test_nothing_to_show_is_no_chart() -> None:
    assert charts({}) == []
    assert charts({"a": {}, "b": {1: None}, "model/parameters": {1: 3e6}}) == []
