"""What documents tell people to type exists: subcommands and options, targets, files, values of the chart."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.pages import DOCS, ROOT, blocks
from click.testing import CliRunner

from chart.copies import values
from chart.files import CHART
from hubtraining.cli import main

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md")), CHART / "README.md"]
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
VALUES = {key for key, _, _ in values(json.loads((CHART / "values.schema.json").read_text()))}

Command = list[str]


def commands(page: Path) -> Iterator[Command]:
    """The words of each command that a page shows in a shell."""
    text = page.read_text()
    for block in [*blocks(text, "sh"), *blocks(text, "console")]:
        for line in block.replace("\\\n", " ").splitlines():
            if words := shlex.split(line.removeprefix("$ "), comments=True):
                yield words


def own_command(words: Command) -> Command:
    """What is handed to our program, here or inside a pod; empty where it is another program's command."""
    begin = words.index("--") + 1 if "--" in words else 0
    inner = words[begin:]
    end = next((place for place, word in enumerate(inner) if word in ("<", "|", "&")), len(inner))
    return inner[1:end] if inner[:1] == ["hubtraining"] else []


SHOWN = [(page, words) for page in PAGES for words in commands(page)]
OWN = [own_command(words) for _, words in SHOWN if own_command(words)]
MADE = [words[1:] for _, words in SHOWN if words[0] == "make"]


def test_there_is_something_to_look_at() -> None:
    assert len(SHOWN) > 20
    assert len(OWN) > 5
    assert MADE


@pytest.mark.parametrize("words", OWN, ids=" ".join)
def test_our_programs_take_these_words(words: Command) -> None:
    done = CliRunner().invoke(main, [*words, "--help"])
    assert (done.exit_code, "Usage: " in done.output) == (0, True), done.output


@pytest.mark.parametrize("words", MADE, ids=" ".join)
def test_make_has_these_targets(words: Command) -> None:
    assert {word for word in words if "=" not in word} <= TARGETS


@pytest.mark.parametrize(("page", "words"), SHOWN, ids=lambda shown: " ".join(shown) if isinstance(shown, list) else "")
def test_files_of_ours_exist(page: Path, words: Command) -> None:
    paths = [word for word in words if "/" in word and word.split("/")[0] in FOLDERS]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(("page", "words"), SHOWN, ids=lambda shown: " ".join(shown) if isinstance(shown, list) else "")
def test_the_chart_has_the_values_that_are_set(page: Path, words: Command) -> None:
    given = [words[place + 1].split("=")[0] for place, word in enumerate(words) if word == "--set"]
    assert set(given) <= VALUES


def test_make_help_lists_every_target() -> None:
    told = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in told.splitlines() if line[0] != " "} == TARGETS
