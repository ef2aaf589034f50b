"""Files by content: written beside their place, checked, fsynced, renamed.

A crash leaves the old or the new, never a part.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self


class Spool:
    """A file on its way in: ``with`` removes it again unless :meth:`Blobs.keep` took it."""

    def __init__(self, path: Path, reserve: int) -> None:
        self.path = path
        self.size = 0
        self._reserve = reserve
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        self._file = self.path.open("xb", buffering=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """Of what was written so far, lowercase hex."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Append; OSError ENOSPC when the disk has less than the reserve left."""
        if free_bytes(self.path.parent) < self._reserve + len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._hash.update(data)
        self.size += len(data)

    def sync(self) -> None:
        """Return when the bytes are on the disk."""
        os.fsync(self._file.fileno())


class Blobs:
    """The folder of files by SHA-256.

    ``reserve``: bytes of the disk that files leave free, so that rows can still be written.
    """

    def __init__(self, folder: Path, *, reserve: int) -> None:
        self.folder = folder / "blobs"
        self._incoming = folder / "incoming"
        self._reserve = reserve

    def prepare(self) -> None:
        """Make the folders, durably."""
        for folder in (self.folder, self._incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(self.folder.parent)

    def clean(self) -> None:
        """Throw away what a killed server left half-written; only while nobody else serves this folder."""
        for left in self._incoming.glob("serve-*"):
            left.unlink()

    def clean_owners(self, now: float, seconds: float) -> None:
        """Throw away what killed commands of the owner left: nothing was written to it for so long."""
        for left in self._incoming.glob("owner-*"):
            if now - left.stat().st_mtime >= seconds:
                left.unlink(missing_ok=True)

    def spool(self, purpose: str = "serve") -> Spool:
        """A new file on its way in; ``serve`` is thrown away at the next start if it is left over."""
        return Spool(self._incoming / f"{purpose}-{secrets.token_hex(16)}", self._reserve)

    def space(self) -> int:
        """Bytes that files may still take."""
        return free_bytes(self._incoming) - self._reserve

    def keep(self, spool: Spool) -> str:
        """Make the file permanent and return its SHA-256; the row that names it comes after."""
        spool.sync()
        with self._alone():
            spool.path.replace(self.path(spool.sha256))
        sync_folder(self.folder)
        return spool.sha256

    def throw_away(self, sha256: str, now: float, seconds: float) -> bool:
        """Delete a file, unless the same content came in again less than ``seconds`` ago."""
        path = self.path(sha256)
        with self._alone():
            if not path.exists() or now - path.stat().st_mtime < seconds:
                return False
            path.unlink()
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Among threads and processes: a file that is thrown away could just be coming in again."""
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def names(self) -> set[str]:
        """The SHA-256 of every file."""
        return {file.name for file in self.folder.iterdir()}

    def path(self, sha256: str) -> Path:
        """Where the file of this content lies."""
        return self.folder / sha256


def free_bytes(folder: Path) -> int:
    """What the disk has left for us."""
    return shutil.disk_usage(folder).free


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
