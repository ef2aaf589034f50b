"""The launcher, run by real shells."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from hubtraining.controller.manifests.launcher import ENV_STOP_SECONDS, LAUNCHER, NAME, OR, launched
from hubtraining.domain.layout import ENV_EXIT_FILE, ENV_RESUME, ENV_RESUME_MARKER

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
PATIENCE = 30.0
IN_NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]

WAITING = "echo ready; while :; do sleep 0.05; done"
"""A trainer that dies of TERM; as PID 1 it would not."""


class Run(NamedTuple):
    """A launcher that runs."""

    process: "subprocess.Popen[str]"
    exit_file: Path

    def wait_for(self, line: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == line

    def finished(self) -> tuple[int, str]:
        """Exit code, and everything that was said on standard error."""
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors


Start = Callable[..., Run]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    command = SHELLS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} here")
    return command


@pytest.fixture
def start(shell: list[str], tmp_path: Path) -> Iterator[Start]:
    """Start a command under the launcher; whatever is left of it is killed afterwards."""
    started: list[subprocess.Popen[str]] = []

    def run(
        *command: str,
        go_on: tuple[str, ...] = (),
        before: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
    ) -> Run:
        exit_file = tmp_path / "deep" / "folder" / "exit-1"
        process = subprocess.Popen(
            [*before, *shell, *launched(command, go_on)[1:]],
            env={"PATH": os.environ["PATH"], ENV_EXIT_FILE: str(exit_file), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return Run(process, exit_file)

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("code", [0, 1, 7, 126, 127, 137, 255])
def test_the_trainers_exit_code_is_the_launchers_and_stands_in_the_file(start: Start, code: int) -> None:
    run = start("sh", "-c", f"exit {code}")
    assert run.finished()[0] == code
    assert run.exit_file.read_text() == f"{code}\n"


def test_the_file_is_written_by_renaming(start: Start) -> None:
    run = start("true")
    run.finished()
    assert [path.name for path in run.exit_file.parent.iterdir()] == ["exit-1"]


def test_an_older_exit_code_is_replaced(start: Start, tmp_path: Path) -> None:
    older = tmp_path / "deep" / "folder" / "exit-1"
    older.parent.mkdir(parents=True)
    older.write_text("0\n")
    assert start("sh", "-c", "exit 4").finished()[0] == 4
    assert older.read_text() == "4\n"


def test_output_and_arguments_pass_unchanged(start: Start) -> None:
    words = ["a b", "", "*", "$HOME", "'", '"', "\\", "-n", "new\nline"]
    run = start("python3", "-c", "import sys; print(sys.argv[1:])", *words)
    output, _ = run.process.communicate(timeout=PATIENCE)
    assert output == f"{words}\n"


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_trainer_and_its_own_exit_code_stays(start: Start, name: signal.Signals) -> None:
    trap = f"trap 'sleep 0.3; exit 3' TERM; {WAITING}"
    run = start("sh", "-c", trap)
    run.wait_for("ready")
    run.process.send_signal(name)
    assert run.finished()[0] == 3
    assert run.exit_file.read_text() == "3\n"


def test_a_trainer_that_a_signal_kills_ends_with_128_and_its_number(start: Start) -> None:
    run = start("sh", "-c", WAITING)
    run.wait_for("ready")
    run.process.terminate()
    assert run.finished()[0] == 143
    assert run.exit_file.read_text() == "143\n"


def test_a_trainer_that_somebody_else_kills_ends_with_137(start: Start) -> None:
    run = start("sh", "-c", "kill -KILL $$")
    assert run.finished()[0] == 137
    assert run.exit_file.read_text() == "137\n"


def test_a_trainer_that_finishes_well_after_the_signal_has_succeeded(start: Start) -> None:
    run = start("sh", "-c", f"trap 'exit 0' TERM; {WAITING}")
    run.wait_for("ready")
    run.process.terminate()
    assert run.finished()[0] == 0
    assert run.exit_file.read_text() == "0\n"


def test_the_trainer_hears_of_the_signal_once(start: Start) -> None:
    count = "n=0; trap 'n=$((n + 1))' TERM; echo ready; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; exit $n"
    run = start("sh", "-c", count)
    run.wait_for("ready")
    for _ in range(3):
        run.process.terminate()
        time.sleep(0.1)
    assert run.finished()[0] == 1


def test_a_trainer_that_ignores_the_signal_is_killed_in_the_end(start: Start) -> None:
    run = start("sh", "-c", f"trap '' TERM; {WAITING}", env={ENV_STOP_SECONDS: "1"})
    run.wait_for("ready")
    run.process.terminate()
    assert run.finished()[0] == 137
    assert run.exit_file.read_text() == "137\n"


def test_a_signal_is_handed_on_however_early_it_comes(start: Start) -> None:
    for delay in range(12):
        run = start("sh", "-c", "trap 'exit 143' TERM; while :; do sleep 0.05; done", env={ENV_STOP_SECONDS: "2"})
        time.sleep(0.02 + delay / 500)
        run.process.terminate()
        assert run.finished()[0] in (143, -signal.SIGTERM, 137)  # before its first line nothing is trapped


def test_a_command_that_is_not_there_gives_127_and_a_sentence(start: Start) -> None:
    run = start("no-such-trainer", "train")
    code, errors = run.finished()
    assert code == 127
    assert "no command 'no-such-trainer' in the trainer's image" in errors
    assert "spec.trainer.command" in errors
    assert run.exit_file.read_text() == "127\n"


def test_a_command_that_may_not_be_run_gives_126_or_127(start: Start, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no program")
    run = start(str(tmp_path / "plain"))
    code, errors = run.finished()
    assert code in (126, 127)
    assert errors
    assert run.exit_file.read_text() == f"{code}\n"


@pytest.mark.parametrize("name", ["leave", "stop", "hand_on"])
def test_a_function_of_the_launcher_is_not_taken_for_the_command(start: Start, tmp_path: Path, name: str) -> None:
    program = tmp_path / name
    program.write_text("#!/bin/sh\nexit 42\n")
    program.chmod(0o755)
    run = start(name, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert run.finished()[0] == 42


def test_an_exit_file_that_cannot_be_written_changes_nothing_but_is_told(start: Start, tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("in the way")
    run = start("sh", "-c", "exit 5")
    code, errors = run.finished()
    assert code == 5
    assert "exit code 5 could not be written" in errors


def test_without_an_exit_file_the_launcher_still_runs(start: Start) -> None:
    run = start("sh", "-c", "exit 6", env={ENV_EXIT_FILE: ""})
    assert run.finished() == (6, "")


def test_what_the_trainer_makes_can_be_written_by_its_group(start: Start, tmp_path: Path) -> None:
    start("mkdir", str(tmp_path / "run")).finished()
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o775


def test_as_pid_1_it_hands_signals_on_to_a_trainer_that_would_ignore_them(start: Start) -> None:
    if subprocess.run([*IN_NAMESPACE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no PID namespace here")
    program = "import os, time; print(f'ready {os.getppid()}', flush=True); time.sleep(60)"
    run = start("python3", "-c", program, before=tuple(IN_NAMESPACE))
    run.wait_for("ready 1")
    os.kill(child_of(run.process.pid), signal.SIGTERM)
    run.process.communicate(timeout=PATIENCE)
    assert run.exit_file.read_text() == "143\n"


def test_any_user_can_run_it(start: Start) -> None:
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can be another user")
    with tempfile.TemporaryDirectory() as folder:  # not pytest's: only root can look into that
        Path(folder).chmod(0o777)
        exit_file = Path(folder, "codes", "exit-1")
        other = ("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups")
        assert start("sh", "-c", "exit 8", before=other, env={ENV_EXIT_FILE: str(exit_file)}).finished() == (8, "")
        assert exit_file.read_text() == "8\n"


WORDS = ("a b", "", "*", "(", "!", "-n", "x=1")


@pytest.mark.parametrize("marked", [True, False])
def test_the_marker_decides_which_of_two_commands_runs(start: Start, tmp_path: Path, marked: bool) -> None:
    marker = tmp_path / "resume-2"
    if marked:
        marker.touch()
    show = ("python3", "-c", "import sys; print(sys.argv[1:])")
    run = start(*show, "begin", *WORDS, go_on=(*show, "go on", *WORDS), env={ENV_RESUME_MARKER: str(marker)})
    output, _ = run.process.communicate(timeout=PATIENCE)
    assert output == f"{['go on' if marked else 'begin', *WORDS]}\n"


@pytest.mark.parametrize(("marked", "told"), [(True, "/workspace/run/weights/last.pt"), (False, "None")])
def test_a_command_for_both_hears_of_the_weights_only_where_it_goes_on(
    start: Start, tmp_path: Path, marked: bool, told: str
) -> None:
    marker = tmp_path / "resume-2"
    if marked:
        marker.touch()
    env = {ENV_RESUME_MARKER: str(marker), ENV_RESUME: "/workspace/run/weights/last.pt"}
    run = start("python3", "-c", f"import os; print(os.environ.get({ENV_RESUME!r}))", env=env)
    output, _ = run.process.communicate(timeout=PATIENCE)
    assert output.strip() == told


def test_nothing_in_it_looks_like_a_variable_of_kubernetes() -> None:
    assert "$(" not in LAUNCHER
    assert "$$" not in LAUNCHER


def test_ps_shows_whose_program_it_is_and_what_it_runs() -> None:
    assert launched(("yolo", "train"))[3:] == [NAME, "", "yolo", "train"]
    assert launched(("yolo", "a"), ("yolo", "b"))[3:] == [NAME, OR, "yolo", "a", OR, "yolo", "b"]


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
