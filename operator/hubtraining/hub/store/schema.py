"""The tables. A change gets a new step; steps that a file has already taken are never edited."""

import sqlite3

from hubtraining.hub.store.filesystem import UnsuitableFolder

STEPS = (
    """
    CREATE TABLE keys (hash BLOB PRIMARY KEY, name TEXT NOT NULL, created_at REAL NOT NULL, revoked_at REAL)
        STRICT, WITHOUT ROWID;
    CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE models (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
        status TEXT NOT NULL, namespace TEXT NOT NULL, meta TEXT NOT NULL, config TEXT NOT NULL, dataset TEXT NOT NULL,
        project TEXT, architecture TEXT, parent TEXT,
        created_at REAL NOT NULL, updated_at REAL NOT NULL, seen_at REAL, deleted_at REAL,
        last INTEGER, best INTEGER, final INTEGER) STRICT;
    CREATE TABLE creations (kind TEXT, key TEXT, id TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;
    CREATE TABLE grants (model TEXT, namespace TEXT, session TEXT, PRIMARY KEY (model, namespace, session))
        STRICT, WITHOUT ROWID;
    CREATE TABLE writers (
        model TEXT, session TEXT, attempt INTEGER NOT NULL, seen_at REAL NOT NULL, closed_at REAL,
        PRIMARY KEY (model, session)) STRICT, WITHOUT ROWID;
    CREATE TABLE agents (
        model TEXT, id TEXT, name TEXT NOT NULL, session TEXT NOT NULL, attempt INTEGER NOT NULL, seen_at REAL NOT NULL,
        PRIMARY KEY (model, id)) STRICT, WITHOUT ROWID;
    CREATE TABLE metrics (
        model TEXT, epoch INTEGER, data TEXT NOT NULL, updated_at REAL NOT NULL, PRIMARY KEY (model, epoch))
        STRICT, WITHOUT ROWID;
    CREATE TABLE checkpoints (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, type TEXT NOT NULL, epoch INTEGER NOT NULL,
        is_best INTEGER NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, created_at REAL NOT NULL,
        session TEXT NOT NULL, attempt INTEGER NOT NULL, map REAL,
        UNIQUE (model, session, type, epoch, sha256)) STRICT;

    CREATE TABLE items (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, name TEXT NOT NULL,
        body TEXT NOT NULL, sha256 TEXT, size INTEGER, file_name TEXT,
        created_at REAL NOT NULL, updated_at REAL NOT NULL, deleted_at REAL) STRICT;
    CREATE INDEX items_by_name ON items (kind, name);
    CREATE TABLE weights (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, size INTEGER NOT NULL, updated_at REAL NOT NULL)
        STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE unneeded (sha256 TEXT PRIMARY KEY, since REAL NOT NULL) STRICT, WITHOUT ROWID;
    """,
)


def upgrade(connection: sqlite3.Connection) -> None:
    """Take the steps that this file has not taken yet; raises UnsuitableFolder for a file of a newer hub."""
    while (taken := _version(connection)) < len(STEPS):
        _take(connection, taken)
    if taken > len(STEPS):
        raise UnsuitableFolder(
            f"the hub's data is of version {taken}, this program knows up to {len(STEPS)}: use a newer one"
        )


def _take(connection: sqlite3.Connection, taken: int) -> None:
    """One step as a whole, unless another process has just taken it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _version(connection) == taken:
            for statement in STEPS[taken].split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {taken + 1}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
