"""Is this folder one where fsync, rename and locks mean what a database needs?"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

REFUSED = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "lustre", "beegfs", "ceph-fuse"})
IN_USER_SPACE = "fuse."
"""Buckets, SSH, clusters: all but the one that lies over a local disk."""
LOCAL = frozenset({"fuse.fuse-overlayfs"})
MOUNTS = Path("/proc/self/mountinfo")


class UnsuitableFolder(Exception):
    """The hub cannot keep its promises in this folder; the text says why and what to do."""


def file_system(folder: PurePosixPath, mounts: Iterable[str]) -> str:
    """The type of the file system that ``folder`` (absolute, resolved) lies on; lines are of /proc/self/mountinfo."""
    best, kind = -1, ""
    for line in mounts:
        before, _, after = line.partition(" - ")
        point = PurePosixPath(before.split()[4].encode().decode("unicode_escape"))
        depth = len(point.parts)
        if depth >= best and folder.is_relative_to(point):  # of two mounts on one point the later one is on top
            best, kind = depth, after.split()[0]
    return kind


def check(folder: Path, mounts: Path = MOUNTS) -> None:
    """Raise UnsuitableFolder on a network file system: SQLite's log needs shared memory and locks that work."""
    if not mounts.exists():
        return
    with mounts.open() as lines:
        kind = file_system(PurePosixPath(folder.resolve()), lines)
    if kind in REFUSED or (kind.startswith(IN_USER_SPACE) and kind not in LOCAL):
        raise UnsuitableFolder(f"the data folder {folder} is on {kind}: use a local or block file system (ext4, xfs)")


def prepare(folder: Path) -> None:
    """Make the folder if it is missing; raise UnsuitableFolder if it cannot be used."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check(folder)


@contextmanager
def only_server(folder: Path) -> Iterator[None]:
    """Hold the folder for one serving process; raise UnsuitableFolder while another has it."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UnsuitableFolder(f"another hub already serves {folder}: one folder has one server") from None
    finally:
        os.close(handle)
