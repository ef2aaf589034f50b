"""Lists in pages: the newest first, each page beginning after the last id of the one before."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_LIMIT = 200


@dataclass(frozen=True)
class Ask:
    """Which page is asked for. ``limit`` is between 1 and MAX_LIMIT."""

    limit: int = 25
    after: str | None = None
    query: str = ""
    """Part of the name."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page, and how many rows there are in all."""

    rows: list[T]
    total: int
    last_id: str | None


def models(connection: sqlite3.Connection, ask: Ask, decode: Callable[[sqlite3.Row], T]) -> Page[T]:
    """A page of models."""
    return _page(connection, "models", "deleted_at IS NULL", (), ask, decode)


def items(connection: sqlite3.Connection, kind: str, ask: Ask, decode: Callable[[sqlite3.Row], T]) -> Page[T]:
    """A page of data sets or projects."""
    return _page(connection, "items", "deleted_at IS NULL AND kind = ?", (kind,), ask, decode)


def _page(
    connection: sqlite3.Connection,
    table: str,
    where: str,
    values: tuple[str, ...],
    ask: Ask,
    decode: Callable[[sqlite3.Row], T],
) -> Page[T]:
    """``table`` and ``where`` are the program's own words, never a caller's."""
    where, values = f"{where} AND instr(lower(name), lower(?)) > 0", (*values, ask.query)
    total = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}", values).fetchone()[0]  # noqa: S608
    after = connection.execute(f"SELECT sequence FROM {table} WHERE id = ?", (ask.after,)).fetchone()  # noqa: S608
    rows = connection.execute(
        f"SELECT * FROM {table} WHERE {where} AND sequence < ? ORDER BY sequence DESC LIMIT ?",  # noqa: S608
        (*values, after["sequence"] if after else 1 << 62, ask.limit),
    ).fetchall()
    return Page([decode(row) for row in rows], total, str(rows[-1]["id"]) if rows else None)
