"""A table that a trainer appends to, read as it grows: each look tells what is new. Blocking, small reads."""

import os
from pathlib import PurePosixPath
from typing import IO

import msgspec

from hubtraining.agent.json_lines import JsonLines
from hubtraining.agent.results import Table
from hubtraining.agent.run_folder import Workspace
from hubtraining.domain.progress import EpochRow

CSV = "results.csv"
JSONL = "metrics.jsonl"
Reader = Table | JsonLines

MAX_READ = 4 * 2**20
"""Bytes of the table that one look reads: a long run that was there before us comes in several looks."""
MEMORY = 512
"""Bytes before our place in the table that must still be the same: tells a table that grew from a new one."""


def reader(name: str) -> Reader:
    """What reads the lines of a table of this name."""
    return Table() if name == CSV else JsonLines()


class Growth(msgspec.Struct, frozen=True):
    """What one look has read."""

    rows: tuple[EpochRow, ...] = ()
    anew: bool = False
    """The table began again, so rows of before are void: the first of ``rows`` is its first."""
    more: bool = False
    """There is more than one look reads."""


class GrowingTable:
    """One file, and how far it has been read."""

    def __init__(self, workspace: Workspace, name: PurePosixPath) -> None:
        self.name = name.name
        self.reader = reader(self.name)
        self._workspace = workspace
        self._name = name
        self._offset = 0
        self._before = b""

    def look(self) -> Growth | None:
        """What is new; None where there is no such file. Raises Unsafe, other OSErrors."""
        try:
            with self._workspace.open(self._name) as file:
                return self._read(file)
        except FileNotFoundError:
            return None

    def _read(self, file: IO[bytes]) -> Growth:
        anew = not self._continues(file)
        if anew:
            self.reader, self._offset, self._before = reader(self.name), 0, b""
        file.seek(self._offset)
        piece = file.read(MAX_READ)
        self._offset += len(piece)
        self._before = (self._before + piece[-MEMORY:])[-MEMORY:]
        return Growth(tuple(self.reader.feed(piece)), anew, len(piece) == MAX_READ)

    def _continues(self, file: IO[bytes]) -> bool:
        """Whether what we have read is still there; a table that was truncated, or written anew, fails this."""
        if self._offset > os.fstat(file.fileno()).st_size:
            return False
        file.seek(self._offset - len(self._before))
        return file.read(len(self._before)) == self._before
