from pathlib import Path

import pytest

from images import buildah, engines, machine
from images.buildah import Buildah
from images.cache import Cache
from images.engines import Docker, choose
from images.shell import ImagesError


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "images")


def answering(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(engines, "succeeds", lambda command, *_: command in names)


def test_the_first_engine_that_answers_is_taken(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "docker", "podman")
    assert choose("auto", cache) == Docker("docker")
    answering(monkeypatch, "podman")
    assert choose("auto", cache) == Docker("podman")


def test_the_engine_that_was_asked_for_is_taken(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "docker", "podman")
    assert choose("podman", cache) == Docker("podman")


def test_an_engine_that_does_not_answer_is_not_replaced(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "podman")
    with pytest.raises(ImagesError, match="docker does not answer"):
        choose("docker", cache)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """A machine without engines, where buildah would be installed."""
    installed: list[tuple[str, ...]] = []
    answering(monkeypatch)
    monkeypatch.setattr(buildah.shutil, "which", lambda _: None)
    monkeypatch.setattr(buildah, "output", lambda *_: "")
    monkeypatch.setattr(buildah.os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine, "install", installed.append)
    return installed


def test_without_an_engine_buildah_is_installed(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, bare: list[tuple[str, ...]]
) -> None:
    monkeypatch.setattr(buildah, "succeeds", lambda *_: True)
    assert choose("auto", cache) == Buildah(cache, "overlay")
    assert bare == [("buildah", "debootstrap")]


def test_where_overlay_mounts_fail_buildah_copies_and_keeps_no_steps(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, bare: list[tuple[str, ...]]
) -> None:
    monkeypatch.setattr(buildah, "succeeds", lambda *_: False)
    chosen = choose("buildah", cache)
    assert chosen == Buildah(cache, "vfs")
    assert isinstance(chosen, Buildah)
    assert not chosen.layered


def test_buildah_without_root_says_so(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, bare: list[tuple[str, ...]]
) -> None:
    monkeypatch.setattr(buildah.shutil, "which", lambda name: name)
    monkeypatch.setattr(buildah.os, "geteuid", lambda: 1000)
    with pytest.raises(ImagesError, match="needs root"):
        choose("auto", cache)


def test_installing_without_root_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000)
    with pytest.raises(ImagesError, match="start an engine, or run this as root"):
        machine.install(("buildah",))


def test_buildah_touches_only_storage_of_its_own(cache: Cache) -> None:
    command = Buildah(cache, "overlay").command("images")
    assert command[command.index("--root") + 1].startswith(str(cache.root))
    assert command[command.index("--runroot") + 1].startswith(str(cache.root))
