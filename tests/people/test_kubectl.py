"""As a plugin of kubectl's, and in a shell that completes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


def output(program: str, *words: str, **environ: str) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environ}
    return subprocess.run([BIN / program, *words], capture_output=True, text=True, check=True, env=env).stdout


def test_it_speaks_as_kubectl() -> None:
    assert output("kubectl-hubtraining", "--help").startswith("Usage: kubectl hubtraining [OPTIONS] COMMAND")
    assert "Usage: kubectl hubtraining watch" in output("kubectl-hubtraining", "watch", "--help")
    assert "name: yolo11n-x" in output("kubectl-hubtraining", "run", "yolo11n.pt", "--data", "x", "--dry-run")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ([""], ["logs", "manifests", "run", "watch"]),
        (["w"], ["watch"]),
        (["run", "x.pt", "--ep"], ["--epochs"]),
        (["logs", "signs", "--a"], ["--all", "--agent", "--attempt"]),
        (["watch", ""], []),  # no cluster: nothing is offered, and nothing is said
    ],
)
def test_kubectl_is_told_what_may_come_next(words: list[str], offered: list[str]) -> None:
    *items, directive = output("kubectl_complete-hubtraining", *words).splitlines()
    assert [item.partition("\t")[0] for item in items] == offered
    assert directive == ":4"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_get_a_completion(shell: str) -> None:
    assert "_HUBTRAINING_COMPLETE" in output("hubtraining", _HUBTRAINING_COMPLETE=f"{shell}_source")


@pytest.mark.parametrize(
    ("words", "offered"),
    [("hubtraining hub key ", "create"), ("hubtraining run --da", "--data"), ("hubtraining l", "logs")],
)
def test_the_completion_knows_every_command(words: str, offered: str) -> None:
    count = len(words.split(" ")) - 1
    told = output("hubtraining", _HUBTRAINING_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(count))
    assert f"plain,{offered}" in told
