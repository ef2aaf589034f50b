"""Tables cut after an epoch, or written again."""

from pathlib import Path, PurePosixPath

import pytest
from builders.run_folders import PICKLED, RUNS, pickled, table

from hubtraining.agent import plain, records, tables
from hubtraining.agent.growing import CSV, JSONL
from hubtraining.agent.run_folder import Workspace
from hubtraining.agent.tables import RunTable, from_columns, from_metrics

LINES = b'{"epoch": 1, "loss": 2}\n{"epoch": 2, "loss": 1}\n'


@pytest.mark.parametrize("run", RUNS)
def test_a_real_table_is_cut_byte_for_byte(run: str) -> None:
    whole = RunTable(CSV, table(run))
    assert whole.until(whole.newest).content == table(run)
    first = whole.rows[0].epoch
    assert whole.until(first).content == b"".join(
        line
        for line in table(run).splitlines(keepends=True)
        if line.split(b",")[0].strip() in (b"epoch", b"%d" % first)
    )


def test_an_older_run_in_the_same_table_is_cut_too() -> None:
    assert RunTable(CSV, table("8.2.0/reused")).until(1).rows == RunTable(CSV, table("8.2.0/reused")).rows[::2]


def test_lines_that_cannot_be_read_and_one_without_its_end_are_left_out() -> None:
    assert RunTable(CSV, b"epoch,a\n1,2\nrubbish\n2,3\n3,4").until(9).content == b"epoch,a\n1,2\n2,3\n"
    assert RunTable(JSONL, LINES + b'{"epoch": 3').until(9).content == LINES


def test_an_empty_table_has_no_newest_epoch() -> None:
    assert RunTable(CSV, b"").newest == 0


@pytest.mark.parametrize("run", PICKLED)
def test_the_columns_in_a_real_checkpoint_give_the_table_that_the_trainer_wrote(run: str) -> None:
    root = plain.read(pickled(run)).root
    rebuilt = from_columns(records._columns(root["train_results"]), 2)
    assert rebuilt.content == RunTable(CSV, table(run)).until(2).content
    assert (
        from_columns(records._columns(root["train_results"]), 1).content == RunTable(CSV, table(run)).until(1).content
    )


@pytest.mark.parametrize("run", RUNS)
def test_what_an_agent_sent_gives_the_table_that_the_trainer_wrote(run: str) -> None:
    whole = RunTable(CSV, table(run))
    metrics = {row.epoch: dict(row.metrics) for row in whole.rows}
    if run != "8.2.0/reused":
        assert from_metrics(metrics, whole.newest, ultralytics=True).content == table(run)


def test_what_another_client_sent_gives_no_table() -> None:
    sent = {1: {"train/box_loss": 1.0, "metrics/mAP50(B)": 0.1}}
    assert from_metrics(sent, 1, ultralytics=True).content == b""


def test_epochs_with_other_columns_give_no_table() -> None:
    sent = {1: {"lr/pg0": 0.1, "model/parameters": 3.0}, 2: {"lr/pg0": 0.1}}
    assert from_metrics(sent, 2, ultralytics=True).content == b""
    assert from_metrics({}, 2, ultralytics=True).content == b""


def test_columns_that_are_not_a_table_give_none() -> None:
    assert from_columns({}, 3).content == b""
    assert from_columns({"a": (1.0,), "epoch": (1,)}, 3).content == b""
    assert from_columns({"epoch": ("one",), "a": (1.0,)}, 3).content == b""


def test_a_plain_trainers_lines_are_written_from_the_hubs_metrics() -> None:
    written = from_metrics({2: {"loss": None}, 1: {"loss": 2.5}, 3: {"loss": 0.0}}, 2, ultralytics=False)
    assert written == RunTable(JSONL, b'{"epoch":1,"loss":2.5}\n{"epoch":2,"loss":null}\n')


def test_the_trainers_own_table_comes_first(tmp_path: Path) -> None:
    workspace, run = Workspace(tmp_path), PurePosixPath("run")
    assert tables.find(workspace, run) is None
    (tmp_path / "run").mkdir()
    (tmp_path / "run/metrics.jsonl").write_bytes(LINES)
    assert tables.find(workspace, run) == RunTable(JSONL, LINES)
    (tmp_path / "run/results.csv").write_bytes(b"epoch,a\n")
    assert tables.find(workspace, run) == RunTable(CSV, b"epoch,a\n")
