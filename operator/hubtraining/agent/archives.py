"""Zip files from strangers: opened with bounded memory, and checked member by member."""

import errno
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

MAX_DIRECTORY = 2 * 2**20
"""Bytes of a checkpoint's central directory that we are willing to hold: some 20,000 tensors."""
PIECE = 2**18
"""Bytes read at once."""
MAX_EXPANSION = 4
"""A checkpoint is stored, not compressed: one that claims to hold more than this many times its size is none."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

UNSOUND = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, NotImplementedError, RuntimeError, ValueError,
           EOFError, OverflowError)  # fmt: skip
"""Everything that ``zipfile`` raises on bytes that are no whole zip."""


class NotIntact(Exception):
    """The file is not a whole zip; the text says why."""


class _Bounded:
    """A file for ``zipfile``, which reads a central directory in one piece however large it claims to be."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._limit = limit
        self.failure: OSError | None = None
        """Of the disk: ``zipfile`` takes some of them for a file that is no zip."""
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self._limit:
            raise zipfile.BadZipFile(f"a read of {size} bytes at once; {self._limit} are allowed")
        try:
            return self._file.read(size)
        except OSError as error:
            self.failure = error
            raise


@contextmanager
def opened_zip(file: IO[bytes], max_directory: int = MAX_DIRECTORY) -> Iterator[zipfile.ZipFile]:
    """The file as a zip; raises NotIntact when it, or what is read from it inside the block, is none.

    Raises OSError where the disk fails.
    """
    bounded = _Bounded(file, max_directory)
    try:
        with zipfile.ZipFile(cast("IO[bytes]", bounded)) as archive:
            yield archive
    except UNSOUND as error:
        if bounded.failure is not None:
            raise bounded.failure from None
        raise NotIntact(f"not a whole zip file: {error}") from None
    except OSError as error:
        if error.errno not in (errno.EINVAL, None):  # anything else is the disk's failure
            raise
        # EINVAL is a seek to where no byte can be, and bz2 has no number for what it cannot read.
        raise NotIntact("not a whole zip file: its directory points nowhere") from None


def check(file: IO[bytes]) -> Iterator[int]:
    """Read every member of a checkpoint against its checksum; yields the bytes read. Raises NotIntact."""
    size = file.seek(0, 2)
    with opened_zip(file) as archive:
        members = archive.infolist()
        held = sum(member.file_size for member in members)
        if not members or held > MAX_EXPANSION * size:
            raise NotIntact(f"{len(members)} members of {held} bytes in a file of {size}: not a checkpoint")
        if any(member.compress_type not in METHODS for member in members):
            raise NotIntact("members that are neither stored nor deflated: not a checkpoint")
        for member in members:
            yield from _read_through(archive, member)


def _read_through(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[int]:
    with archive.open(member) as stream:
        while piece := stream.read(PIECE):  # the last, empty read compares the checksum
            yield len(piece)
