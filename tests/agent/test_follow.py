"""Following a run folder, look by look."""

import shutil
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pytest
from builders.run_folders import RUNS, arguments, table
from builders.trainer import Trainer
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.agent import growing
from hubtraining.agent.follow import Follower, exit_code_in, planned
from hubtraining.agent.results import Table
from hubtraining.agent.run_folder import Workspace
from hubtraining.domain.progress import Planned


def a_follower(root: Path) -> Follower:
    return Follower(Workspace(root), PurePosixPath("run"), PurePosixPath(".hubtraining/exit-uid-1"))


def epochs(follower: Follower) -> list[int]:
    return [row.epoch for row in follower.look().rows]


def test_a_folder_that_is_not_there_shows_nothing(tmp_path: Path) -> None:
    seen = a_follower(tmp_path).look()
    assert (seen.exit_code, seen.rows, seen.weights, seen.planned) == (None, (), {}, Planned())


def test_each_row_is_told_once(tmp_path: Path) -> None:
    trainer, follower = Trainer(tmp_path).start(), a_follower(tmp_path)
    trainer.row(1)
    trainer.row(2)
    assert epochs(follower) == [1, 2]
    assert epochs(follower) == []
    trainer.row(3)
    assert epochs(follower) == [3]


@pytest.mark.parametrize("run", RUNS)
def test_a_real_table_that_grows_byte_by_byte_is_read_once_and_whole(run: str, tmp_path: Path) -> None:
    path, follower, rows = tmp_path / "run/results.csv", a_follower(tmp_path), []
    path.parent.mkdir()
    content = table(run)[:3000]
    for start in range(0, len(content), 37):
        with path.open("ab") as file:
            file.write(content[start : start + 37])
        rows += follower.look().rows
    assert rows == Table().feed(content)


def test_a_table_that_begins_again_says_so(tmp_path: Path) -> None:
    trainer, follower = Trainer(tmp_path).start(), a_follower(tmp_path)
    trainer.row(1)
    trainer.row(2)
    follower.look()
    trainer.csv.unlink()
    assert follower.look().rows == ()
    trainer.row(1)
    seen = follower.look()
    assert (seen.anew, [row.epoch for row in seen.rows]) == (True, [1])


def test_a_run_folder_that_a_second_process_deletes_and_makes_again_is_followed(tmp_path: Path) -> None:
    trainer, follower = Trainer(tmp_path).start(), a_follower(tmp_path)
    trainer.epoch(1)
    follower.look()
    shutil.rmtree(trainer.run)
    assert follower.look().weights == {}
    trainer.start().epoch(1).epoch(2)
    seen = follower.look()
    assert (seen.anew, [row.epoch for row in seen.rows]) == (True, [1, 2])
    assert set(seen.weights) == {"last", "best"}


def test_a_table_that_was_written_anew_with_the_same_length_begins_again(tmp_path: Path) -> None:
    path, follower = tmp_path / "run/results.csv", a_follower(tmp_path)
    path.parent.mkdir()
    path.write_text("epoch,a\n1,1\n2,2\n")
    follower.look()
    path.write_text("epoch,a\n1,3\n2,4\n")
    seen = follower.look()
    assert (seen.anew, [row.metrics["a"] for row in seen.rows]) == (True, [3.0, 4.0])


@given(st.lists(st.integers(1, 400), max_size=8), st.integers(0, 5))
def test_however_a_table_was_truncated_the_end_is_read(cuts: list[int], more: int) -> None:
    lines = [f"{number},{number / 7}\n" for number in range(1, 60)]
    content = ("epoch,a\n" + "".join(lines)).encode()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run/results.csv"
        path.parent.mkdir()
        follower, known = a_follower(Path(folder)), {}
        for cut in [*cuts, len(content), *[len(content)] * more]:
            path.write_bytes(content[:cut])
            seen = follower.look()
            known = {} if seen.anew else known
            known |= {row.epoch: row.metrics["a"] for row in seen.rows}
    assert known == {number: number / 7 for number in range(1, 60)}


def test_a_long_table_comes_in_several_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MAX_READ", 64)
    trainer, follower = Trainer(tmp_path).start(), a_follower(tmp_path)
    for number in range(1, 6):
        trainer.row(number)
    looks = [follower.look() for _ in range(100)]
    assert looks[0].more
    assert not looks[-1].more
    assert [row.epoch for seen in looks for row in seen.rows] == [1, 2, 3, 4, 5]


def test_the_plain_contracts_table_is_followed_where_there_is_no_other(tmp_path: Path) -> None:
    follower = a_follower(tmp_path)
    (tmp_path / "run").mkdir()
    path = tmp_path / "run/metrics.jsonl"
    path.write_text('{"epoch": 1, "epochs": 9, "loss": 1}\n')
    seen = follower.look()
    assert ([row.epoch for row in seen.rows], seen.planned) == ([1], Planned(epochs=9))
    (tmp_path / "run/results.csv").write_text("epoch,a\n1,2\n")
    seen = follower.look()
    assert (seen.anew, [row.metrics for row in seen.rows]) == (True, [{"a": 2.0}])


@pytest.mark.parametrize("run", RUNS)
def test_real_arguments_say_when_a_run_ends(run: str) -> None:
    end = planned(arguments(run))
    case = run.partition("/")[2]
    expected = {"early-stop": 60, "time": end.epochs, "reused": 2, "nan": 4, "resumed": 4}.get(case, 3)
    assert end.epochs == expected
    assert end.seconds == (pytest.approx(14.4) if case == "time" else None)
    assert end.patience == (1 if case == "early-stop" else 100)


@pytest.mark.parametrize(
    "text", [b"", b"epochs: many\n", b"epochs: -3\n", b"epochs: nan\n", b"  epochs: 3\n", b"\xff\xfe: 3"]
)
def test_arguments_of_any_kind_say_nothing_worse_than_nothing(text: bytes) -> None:
    assert planned(text).epochs is None


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"0\n", 0), (b"137", 137), (b"", None), (None, None), (b"abc", None), (b"1234", None), (b"-1", None)],
)
def test_an_exit_code_is_a_short_number(content: bytes | None, code: int | None) -> None:
    assert exit_code_in(content) == code


def test_what_cannot_be_read_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer, follower = Trainer(tmp_path).start(), a_follower(tmp_path)
    for name in ("results.csv", "weights/last.pt", "weights/best.pt"):
        (trainer.run / name).symlink_to(tmp_path)
    for _ in range(3):
        seen = follower.look()
    assert (seen.rows, seen.weights) == ((), {})
    assert len(caplog.records) == 3


def test_lines_that_do_not_fit_the_table_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer, follower = Trainer(tmp_path).start(), a_follower(tmp_path)
    for _ in range(3):
        with trainer.csv.open("a") as file:
            file.write("no,table\n\x00\xff\n")
        assert follower.look().rows == ()
    assert [record.getMessage() for record in caplog.records] == [
        "results.csv is left out in part: it has lines that are no rows of finished epochs"
    ]
