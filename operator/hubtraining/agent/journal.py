"""The ledger on disk: appended and flushed before anything relies on it, rewritten by rename when it has grown.

Losing it loses nothing for good: it is built again from results.csv, and hubs take the same epoch twice.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from hubtraining.agent.ledger import Begun, Entry, Ledger

log = logging.getLogger("hubtraining.agent")

MAX_LINES = 20_000
"""Entries after which the file is rewritten."""


class Journal:
    """A ledger and its file. Where the disk refuses, the ledger lives on in memory and the log says so once."""

    def __init__(self, folder: Path, owner: Begun) -> None:
        self.ledger = Ledger()
        self.ledger.add(owner)
        self._owner = owner
        self._path = folder / "journal.jsonl"
        self._lines = 0
        self._lock = asyncio.Lock()
        self._refused = ""

    async def open(self) -> None:
        """Take over what an earlier process of the same attempt left; anything else is left behind."""
        async with self._lock:
            before = await asyncio.to_thread(replay, self._path)
            if before.begun == self._owner:
                self.ledger = before
            await self._try(self._rewrite)

    async def add(self, *entries: Entry) -> None:
        """Fold entries in, on disk when this returns."""
        if not entries:
            return
        async with self._lock:
            for entry in entries:
                self.ledger.add(entry)
            self._lines += len(entries)
            await self._try(self._rewrite if self._lines > MAX_LINES or self._refused else self._append, entries)

    async def _try(self, write: Callable[[Iterable[Entry]], None], entries: Iterable[Entry] = ()) -> None:
        try:
            await asyncio.to_thread(write, entries)
        except OSError as error:
            if not self._refused:
                log.warning("the journal cannot be written (%s): a restart of the agent will read the run again", error)
            self._refused = str(error)
        else:
            self._refused = ""

    def _append(self, entries: Iterable[Entry]) -> None:
        with self._path.open("ab") as file:
            file.write(b"".join(map(_line, entries)))
            file.flush()
            os.fsync(file.fileno())

    def _rewrite(self, _: Iterable[Entry] = ()) -> None:
        """The whole ledger in fewer lines; the old file stands until the new one is on disk."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        entries = list(self.ledger.entries())
        part = self._path.with_suffix(".part")
        with part.open("wb") as file:
            file.writelines(map(_line, entries))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)
        _flush_folder(self._path.parent)
        self._lines = len(entries)


def replay(path: Path) -> Ledger:
    """The ledger that a file tells; a last line that was never finished tells nothing."""
    ledger = Ledger()
    try:
        with path.open("rb") as file:
            for line in file:
                ledger.add(msgspec.json.decode(line, type=Entry))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        if not isinstance(error, FileNotFoundError):
            log.warning("the journal is read up to its first bad entry: %s", error)
    return ledger


def _line(entry: Entry) -> bytes:
    return msgspec.json.encode(entry) + b"\n"


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
