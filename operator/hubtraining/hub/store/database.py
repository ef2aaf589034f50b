"""SQLite off the event loop: one thread writes, a few read.

Writes that wait at the same time share one transaction, so one fsync serves them all; each has a savepoint, so one
that fails takes nothing of its neighbours along. A write's result is seen only after the commit.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from hubtraining.hub.store.filesystem import UnsuitableFolder
from hubtraining.hub.store.schema import upgrade

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

READERS = 2
MAX_BATCH = 512
UNREADABLE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
BUSY_SECONDS = 10.0
"""How long a write waits for another process (``hubtraining hub key create``) to finish its own."""


class Database(Protocol):
    """Rows: ``work`` gets a connection and must finish all it does with it before it returns."""

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on a snapshot."""
        ...

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction; returns after the commit, raises what ``work`` raised after a rollback."""
        ...


def connect(path: Path) -> sqlite3.Connection:
    """A connection that survives losing power: WAL, and an fsync with every commit."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
    connection.row_factory = sqlite3.Row
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def prepare(path: Path) -> sqlite3.Connection:
    """A connection to a file whose tables are there; raises UnsuitableFolder where the file is none of ours."""
    try:
        connection = connect(path)
        upgrade(connection)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) not in UNREADABLE:
            raise
        raise UnsuitableFolder(f"{path} is no database that this hub can read ({error}): restore it") from None
    return connection


def transact(connection: sqlite3.Connection, works: list[Work[Any]]) -> list[Any]:
    """All of ``works`` in one transaction; each result is what it returned or the exception it raised."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        results = [_attempt(connection, work) for work in works]
        connection.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 - each caller gets it
        with suppress(sqlite3.Error):  # a disk that fails now fails the next call, too, which tries again
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return [error] * len(works)
    return results


def snapshot(connection: sqlite3.Connection, work: Work[T]) -> T:
    """Run ``work`` so that all it reads is of one moment."""
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        connection.execute("ROLLBACK")


def _attempt(connection: sqlite3.Connection, work: Work[Any]) -> Any:
    connection.execute("SAVEPOINT work")
    try:
        result = work(connection)
    except Exception as error:
        if not connection.in_transaction:  # a full disk rolls back everything
            raise
        connection.execute("ROLLBACK TO work")
        result = error
    connection.execute("RELEASE work")
    return result


@dataclass(frozen=True)
class _Waiting:
    work: Work[Any]
    future: asyncio.Future[Any]

    def deliver(self, result: Any) -> None:
        """Wake the caller, unless it has gone."""
        if self.future.done():
            return
        if isinstance(result, Exception):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


class ThreadedDatabase:
    """The database as the server uses it: ``async with`` starts and stops its threads."""

    def __init__(self, path: Path, *, on_batch: Callable[[int], None] = lambda size: None) -> None:
        self._path = path
        self._on_batch = on_batch
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._writing = await asyncio.to_thread(prepare, self._path)
        self._readers = ThreadPoolExecutor(READERS, "hub-reader", initializer=self._open_reader)
        self._writer = threading.Thread(target=self._write_for_ever, name="hub-writer", daemon=True)
        self._writer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        for connection in [*self._opened, self._writing]:
            connection.close()

    async def read(self, work: Work[T]) -> T:
        return await self._loop.run_in_executor(self._readers, self._read, work)

    async def write(self, work: Work[T]) -> T:
        waiting = _Waiting(work, self._loop.create_future())
        self._queue.put(waiting)
        result: T = await waiting.future
        return result

    def _open_reader(self) -> None:
        self._local.connection = connect(self._path)
        self._opened.append(self._local.connection)

    def _read(self, work: Work[T]) -> T:
        return snapshot(self._local.connection, work)

    def _write_for_ever(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, stop = self._gather(first)
            results = transact(self._writing, [waiting.work for waiting in batch])
            self._loop.call_soon_threadsafe(self._deliver, batch, results)
            if stop:
                return

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """Everything that waits already, and whether the end was among it."""
        batch = [first]
        while len(batch) < MAX_BATCH and not self._queue.empty():
            waiting = self._queue.get()
            if waiting is None:
                return batch, True
            batch.append(waiting)
        return batch, False

    def _deliver(self, batch: list[_Waiting], results: list[Any]) -> None:
        self._on_batch(len(batch))
        for waiting, result in zip(batch, results, strict=True):
            waiting.deliver(result)


class InlineDatabase:
    """The same without threads: for command lines, and for tests that run in virtual time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __aenter__(self) -> Self:
        self._connection = prepare(self._path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    async def read(self, work: Work[T]) -> T:
        return snapshot(self._connection, work)

    async def write(self, work: Work[T]) -> T:
        (result,) = transact(self._connection, [work])
        if isinstance(result, Exception):
            raise result
        outcome: T = result
        return outcome
