"""Rows of data sets and projects: a name, free fields, and for a data set its zip."""

import sqlite3
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from hubtraining.hub.refusals import NotThere
from hubtraining.hub.store.keys import new_id

Connection = sqlite3.Connection
Kind = Literal["dataset", "project"]
TITLES: dict[Kind, str] = {"dataset": "data set", "project": "project"}


@dataclass(frozen=True)
class ItemRow:
    """One data set or project; ``sha256``, ``size`` and ``file_name`` are set once its file is there."""

    id: str
    kind: Kind
    name: str
    body: dict[str, Any]
    sha256: str | None
    size: int | None
    file_name: str | None
    created_at: float
    updated_at: float


def create(connection: Connection, kind: Kind, name: str, body: dict[str, Any], key: str | None, now: float) -> str:
    """A new item's id, or the one that the same idempotency key made before."""
    query = "SELECT id FROM creations JOIN items USING (id) WHERE creations.kind = ? AND key = ? AND deleted_at IS NULL"
    if key is not None and (known := connection.execute(query, (kind, key)).fetchone()) is not None:
        return str(known["id"])
    item = new_id()
    connection.execute(
        "INSERT INTO items (id, kind, name, body, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
        (item, kind, name, msgspec.json.encode(body).decode(), now, now),
    )
    if key is not None:
        connection.execute("INSERT OR REPLACE INTO creations VALUES (?, ?, ?)", (kind, key, item))
    return item


def get(connection: Connection, kind: Kind, item: str) -> ItemRow:
    """The item of this id; raises NotThere."""
    query = "SELECT * FROM items WHERE id = ? AND kind = ? AND deleted_at IS NULL"
    row = connection.execute(query, (item, kind)).fetchone()
    if row is None:
        raise NotThere(f"there is no {TITLES[kind]} of this id")
    return decode(row)


def by_name(connection: Connection, kind: Kind, name: str) -> ItemRow | None:
    """The item of this name: of several, one that has its file, then the newest."""
    row = connection.execute(
        "SELECT * FROM items WHERE kind = ? AND name = ? AND deleted_at IS NULL"
        " ORDER BY sha256 IS NULL, sequence DESC LIMIT 1",
        (kind, name),
    ).fetchone()
    return None if row is None else decode(row)


def update(connection: Connection, item: ItemRow, name: str, body: dict[str, Any], now: float) -> None:
    """Replace name and free fields."""
    text = msgspec.json.encode(body).decode()
    connection.execute("UPDATE items SET name = ?, body = ?, updated_at = ? WHERE id = ?", (name, text, now, item.id))


def set_file(connection: Connection, item: str, sha256: str, size: int, file_name: str, now: float) -> None:
    """Name the item's file, which is durable already."""
    connection.execute(
        "UPDATE items SET sha256 = ?, size = ?, file_name = ?, updated_at = ? WHERE id = ?",
        (sha256, size, file_name, now, item),
    )


def delete(connection: Connection, item: str, now: float, *, hard: bool) -> None:
    """Hide the item; ``hard``: forget it."""
    if hard:
        connection.execute("DELETE FROM items WHERE id = ?", (item,))
    else:
        connection.execute("UPDATE items SET deleted_at = ? WHERE id = ?", (now, item))


def decode(row: sqlite3.Row) -> ItemRow:
    """A row as it comes from SQLite."""
    values = {name: row[name] for name in row.keys() if name not in ("sequence", "deleted_at")}  # noqa: SIM118
    return ItemRow(**{**values, "body": msgspec.json.decode(values["body"])})
