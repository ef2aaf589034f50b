import subprocess
import sys
from pathlib import Path

import pytest

from images import program
from images.image import ROOT, Image

# A docker that remembers what it was told; `save --output FILE …` leaves a file as the real one does.
DOCKER = """#!/bin/sh
echo "$@" >> "$0.log"
case $1 in
    info) exit "${DOCKER_ANSWERS:-0}" ;;
    build) exit "${DOCKER_BUILDS:-0}" ;;
    save) echo archive > "$3" ;;
esac
"""


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\n")
    (context / ".dockerignore").write_text("*\n!code\n")
    (context / "code").write_text("x = 1\n")
    image = Image("thing", context)
    monkeypatch.setattr(program, "IMAGES", {"thing": image})
    return image


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of a docker that answers; the machine has no other engine."""
    command = tmp_path / "bin" / "docker"
    command.parent.mkdir()
    command.write_text(DOCKER)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return command.with_suffix(".log")


def words(log: Path) -> list[str]:
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def test_the_path_of_the_archive_is_all_that_is_printed(
    image: Image, docker: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["thing"]) == 0
    archive = tmp_path / "cache" / "hubtraining" / "images" / f"thing-{image.digest}.tar"
    assert capfd.readouterr().out == f"{archive}\n"
    assert archive.read_text() == "archive\n"
    saved = docker.read_text().splitlines()[-1]
    assert saved.endswith(f"localhost/thing:{image.digest} localhost/thing:dev")


def test_a_second_build_starts_nothing(image: Image, docker: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program.main(["thing"])
    once = words(docker)
    assert once == ["info", "build", "save"]
    program.main(["thing"])
    assert words(docker) == once
    first, second = capfd.readouterr().out.splitlines()
    assert first == second


def test_a_change_is_built_under_a_new_name(image: Image, docker: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program.main(["thing"])
    (image.context / "code").write_text("x = 2\n")
    program.IMAGES["thing"] = Image(image.name, image.context)
    program.main(["thing"])
    first, second = capfd.readouterr().out.splitlines()
    assert first != second


def test_print_builds_nothing(image: Image, docker: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--print"]) == 0
    assert capfd.readouterr().out.endswith(f"thing-{image.digest}.tar\n")
    assert words(docker) == []


def test_a_failed_build_leaves_no_archive_and_says_so(
    image: Image, docker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_BUILDS", "3")
    assert program.main(["thing"]) == 1
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "ended with exit code 3" in printed.err
    assert [path.name for path in (tmp_path / "cache" / "hubtraining" / "images").iterdir()] == ["lock"]


def test_an_engine_that_does_not_answer_is_one_sentence(
    image: Image, docker: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_ANSWERS", "1")
    assert program.main(["thing", "--engine", "docker"]) == 1
    assert "build: docker does not answer `docker info`: start it" in capfd.readouterr().err


def test_an_interrupted_build_is_no_traceback(
    image: Image, docker: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "choose", interrupted)
    assert program.main(["thing"]) == 130


def test_the_command_knows_the_projects_images() -> None:
    command = [sys.executable, ROOT / "hack" / "images" / "build", "all", "--print"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    names = [Path(line).stem.rpartition("-")[0] for line in lines]
    assert names == ["hubtraining", "hubtraining-trainer"]
