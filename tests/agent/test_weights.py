"""Which checkpoint files a run folder has."""

from pathlib import Path, PurePosixPath

import pytest

from hubtraining.agent import weights
from hubtraining.agent.run_folder import Kind, Unsafe, Workspace
from hubtraining.agent.weights import WeightsFile

RUN = PurePosixPath("run")


def found(root: Path, kind: Kind = "last") -> tuple[str, int | None] | None:
    file = weights.find(Workspace(root), RUN, kind)
    return None if file is None else (str(file.name), file.epoch)


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_an_empty_or_missing_run_folder_has_none(tmp_path: Path) -> None:
    assert found(tmp_path) is None
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    assert found(tmp_path) is None
    assert found(tmp_path, "best") is None


def test_ultralytics_own(tmp_path: Path) -> None:
    put(tmp_path, "weights/last.pt", "weights/best.pt", "weights/epoch3.pt")
    assert found(tmp_path) == ("run/weights/last.pt", None)
    assert found(tmp_path, "best") == ("run/weights/best.pt", None)


def test_the_plain_contracts_files_come_first(tmp_path: Path) -> None:
    put(tmp_path, "weights/last.pt", "weights/best.pt", "checkpoints/last.pt")
    assert found(tmp_path) == ("run/checkpoints/last.pt", None)
    assert found(tmp_path, "best") == ("run/weights/best.pt", None)


def test_of_numbered_files_the_highest_is_the_last(tmp_path: Path) -> None:
    put(tmp_path, "weights/last.pt", *(f"checkpoints/epoch-{number}.ckpt" for number in (9, 10, 2)))
    assert found(tmp_path) == ("run/checkpoints/epoch-10.ckpt", 10)


@pytest.mark.parametrize(
    "name", ["epoch-0.pt", "epoch-1", "epoch--1.pt", "epoch-1.json", ".epoch-1.pt", "epoch-x.pt", "1.pt"]
)
def test_other_names_are_not_looked_at(tmp_path: Path, name: str) -> None:
    put(tmp_path, f"checkpoints/{name}")
    assert found(tmp_path) is None


def test_only_the_plain_contracts_files_are_plain(tmp_path: Path) -> None:
    put(tmp_path, "weights/last.pt")
    file = weights.find(Workspace(tmp_path), RUN, "last")
    assert isinstance(file, WeightsFile)
    assert not file.plain
    put(tmp_path, "checkpoints/last.pt")
    file = weights.find(Workspace(tmp_path), RUN, "last")
    assert isinstance(file, WeightsFile)
    assert file.plain


def test_a_folder_that_is_a_link_is_unsafe(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/epoch-1.pt")
    (tmp_path / "run/checkpoints").symlink_to("elsewhere")
    with pytest.raises(Unsafe):
        weights.find(Workspace(tmp_path), RUN, "last")
