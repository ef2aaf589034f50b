"""The shared volume, read with distrust."""

import os
import socket
from pathlib import Path, PurePosixPath

import pytest

from hubtraining.agent.run_folder import Signature, Unsafe, Workspace, read_small

NAME = PurePosixPath("run/weights/last.pt")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with one file, and a secret beside it."""
    root = tmp_path / "workspace"
    (root / "run/weights").mkdir(parents=True)
    (root / NAME).write_bytes(b"weights")
    (tmp_path / "token").write_bytes(b"secret")
    return root


def test_a_regular_file_is_read(root: Path) -> None:
    with Workspace(root).open(NAME) as file:
        assert file.read() == b"weights"


def test_a_workspace_that_is_a_link_itself_is_ours_to_name(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert read_small(Workspace(tmp_path / "link"), NAME) == b"weights"


def test_a_file_that_is_a_link_is_not_followed(root: Path) -> None:
    (root / NAME).unlink()
    (root / NAME).symlink_to("../../../token")
    with pytest.raises(Unsafe):
        Workspace(root).open(NAME)


@pytest.mark.parametrize("folder", ["run", "run/weights"])
def test_a_folder_that_is_a_link_is_not_followed(root: Path, tmp_path: Path, folder: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (root / folder).rename(elsewhere)
    (root / folder).symlink_to(elsewhere)
    with pytest.raises(Unsafe):
        Workspace(root).open(NAME)


def test_a_folder_that_is_swapped_for_a_link_while_it_is_walked_leads_nowhere(root: Path, tmp_path: Path) -> None:
    with Workspace(root)._folder(NAME.parent) as descriptor:
        (root / "run").rename(root / "before")
        (root / "run").symlink_to(tmp_path)
        assert Path(f"/proc/self/fd/{descriptor}").readlink() == root / "before/weights"


@pytest.mark.parametrize("name", ["../token", "run/../../token", "run/weights/../../../token"])
def test_a_name_that_leads_out_is_refused(root: Path, name: str) -> None:
    with pytest.raises(Unsafe):
        Workspace(root).open(PurePosixPath(name))


def test_a_pipe_does_not_hold_us(root: Path) -> None:
    (root / NAME).unlink()
    os.mkfifo(root / NAME)
    with pytest.raises(Unsafe, match="not a regular file"):
        Workspace(root).open(NAME)


def test_a_socket_and_a_folder_are_no_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        with pytest.raises(OSError):  # noqa: PT011 - whatever the system calls it
            Workspace(root).open(PurePosixPath("socket"))
    with pytest.raises(Unsafe):
        Workspace(root).open(PurePosixPath("run/weights"))


def test_a_file_where_a_folder_belongs_is_unsafe(root: Path) -> None:
    with pytest.raises(Unsafe):
        Workspace(root).open(NAME / "deeper")


def test_what_is_not_there_has_no_signature(root: Path) -> None:
    assert Workspace(root).signature(PurePosixPath("run/none.pt")) is None
    assert Workspace(root / "none").signature(NAME) is None


def test_a_signature_changes_with_every_way_of_writing(root: Path) -> None:
    workspace, path = Workspace(root), root / NAME
    seen = {workspace.signature(NAME)}
    for content in (b"WEIGHTS", b"longer weights", b""):
        path.write_bytes(content)
        seen.add(workspace.signature(NAME))
    other = path.with_name("other")
    other.write_bytes(b"")
    other.rename(path)
    seen.add(workspace.signature(NAME))
    assert len(seen) == 5


def test_touching_a_files_time_back_does_not_hide_that_it_was_written(root: Path) -> None:
    before = Signature.of((root / NAME).stat())
    (root / NAME).write_bytes(b"WEIGHTS")
    os.utime(root / NAME, ns=(before.modified_ns, before.modified_ns))
    assert Workspace(root).signature(NAME) != before


def test_the_names_in_a_folder_are_listed_and_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    workspace = Workspace(root)
    assert list(workspace.names(PurePosixPath("run/weights"))) == ["last.pt"]
    assert list(workspace.names(PurePosixPath("run/none"))) == []
    (root / "run/checkpoints").symlink_to(tmp_path)
    with pytest.raises(Unsafe):
        list(workspace.names(PurePosixPath("run/checkpoints")))


def test_only_the_beginning_of_a_small_file_is_read(root: Path) -> None:
    assert read_small(Workspace(root), NAME, 3) == b"wei"
    assert read_small(Workspace(root), PurePosixPath("run")) is None


def test_nothing_stays_open(root: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in (NAME, NAME / "deeper", PurePosixPath("run"), PurePosixPath("../token"), PurePosixPath("none/a")):
        read_small(Workspace(root), name)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
