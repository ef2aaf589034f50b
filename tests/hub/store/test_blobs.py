"""Files that are there whole, or not at all."""

import errno
import fcntl
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hubtraining.hub.store import blobs as module
from hubtraining.hub.store.blobs import Blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    blobs = Blobs(tmp_path, reserve=0)
    blobs.prepare()
    return blobs


def left(blobs: Blobs) -> list[str]:
    return [file.name for file in (blobs.folder.parent / "incoming").iterdir()]


def test_a_kept_file_is_found_by_its_content(blobs: Blobs) -> None:
    with blobs.spool() as spool:
        for data in (b"one", b"", b"two"):
            spool.write(data)
        name = blobs.keep(spool)
    assert name == hashlib.sha256(b"onetwo").hexdigest() == spool.sha256
    assert blobs.path(name).read_bytes() == b"onetwo"
    assert spool.size == 6
    assert left(blobs) == []


def test_a_file_that_is_not_kept_is_removed(blobs: Blobs) -> None:
    with blobs.spool() as spool:
        spool.write(b"half")
        assert left(blobs) != []
    assert left(blobs) == []
    assert list(blobs.folder.iterdir()) == []


def test_keeping_the_same_content_twice_leaves_one_file(blobs: Blobs) -> None:
    for _ in range(2):
        with blobs.spool() as spool:
            spool.write(b"same")
            blobs.keep(spool)
    assert len(list(blobs.folder.iterdir())) == 1


def test_only_what_a_server_left_is_cleaned(blobs: Blobs) -> None:
    incoming = blobs.folder.parent / "incoming"
    (incoming / "serve-1").write_bytes(b"half")
    (incoming / "owner-1").write_bytes(b"being written by a command")
    blobs.clean()
    assert left(blobs) == ["owner-1"]


def test_a_file_that_would_use_the_reserve_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "free_bytes", lambda folder: 1000)
    blobs = Blobs(tmp_path, reserve=900)
    blobs.prepare()
    assert blobs.space() == 100
    with blobs.spool() as spool:
        spool.write(b"x" * 100)
        with pytest.raises(OSError, match="No space") as caught:
            spool.write(b"x" * 101)
    assert caught.value.errno == errno.ENOSPC
    assert left(blobs) == []


def test_nobody_else_may_read_the_files(blobs: Blobs) -> None:
    with blobs.spool() as spool:
        spool.write(b"x")
        path = blobs.path(blobs.keep(spool))
    assert blobs.folder.stat().st_mode & 0o077 == 0
    assert path.parent == blobs.folder


def test_file_and_folder_are_on_the_disk_before_keep_returns(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(handle: int) -> None:
        done.append(f"fsync {'folder' if Path(f'/proc/self/fd/{handle}').resolve().is_dir() else 'file'}")
        fsync(handle)

    def note_replace(path: Path, target: Path) -> Path:
        done.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    with blobs.spool() as spool:
        spool.write(b"x")
        blobs.keep(spool)
    assert done == ["fsync file", "rename", "fsync folder"]


def test_content_that_comes_in_while_it_is_thrown_away_stays(blobs: Blobs) -> None:
    with blobs.spool() as spool:
        spool.write(b"same")
        name = blobs.keep(spool)
    os.utime(blobs.path(name), (0, 0))
    holding = os.open(blobs.folder, os.O_RDONLY)
    fcntl.flock(holding, fcntl.LOCK_EX)
    with ThreadPoolExecutor() as pool, blobs.spool() as again:
        thrown = pool.submit(blobs.throw_away, name, time.time(), 100)
        again.write(b"same")
        again.path.replace(blobs.path(name))
        os.close(holding)
        assert not thrown.result()
    assert blobs.path(name).exists()


def test_an_old_file_is_thrown_away_once(blobs: Blobs) -> None:
    blobs.path("abc").write_bytes(b"x")
    os.utime(blobs.path("abc"), (0, 0))
    assert blobs.throw_away("abc", 100, 100)
    assert not blobs.throw_away("abc", 100, 100)


def test_what_a_killed_command_left_goes_after_a_while(blobs: Blobs) -> None:
    for name, written in (("owner-1", 0), ("owner-2", 60)):
        (blobs.folder.parent / "incoming" / name).write_bytes(b"half")
        os.utime(blobs.folder.parent / "incoming" / name, (written, written))
    blobs.clean_owners(100, 100)
    assert left(blobs) == ["owner-2"]
