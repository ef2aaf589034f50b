import importlib.util
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from images.image import IMAGES

PROGRAM = IMAGES["trainer"].context / "train_and_keep.py"


class Model:
    """A model with the one method of ultralytics' that the program calls."""

    def __init__(self, source: str, task: str | None = None) -> None:
        self.source, self.task = source, task
        self.callbacks: dict[str, Callable[[Any], None]] = {}

    def add_callback(self, event: str, function: Callable[[Any], None]) -> None:
        self.callbacks[event] = function


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, beside an ultralytics that is not there."""
    monkeypatch.setitem(sys.modules, "ultralytics", ModuleType("ultralytics"))
    monkeypatch.setitem(sys.modules, "ultralytics.cfg", SimpleNamespace(entrypoint=lambda: 0))
    spec = importlib.util.spec_from_file_location("train_and_keep", PROGRAM)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def a_trainer(folder: Path, epoch: int) -> SimpleNamespace:
    (folder / "last.pt").write_bytes(f"last of {epoch}".encode())
    (folder / "best.pt").write_bytes(b"best")
    return SimpleNamespace(last=folder / "last.pt", best=folder / "best.pt", epoch=epoch)


def train(model: Model, folder: Path) -> None:
    for epoch in range(3):
        model.callbacks["on_train_epoch_start"](a_trainer(folder, epoch))
        model.callbacks["on_model_save"](a_trainer(folder, epoch))
    model.callbacks["on_train_end"](a_trainer(folder, 2))


SAVED = {"epoch-0.pt": "last of 0", "epoch-1.pt": "last of 1", "epoch-2.pt": "last of 2", "best.pt": "best"}


def test_each_epochs_bytes_are_kept(program: ModuleType, tmp_path: Path) -> None:
    train(program.keeping(Model, str(tmp_path / "kept"))("yolov8n.yaml"), tmp_path)
    assert {path.name: path.read_text() for path in (tmp_path / "kept").iterdir()} == SAVED


def test_each_epochs_hash_is_printed_even_where_nothing_is_kept(
    program: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(program.keeping(Model, "")("yolov8n.yaml"), tmp_path)
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert lines == [f"sha256 {sha256(content.encode()).hexdigest()} {name}" for name, content in SAVED.items()]
    assert {path.name for path in tmp_path.iterdir()} == {"last.pt", "best.pt"}


def test_the_model_is_the_one_that_was_asked_for(program: ModuleType) -> None:
    model = program.keeping(Model, "")("yolov8n.yaml", task="detect")
    assert (model.source, model.task) == ("yolov8n.yaml", "detect")


@pytest.mark.parametrize(("attempt", "point"), [("1", "2"), ("1", "end"), ("2", "2"), ("2", "end")])
def test_a_first_attempt_waits_where_it_is_told_to(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attempt: str, point: str
) -> None:
    waits: list[tuple[float, int]] = []
    monkeypatch.setenv("HOLD_AT", point)
    monkeypatch.setenv("HUBTRAINING_ATTEMPT", attempt)
    kept = tmp_path / "kept"
    monkeypatch.setattr(program.time, "sleep", lambda seconds: waits.append((seconds, len(list(kept.glob("*"))))))
    train(program.keeping(Model, str(kept))("yolov8n.yaml"), tmp_path)
    expected = {"2": (3600, 2), "end": (3600, 4)}[point]
    assert [wait for wait in waits if wait[0]] == ([expected] if attempt == "1" else [])


def test_epochs_last_as_long_as_they_are_told_to(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setenv("EPOCH_SECONDS", "2.5")
    monkeypatch.setattr(program.time, "sleep", waits.append)
    train(program.keeping(Model, "")("yolov8n.yaml"), tmp_path)
    assert waits == [2.5] * 3
