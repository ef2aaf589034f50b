"""Where a cluster keeps its things, and how two runs stay out of each other's way."""

import threading
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.paths import cache_root, layout, locked, must_be_visible, state_root, write


def test_the_state_follows_the_environment() -> None:
    assert state_root({"HUBTRAINING_STATE": "/data/clusters"}) == Path("/data/clusters")
    assert state_root({"XDG_STATE_HOME": "/home/me/state"}) == Path("/home/me/state/hubtraining")
    assert state_root({}) == Path.home() / ".local/state/hubtraining"


def test_what_is_built_goes_to_the_users_cache() -> None:
    assert cache_root({"XDG_CACHE_HOME": "/cache"}) == Path("/cache/hubtraining/cluster")
    assert cache_root({"XDG_CACHE_HOME": ""}) == Path.home() / ".cache/hubtraining/cluster"


def test_the_kubeconfig_has_a_known_place() -> None:
    assert layout("dev", {"HUBTRAINING_STATE": "/state"}).kubeconfig == Path("/state/dev/kubeconfig")


@pytest.mark.parametrize("name", ["", "Dev", "a/b", "../dev", "-dev", "dev-", "x" * 31, "dev\n"])
def test_a_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="cannot name a cluster"):
        layout(name, {})


@pytest.mark.parametrize("name", ["dev", "e2e-1", "x", "x" * 30])
def test_a_plain_name_is_taken(name: str) -> None:
    assert layout(name, {}).name == name


def test_a_folder_that_the_node_cannot_see_is_refused() -> None:
    must_be_visible(Path("/home/me/state"))
    with pytest.raises(ClusterError, match="choose a folder outside"):
        must_be_visible(Path("/run/user/0/state"))


def test_a_file_is_written_at_once_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "new" / "secret"
    write(file, "one", mode=0o600)
    write(file, "two", mode=0o600)
    assert file.read_text() == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["secret"]


def test_a_lock_leaves_no_file(tmp_path: Path) -> None:
    with locked(tmp_path / "state"):
        assert list((tmp_path / "state").iterdir()) == []


def test_a_lock_keeps_others_out_even_when_its_folder_is_deleted(tmp_path: Path) -> None:
    order: list[str] = []

    def other() -> None:
        with locked(tmp_path / "state"):
            order.append("other")

    with locked(tmp_path / "state"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.2)
        order.append("first")
        (tmp_path / "state").rmdir()
    thread.join(5)
    assert order == ["first", "other"]
    assert (tmp_path / "state").is_dir()
