"""What a checkpoint records of its run, and copies that go on elsewhere."""

import io
import pickle
import zipfile
from pathlib import Path

import pytest
from builders.run_folders import PICKLED, columns, pickled
from builders.trainer import saved, weights

from hubtraining.agent import records
from hubtraining.agent.archives import NotIntact, check
from hubtraining.agent.records import Record


def whole(run: str) -> io.BytesIO:
    """A checkpoint with a real pickle and made-up tensors."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(run))
        archive.writestr("archive/byteorder", b"little")
        archive.writestr("archive/data/0", bytes(range(256)) * 50)
    return held


@pytest.mark.parametrize("run", PICKLED)
def test_a_real_checkpoint_records_its_run(run: str) -> None:
    record = records.read(whole(run))
    assert (record.epoch, record.epochs, record.save_dir, record.trainer) == (1, 3, "/workspace/run", True)
    assert list(record.results) == columns(run)
    assert record.results["epoch"] == (1, 2)


@pytest.mark.parametrize("run", PICKLED)
def test_a_real_checkpoint_is_moved_with_all_its_tensors(run: str, tmp_path: Path) -> None:
    records.moved(whole(run), tmp_path / "moved.pt", save_dir="/workspace/a/longer/path", epoch=0)
    with (tmp_path / "moved.pt").open("rb") as file:
        assert sum(check(file)) > 12_800
        record = records.read(file)
        assert (record.epoch, record.save_dir) == (0, "/workspace/a/longer/path")
        with zipfile.ZipFile(file) as archive, zipfile.ZipFile(whole(run)) as before:
            assert archive.namelist() == before.namelist()
            assert archive.read("archive/data/0") == before.read("archive/data/0")
            assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_checkpoint_of_another_make_records_only_its_epoch() -> None:
    assert records.read(io.BytesIO(saved({"epoch": 4, "state": {"layer": [1.0]}}))) == Record(epoch=4)
    assert records.read(io.BytesIO(saved([1, 2]))) == Record()


def test_arguments_that_are_not_what_they_should_be_are_left_out() -> None:
    file = io.BytesIO(saved({"epoch": "3", "train_args": {"epochs": "9", "save_dir": 7}, "train_results": [1]}))
    assert records.read(file) == Record(trainer=True)


def test_a_pickle_that_cannot_be_read_or_is_absurdly_large_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("data.pkl", b"\x80\x02}q")
    assert records.read(held) == Record()
    monkeypatch.setattr(records, "MAX_PICKLE", 10)
    assert records.read(io.BytesIO(weights(3))) == Record()


def test_what_is_no_zip_is_not_intact() -> None:
    with pytest.raises(NotIntact):
        records.read(io.BytesIO(b"<html>"))


def test_a_copy_never_replaces_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "there.pt").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        records.moved(io.BytesIO(weights(3)), tmp_path / "there.pt", save_dir="/elsewhere")
    assert (tmp_path / "there.pt").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("epoch", "epochs", "complete", "resumable"),
    [(0, 3, False, 1), (1, 3, False, 2), (2, 3, True, 2), (3, 3, True, 2), (0, 1, True, 0), (4, None, False, 5)],
)
def test_after_the_last_planned_epoch_one_is_trained_again(
    epoch: int, epochs: int | None, complete: bool, resumable: int
) -> None:
    record = Record(epoch=epoch, trainer=True, epochs=epochs)
    assert (record.complete, record.resumable_epoch) == (complete, resumable)


def test_what_pickle_reads_of_a_moved_copy_is_what_was_there_but_for_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "moved.pt"
    records.moved(
        io.BytesIO(weights(3, save_dir="/content/run", results={"epoch": [1, 2]})), path, save_dir="/workspace/run"
    )
    with zipfile.ZipFile(path) as archive:
        loaded = pickle.loads(archive.read("archive/data.pkl"))
    with zipfile.ZipFile(io.BytesIO(weights(3, results={"epoch": [1, 2]}))) as archive:
        assert loaded == pickle.loads(archive.read("archive/data.pkl"))
