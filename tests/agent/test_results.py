"""Lines of results.csv."""

import itertools
import math

import pytest
from builders.run_folders import RUNS, columns, table
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.agent.results import MAX_LINE, Table
from hubtraining.domain.progress import EpochRow

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def pieces(content: bytes, cuts: list[int]) -> list[bytes]:
    """The content in pieces."""
    edges = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    return [content[start:end] for start, end in itertools.pairwise(edges)]


def read(*parts: bytes) -> list[EpochRow]:
    reading = Table()
    return [row for part in parts for row in reading.feed(part)]


@pytest.mark.parametrize("run", RUNS)
def test_every_line_of_every_real_table_is_read(run: str) -> None:
    reading, names = Table(), columns(run)
    rows = reading.feed(table(run))
    lines = [line.split(",") for line in table(run).decode().splitlines()[1:]]
    assert reading.skipped == 0
    assert [row.epoch for row in rows] == [int(line[0]) for line in lines]
    for row, line in zip(rows, lines, strict=True):
        assert list(row.metrics) == names[1:]
        known = {name: float(cell) for name, cell in zip(names, line, strict=True) if name != "epoch"}
        assert row.metrics == {name: None if math.isnan(value) else value for name, value in known.items()}
        assert row.seconds == known.get("time")


@pytest.mark.parametrize("run", RUNS)
@given(cuts=st.lists(st.integers(0, 10_000), max_size=20))
def test_it_does_not_matter_in_which_pieces_a_table_comes(run: str, cuts: list[int]) -> None:
    assert read(*pieces(table(run), cuts)) == read(table(run))


@given(st.lists(st.tuples(st.integers(1, 10**6), FINITE, FINITE), max_size=5))
def test_any_numbers_are_read_as_they_were_written(lines: list[tuple[int, float, float]]) -> None:
    text = "epoch, a ,b\n" + "".join(f"{epoch}, {a!r} ,{b!r}\n" for epoch, a, b in lines)
    assert read(text.encode()) == [EpochRow(epoch, {"a": a, "b": b}) for epoch, a, b in lines]


@given(st.binary(max_size=400))
def test_bytes_of_any_kind_give_rows_or_none(content: bytes) -> None:
    for row in read(content, b"\nepoch,a\n", content, b"\n"):
        assert row.epoch >= 0
        assert all(value is None or math.isfinite(value) for value in row.metrics.values())


def test_a_line_is_read_when_its_end_has_come() -> None:
    reading = Table()
    assert reading.feed(b"epoch,a\n1,2") == []
    assert reading.feed(b".5\n") == [EpochRow(1, {"a": 2.5})]


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "NaN", ""])
def test_what_is_not_finite_is_none(cell: str) -> None:
    assert read(f"epoch,a\n1,{cell}\n".encode()) == [EpochRow(1, {"a": None})]


@pytest.mark.parametrize(
    "line", ["1,2,3", "1", "one,2", "1.5,2", "-1,2", "1,x", "nan,2", "inf,2", "1e300,2", "<html>,2"]
)
def test_a_line_that_is_no_epoch_is_counted_and_left_out(line: str) -> None:
    reading = Table()
    assert reading.feed(f"epoch,a\n{line}\n7,8\n".encode()) == [EpochRow(7, {"a": 8.0})]
    assert reading.skipped == 1


def test_a_second_header_may_name_other_columns() -> None:
    assert read(b"epoch,a\n1,2\nepoch,b,c\n1,3,4\n") == [EpochRow(1, {"a": 2.0}), EpochRow(1, {"b": 3.0, "c": 4.0})]


def test_a_table_that_counts_from_0_is_read_as_if_it_counted_from_1() -> None:
    assert [row.epoch for row in read(b"epoch,a\n0,1\n1,1\n2,1\nepoch,a\n1,1\n")] == [1, 2, 3, 1]


def test_a_line_without_an_end_does_not_grow_for_ever() -> None:
    reading = Table()
    for _ in range(100):
        reading.feed(b"x" * MAX_LINE)
    assert len(reading._rest) <= MAX_LINE
