"""Copies of the chart are up to date, and ``make chart`` is what makes them so."""

import subprocess
import sys
from pathlib import Path

import pytest

from chart import copies
from chart.files import ROOT, stale


def test_nothing_is_stale() -> None:
    assert stale(copies.copies()) == []


@pytest.fixture(scope="module", autouse=True)
def helm() -> None:
    """Compiled before its users are listened to: compiling shows its progress."""
    subprocess.run([ROOT / "hack" / "cluster" / "cluster", "build", "helm"], check=True, capture_output=True)


@pytest.mark.parametrize("program", ["sync", "render"])
def test_programs_start_from_anywhere_and_have_nothing_to_do(program: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "hack" / "chart" / program), "--check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_render_says_in_one_sentence_why_it_cannot(tmp_path: Path) -> None:
    bad = tmp_path / "helm"
    bad.write_text("#!/bin/sh\necho 'Error: no such thing' >&2\nexit 1\n")
    bad.chmod(0o755)
    command = [sys.executable, str(ROOT / "hack" / "chart" / "render")]
    done = subprocess.run(command, env={"HELM": str(bad)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "render: Error: no such thing\n")


def test_the_table_has_a_row_for_each_value() -> None:
    schema = {
        "properties": {
            "flag": {"description": "A flag.", "default": True},
            "group": {"properties": {"name": {"description": "A name.", "default": ""}}},
        }
    }
    assert copies.table(schema).splitlines()[2:] == [
        "| `flag` | `true` | A flag. |",
        '| `group.name` | `""` | A name. |',
    ]


def test_a_pipe_in_a_default_does_not_break_the_table() -> None:
    schema = {"properties": {"choice": {"description": "One | other.", "default": "a|b"}}}
    (row,) = copies.table(schema).splitlines()[2:]
    assert row == r'| `choice` | `"a\|b"` | One \| other. |'


def test_only_what_stands_between_the_marks_is_replaced(tmp_path: Path) -> None:
    document = tmp_path / "install.md"
    marks = "<!-- {0}: made by hack/chart/sync -->\n\n{1}\n<!-- /{0} -->\n"
    document.write_text("before\n" + marks.format("one", "old") + "amid\n" + marks.format("two", "old") + "after\n")
    filled = copies.filled(document, {"two": "2\n", "one": "1\n"})
    assert filled == "before\n" + marks.format("one", "1\n") + "amid\n" + marks.format("two", "2\n") + "after\n"


def test_a_document_without_the_marks_is_not_guessed_at(tmp_path: Path) -> None:
    document = tmp_path / "install.md"
    document.write_text("no marks\n")
    with pytest.raises(ValueError, match="unpack"):
        copies.filled(document, {"one": "1\n"})
