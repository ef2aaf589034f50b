"""The tables of new, known and newer files."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from hubtraining.hub.store.database import connect, prepare
from hubtraining.hub.store.filesystem import UnsuitableFolder
from hubtraining.hub.store.schema import STEPS, upgrade


def tables(connection: sqlite3.Connection) -> set[str]:
    return {row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_new_file_gets_all_tables_and_an_old_one_keeps_its_rows(tmp_path: Path) -> None:
    connection = connect(tmp_path / "db")
    upgrade(connection)
    connection.execute("INSERT INTO secrets VALUES ('a', x'00')")
    upgrade(connection)
    assert {"models", "metrics", "checkpoints", "keys"} <= tables(connection)
    assert connection.execute("SELECT count(*) FROM secrets").fetchone()[0] == 1
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(STEPS)
    connection.close()


def test_the_file_of_a_newer_hub_is_left_alone(tmp_path: Path) -> None:
    connection = connect(tmp_path / "db")
    connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(UnsuitableFolder, match="use a newer one"):
        upgrade(connection)
    assert tables(connection) == set()
    connection.close()


def test_several_programs_may_open_a_new_folder_at_once(tmp_path: Path) -> None:
    def opened(_: int) -> int:
        with closing(prepare(tmp_path / "db")) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(opened, range(8))) == {len(STEPS)}


def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(UnsuitableFolder, match="no database"):
        prepare(tmp_path / "db")
