"""Generators: they write what is stale, and can be asked whether something is."""

from pathlib import Path

import pytest

from chart import files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(files, "ROOT", tmp_path)
    return tmp_path / "made"


def test_a_file_is_stale_when_it_is_missing_or_different(folder: Path) -> None:
    wanted = {folder / "a": "new", folder / "b": "same"}
    files.write({folder / "b": "same"})
    assert files.stale(wanted) == [folder / "a"]
    (folder / "b").write_text("else")
    assert files.stale(wanted) == [folder / "a", folder / "b"]


def test_a_file_that_nobody_makes_any_more_is_stale_and_goes(folder: Path) -> None:
    files.write({folder / "sub" / "old": "x"})
    wanted = {folder / "sub" / "new": "y"}
    assert files.stale(wanted, (folder,)) == [folder / "sub" / "new", folder / "sub" / "old"]
    files.write(wanted, (folder,))
    assert files.stale(wanted, (folder,)) == []
    assert not (folder / "sub" / "old").exists()


def test_files_outside_the_generators_folders_are_left_alone(folder: Path) -> None:
    files.write({folder / "mine": "x"})
    files.write({folder / "made": "y"})
    assert (folder / "mine").read_text() == "x"


def test_check_names_what_is_stale_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert files.main("", lambda: {folder / "a": "x"}, (), ["--check"]) == 1
    assert capsys.readouterr().err == "not as generated: made/a; run `make chart`\n"
    assert not folder.exists()


def test_check_is_content_with_what_is_right(folder: Path) -> None:
    files.write({folder / "a": "x"})
    assert files.main("", lambda: {folder / "a": "x"}, (folder,), ["--check"]) == 0


def test_running_says_what_was_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert files.main("", lambda: {folder / "a": "x"}, (folder,), []) == 0
    assert files.main("", lambda: {folder / "a": "x"}, (folder,), []) == 0
    assert capsys.readouterr().err == "wrote made/a\nnothing to do\n"
