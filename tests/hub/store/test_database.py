"""Writes that share a transaction, and what a failure takes along."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hubtraining.hub.store.database import Database, InlineDatabase, ThreadedDatabase, connect, prepare, transact

Open = Callable[[Path], "ThreadedDatabase | InlineDatabase"]
BOTH = pytest.mark.parametrize("opened", [ThreadedDatabase, InlineDatabase])
Connection = sqlite3.Connection


def add(name: str) -> Callable[[Connection], str]:
    """A write."""

    def work(connection: Connection) -> str:
        connection.execute("INSERT INTO secrets VALUES (?, ?)", (name, b""))
        return name

    return work


def names(connection: Connection) -> list[str]:
    """A read."""
    return [row["name"] for row in connection.execute("SELECT name FROM secrets ORDER BY name")]


@BOTH
async def test_what_was_written_is_read_back_also_after_reopening(tmp_path: Path, opened: Open) -> None:
    async with opened(tmp_path / "db") as database:
        assert await database.write(add("a")) == "a"
        assert await database.read(names) == ["a"]
    async with opened(tmp_path / "db") as database:
        assert await database.read(names) == ["a"]


@BOTH
async def test_a_write_that_fails_is_rolled_back_and_raises_its_own_error(tmp_path: Path, opened: Open) -> None:
    def work(connection: Connection) -> None:
        add("half")(connection)
        raise LookupError("as the caller expects")

    async with opened(tmp_path / "db") as database:
        with pytest.raises(LookupError, match="as the caller expects"):
            await database.write(work)
        assert await database.read(names) == []


@BOTH
async def test_a_read_writes_nothing(tmp_path: Path, opened: Open) -> None:
    async with opened(tmp_path / "db") as database:
        await database.read(add("a"))
        assert await database.read(names) == []


async def test_writes_that_wait_together_share_one_transaction(tmp_path: Path) -> None:
    batches: list[int] = []
    release = threading.Event()
    async with ThreadedDatabase(tmp_path / "db", on_batch=batches.append) as database:
        first = asyncio.create_task(blocked(database, release))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(database.write(add(str(number)))) for number in range(50)]
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(first, *rest)
        assert len(await database.read(names)) == 50
    assert batches == [1, 50]


async def blocked(database: Database, release: threading.Event) -> None:
    """A write that takes until ``release``."""

    def work(_: Connection) -> None:
        release.wait(10)

    await database.write(work)


def test_one_that_fails_takes_none_of_its_neighbours_along(tmp_path: Path) -> None:
    connection = prepare(tmp_path / "db")
    results = transact(connection, [add("a"), add("a"), add("b")])
    assert results[0] == "a"
    assert isinstance(results[1], sqlite3.IntegrityError)
    assert results[2] == "b"
    assert names(connection) == ["a", "b"]
    connection.close()


def test_a_full_disk_fails_the_whole_batch_and_keeps_what_was_there(tmp_path: Path) -> None:
    connection = prepare(tmp_path / "db")
    transact(connection, [add("before")])
    connection.execute("PRAGMA max_page_count = 1")
    results = transact(connection, [add("a"), add("x" * 100_000), add("b")])
    errors = [result.sqlite_errorcode for result in results if isinstance(result, sqlite3.Error)]
    assert sqlite3.SQLITE_FULL in errors
    connection.execute("PRAGMA max_page_count = 100000")
    survivors = [result for result in results if isinstance(result, str)]
    assert names(connection) == sorted(["before", *survivors])
    transact(connection, [add("after")])
    assert "after" in names(connection)
    connection.close()


def test_a_batch_whose_commit_fails_fails_for_everyone(tmp_path: Path) -> None:
    connection, other = prepare(tmp_path / "db"), connect(tmp_path / "db")
    connection.execute("PRAGMA busy_timeout = 0")
    other.execute("BEGIN IMMEDIATE")
    results = transact(connection, [add("a"), add("b")])
    assert [type(result) for result in results] == [sqlite3.OperationalError] * 2
    other.execute("ROLLBACK")
    assert names(connection) == []
    assert transact(connection, [add("a")]) == ["a"]
    connection.close()
    other.close()


async def test_a_caller_that_went_away_disturbs_nobody(tmp_path: Path) -> None:
    release = threading.Event()
    async with ThreadedDatabase(tmp_path / "db") as database:
        gone = asyncio.create_task(blocked(database, release))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        release.set()
        assert await database.write(add("a")) == "a"


async def test_leaving_waits_for_writes_that_are_under_way(tmp_path: Path) -> None:
    async with ThreadedDatabase(tmp_path / "db") as database:
        tasks = [asyncio.create_task(database.write(add(str(number)))) for number in range(20)]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    async with InlineDatabase(tmp_path / "db") as reopened:
        assert len(await reopened.read(names)) == 20


async def test_another_process_may_write_meanwhile(tmp_path: Path) -> None:
    async with ThreadedDatabase(tmp_path / "db") as database:
        other = connect(tmp_path / "db")
        add("theirs")(other)
        other.close()
        await database.write(add("ours"))
        assert await database.read(names) == ["ours", "theirs"]


def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    connection = prepare(tmp_path / "db")
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    connection.close()
