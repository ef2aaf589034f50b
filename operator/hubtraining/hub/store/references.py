"""Which files are needed, and since when the others are not."""

import sqlite3
from collections.abc import Set as AbstractSet

NEEDED = """
    SELECT sha256 FROM checkpoints JOIN models ON models.id = checkpoints.model
        AND checkpoints.sequence IN (models.last, models.best, models.final)
    UNION SELECT sha256 FROM items WHERE sha256 IS NOT NULL
    UNION SELECT sha256 FROM weights
"""


def referenced(connection: sqlite3.Connection) -> set[str]:
    """SHA-256 of all files that a row names: last, best and final of each model, data sets, start weights.

    Older checkpoints stay in the history as records; soft-deleted things keep their files.
    """
    return {row["sha256"] for row in connection.execute(NEEDED)}


def unneeded(connection: sqlite3.Connection, present: AbstractSet[str], now: float) -> dict[str, float]:
    """The files among ``present`` that no row names, and since when that was noticed; kept, because servers restart."""
    known = {row["sha256"]: float(row["since"]) for row in connection.execute("SELECT * FROM unneeded")}
    found = {name: known.get(name, now) for name in present - referenced(connection)}
    connection.executemany("DELETE FROM unneeded WHERE sha256 = ?", [(name,) for name in known.keys() - found.keys()])
    connection.executemany("INSERT INTO unneeded VALUES (?, ?)", [(name, now) for name in found.keys() - known.keys()])
    return found
