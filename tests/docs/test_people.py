"""docs/commands.md says what is so."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from hubtraining.cli import main
from hubtraining.people import cluster
from hubtraining.people.commands import logs, manifests, run, watch

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "commands.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LINES = [line.partition(" #")[0].strip() for block in BLOCKS for line in block.splitlines()]
TYPED = [
    command.strip()
    for line in LINES
    for command in re.split(r"[|>]", line)
    if command.strip().startswith("hubtraining ")
]
COMMANDS: dict[str, click.Command] = {"run": run, "watch": watch, "logs": logs, "manifests": manifests}


@pytest.mark.parametrize("line", TYPED)
def test_every_example_can_be_typed(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    _, name, *words = shlex.split(line)
    with COMMANDS[name].make_context(name, words):
        pass


@pytest.mark.parametrize("line", [line for line in TYPED if line.startswith("hubtraining run") and " - " not in line])
def test_every_run_makes_a_session(line: str) -> None:
    _, *words = shlex.split(line)
    words.insert(1, "--dry-run")
    shown = CliRunner().invoke(main, words)
    assert shown.exit_code == 0, shown.output
    assert yaml.safe_load(shown.stdout)["kind"] == "HubTrainingSession"


def test_every_command_is_in_the_page() -> None:
    assert [name for name in COMMANDS if f"## {name}" not in PAGE] == []
    assert len(TYPED) > 12


def test_the_rights_are_those_that_the_commands_use() -> None:
    calls: list[Any] = [each for each in vars(cluster).values() if isinstance(each, cluster.Call)]
    used = {(call.verb, call.resource) for call in calls}
    named = {
        ("list", "hubtrainingsessions"),
        ("create", "hubtrainingsessions"),
        ("list", "events"),
        ("list", "pods"),
        ("get", "pods"),
        ("get", "pods/log"),
        *((verb, "secrets") for verb in ("create", "get", "patch", "delete")),
    }
    assert used == named
