"""The command line."""

import subprocess
import sys
from pathlib import Path

import pytest

from cluster.cli import main, parser
from cluster.paths import Layout
from cluster.settings import Ports, Settings, save

PROGRAM = Path(__file__).parents[2] / "hack" / "cluster" / "cluster"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUBTRAINING_STATE", str(tmp_path))
    return tmp_path


def test_what_a_shell_needs_is_printed(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(Layout("dev", state / "dev"), Settings(slot=0, ports=Ports()))
    assert main(["env"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f'export KUBECONFIG="{state}/dev/kubeconfig"',
        f'export PATH="{state}/dev/bin:$PATH"',
    ]


@pytest.mark.parametrize(
    "words", [["env"], ["status"], ["gpus", "2"], ["load-image", "x.tar"], ["kubectl", "--", "get"]]
)
def test_a_cluster_that_is_not_there_is_said_in_one_sentence(
    state: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "hack/cluster/cluster up" in line


@pytest.mark.parametrize("words", [["gpus", "-1"], ["gpus", "many"], ["up", "--kwok", "1.5"], []])
def test_words_that_mean_nothing_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(words)


def test_words_after_two_dashes_are_kubectls_own() -> None:
    options = parser().parse_args(["kubectl", "--name", "e2e", "--", "get", "pods", "--all-namespaces"])
    assert options.name == "e2e"
    assert options.words == ["get", "pods", "--all-namespaces"]


def test_an_unknown_program_is_not_built(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "kubeadm"]) == 1
    assert "kubeadm" in capsys.readouterr().err


def test_the_program_starts_from_anywhere_without_an_installation(tmp_path: Path) -> None:
    command = [sys.executable, "-S", str(PROGRAM), "--help"]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=True)
    assert "load-image" in done.stdout
