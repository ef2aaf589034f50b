"""What is built, from what, and when again."""

import os
import re
import shutil
from pathlib import Path

import pytest

from cluster import programs
from cluster.errors import ClusterError
from cluster.programs import ALL, KWOK, Program


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the modules that a test may change."""
    copy = tmp_path / "modules"
    shutil.copytree(programs.MODULES, copy)
    monkeypatch.setattr(programs, "MODULES", copy)
    return copy


def test_kubernetes_calls_itself_by_its_release() -> None:
    flags = programs.link_flags("kubernetes")
    assert f"-X k8s.io/component-base/version.gitVersion={programs.kubernetes()}" in flags
    assert re.search(r"component-base/version.gitMinor=\d+( |$)", flags)


def test_helm_renders_for_the_kubernetes_of_the_cluster() -> None:
    minor = programs.kubernetes().split(".")[1]
    assert f"chartutil.k8sVersionMinor={minor}" in programs.link_flags("helm")


@pytest.mark.parametrize("program", ALL.values(), ids=lambda program: program.name)
def test_every_program_has_a_module_with_its_sums(program: Program) -> None:
    folder = programs.MODULES / program.module
    text = (folder / "go.mod").read_text()
    assert (folder / "go.sum").exists() == ("require" in text)
    assert program.package == "." or program.package in text


@pytest.mark.parametrize("file", ["go.mod", "go.sum"])
def test_another_pin_is_another_build(modules: Path, file: str) -> None:
    before = programs.built(KWOK)
    (modules / "kwok" / file).write_text((modules / "kwok" / file).read_text() + "\n")
    assert programs.built(KWOK) != before


def test_what_does_not_change_is_not_built_again(modules: Path) -> None:
    before = programs.built(KWOK)
    (modules / "helm" / "go.sum").write_text("")
    assert programs.built(KWOK) == before


def test_what_is_built_lies_outside_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert programs.built(KWOK).is_relative_to("/cache/hubtraining")


def test_without_go_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match="install Go"):
        programs.build([KWOK])


def test_without_go_what_is_built_already_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    programs.built(KWOK).parent.mkdir(parents=True)
    programs.built(KWOK).touch()
    programs.build([KWOK])


@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go")
def test_a_program_that_does_not_compile_shows_why(
    modules: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("GOCACHE", os.environ.get("GOCACHE") or str(tmp_path / "go"))
    (modules / "pause" / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")
    with pytest.raises(ClusterError, match="undefined: undefined"):
        programs.build([ALL["pause"]])
    assert not programs.built(ALL["pause"]).exists()


def test_links_follow_what_was_built_last(tmp_path: Path) -> None:
    (tmp_path / "kwok").symlink_to("/nowhere")
    programs.link([KWOK], tmp_path)
    assert (tmp_path / "kwok").readlink() == programs.built(KWOK)
