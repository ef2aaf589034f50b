"""The shared volume, read with distrust: beneath one folder, no links followed, regular files only.

A trainer could put a link to the agent's token where its checkpoint is expected; here such a file does not exist.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Literal

import msgspec

Kind = Literal["last", "best"]
"""The checkpoint files of a run: ``weights/<kind>.pt``."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # non-blocking: a FIFO must not hold us


class Unsafe(OSError):
    """Something that is neither a regular file nor a plain way to one."""


class Signature(msgspec.Struct, frozen=True):
    """What changes when a file is written, truncated or replaced."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Signature":
        """The signature in a stat result."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class Workspace:
    """The folder beneath which everything happens. The folder itself is ours to name and may be a link."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, name: PurePosixPath) -> IO[bytes]:
        """A regular file, open for reading; the caller closes it. Raises FileNotFoundError, Unsafe, other OSErrors."""
        with self._folder(name.parent) as folder:
            descriptor = _open(name.name, _FILE, folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Unsafe(f"{name} is not a regular file")
        return os.fdopen(descriptor, "rb")

    def signature(self, name: PurePosixPath) -> Signature | None:
        """What tells one state of a file from another; None where there is no such regular file."""
        try:
            with self.open(name) as file:
                return Signature.of(os.fstat(file.fileno()))
        except FileNotFoundError:
            return None

    def names(self, folder: PurePosixPath) -> Iterator[str]:
        """What is in a folder, in no order; nothing where there is no such folder. Raises Unsafe, other OSErrors."""
        try:
            with self._folder(folder) as descriptor, os.scandir(descriptor) as entries:
                yield from (entry.name for entry in entries)
        except FileNotFoundError:
            return

    @contextmanager
    def _folder(self, name: PurePosixPath) -> Iterator[int]:
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in name.parts:
                if part == "..":
                    raise Unsafe(f"{name} leads out of the workspace")
                parent, descriptor = descriptor, _open(part, _FOLDER, descriptor)
                os.close(parent)
            yield descriptor
        finally:
            os.close(descriptor)


def _open(name: str, flags: int, folder: int) -> int:
    """Open one component; a link, or a file where a folder belongs, is unsafe."""
    try:
        return os.open(name, flags, dir_fd=folder)
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise Unsafe(f"{name}: {error.strerror}") from None


def read_small(workspace: Workspace, name: PurePosixPath, limit: int = 65_536) -> bytes | None:
    """The beginning of a small file; None where there is none that may be read."""
    try:
        with workspace.open(name) as file:
            return file.read(limit)
    except OSError:
        return None
