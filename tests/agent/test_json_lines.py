"""Lines of metrics.jsonl."""

import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.agent.json_lines import JsonLines
from hubtraining.domain.progress import EpochRow

NUMBERS = st.none() | st.floats() | st.integers(-(10**30), 10**30)
NAMES = st.text(max_size=8).filter(lambda name: name not in ("epoch", "epochs", "time"))


def read(*parts: bytes) -> list[EpochRow]:
    reading = JsonLines()
    return [row for part in parts for row in reading.feed(part)]


@given(st.lists(st.tuples(st.integers(1, 10**9), st.dictionaries(NAMES, NUMBERS, max_size=4)), max_size=4))
def test_what_pythons_json_writes_is_read(lines: list[tuple[int, dict[str, float | None]]]) -> None:
    text = "".join(json.dumps({"epoch": epoch, **values}) + "\n" for epoch, values in lines)
    expected = [EpochRow(epoch, {name: finite(value) for name, value in values.items()}) for epoch, values in lines]
    assert read(text.encode()) == expected


def finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_give_rows_or_none(content: bytes) -> None:
    for row in read(content, b"\n"):
        assert row.epoch >= 1


def test_a_name_that_no_hub_can_be_told_is_left_out_and_the_rest_of_its_line_is_not() -> None:
    line = b'{"epoch": 1, "half \\ud83d": 1, "loss": 2}\n'
    (row,) = read(line)
    assert row == EpochRow(1, {"loss": 2.0})


@given(st.lists(st.integers(0, 100), max_size=10))
def test_it_does_not_matter_in_which_pieces_lines_come(cuts: list[int]) -> None:
    content = b'{"epoch": 1, "loss": 2}\n\n{"epoch": 2, "loss": 1e-3, "time": 9}\nnonsense\n{"epoch": 3}\n'
    edges = sorted({0, len(content), *(cut % len(content) for cut in cuts)})
    parts = [content[start:end] for start, end in itertools.pairwise(edges)]
    assert read(*parts) == [EpochRow(1, {"loss": 2.0}), EpochRow(2, {"loss": 1e-3, "time": 9.0}, 9.0), EpochRow(3, {})]


def test_planned_epochs_are_no_metric_and_the_newest_count() -> None:
    reading = JsonLines()
    assert reading.feed(b'{"epoch": 1, "epochs": 9, "loss": 1}\n{"epoch": 2}\n') == [
        EpochRow(1, {"loss": 1.0}),
        EpochRow(2, {}),
    ]
    assert reading.epochs == 9


@pytest.mark.parametrize(
    "line", [{"loss": 1}, {"epoch": 0}, {"epoch": 1.5}, {"epoch": True}, {"epoch": "1"}, {"epoch": 1e300}, [1], 7, None]
)
def test_a_line_without_an_epoch_is_counted_and_left_out(line: Any) -> None:
    reading = JsonLines()
    assert reading.feed(json.dumps(line).encode() + b"\n") == []
    assert reading.skipped == 1


def test_what_is_no_number_is_no_metric() -> None:
    assert read(b'{"epoch": 1, "name": "x", "ok": true, "list": [1], "loss": NaN}\n') == [EpochRow(1, {"loss": None})]


def test_lines_that_are_nested_too_deeply_are_left_out() -> None:
    assert read(b"[" * 60_000 + b'\n{"epoch": 1}\n') == [EpochRow(1, {})]
