"""Start weights that were uploaded, by file name."""

import sqlite3
from dataclasses import dataclass

from hubtraining.hub.refusals import NotThere


@dataclass(frozen=True)
class WeightsRow:
    """Weights of one name; the same name again replaces them."""

    name: str
    sha256: str
    size: int
    updated_at: float


def put(connection: sqlite3.Connection, row: WeightsRow) -> None:
    """Name a file, which is durable already."""
    values = (row.name, row.sha256, row.size, row.updated_at)
    connection.execute("INSERT OR REPLACE INTO weights VALUES (?, ?, ?, ?)", values)


def find(connection: sqlite3.Connection, name: str) -> WeightsRow | None:
    """The weights of this name, if there are any."""
    row = connection.execute("SELECT * FROM weights WHERE name = ?", (name,)).fetchone()
    return None if row is None else WeightsRow(**dict(row))


def get(connection: sqlite3.Connection, name: str) -> WeightsRow:
    """The weights of this name; raises NotThere."""
    if (row := find(connection, name)) is None:
        raise NotThere("there are no weights of this name")
    return row


def all_of(connection: sqlite3.Connection) -> list[WeightsRow]:
    """All weights, by name."""
    return [WeightsRow(**dict(row)) for row in connection.execute("SELECT * FROM weights ORDER BY name")]


def delete(connection: sqlite3.Connection, name: str) -> None:
    """Forget them; raises NotThere."""
    if connection.execute("DELETE FROM weights WHERE name = ?", (name,)).rowcount == 0:
        raise NotThere("there are no weights of this name")
