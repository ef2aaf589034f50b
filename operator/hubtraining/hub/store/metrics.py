"""Metrics by epoch: the last value of each name wins."""

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

Values = dict[str, float | int | None]
"""Metrics of one epoch by name; None is a value that was not finite."""


def put(connection: sqlite3.Connection, model: str, epochs: Mapping[int, Values], now: float) -> None:
    """Merge the epochs into what is known; an old client's final evaluation thus keeps the losses of its epoch."""
    for epoch, values in epochs.items():
        row = connection.execute("SELECT data FROM metrics WHERE model = ? AND epoch = ?", (model, epoch)).fetchone()
        known = {} if row is None else msgspec.json.decode(row["data"])
        text = msgspec.json.encode({**known, **values}).decode()
        connection.execute("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?)", (model, epoch, text, now))


def newest(connection: sqlite3.Connection, model: str) -> tuple[int, Values] | None:
    """The last epoch and its metrics; epochs count from 0."""
    query = "SELECT epoch, data FROM metrics WHERE model = ? ORDER BY epoch DESC LIMIT 1"
    row = connection.execute(query, (model,)).fetchone()
    return None if row is None else (row["epoch"], msgspec.json.decode(row["data"]))


def series(connection: sqlite3.Connection, model: str) -> list[dict[str, Any]]:
    """One item a metric, in the order in which they first appeared: its name, and its values by epoch."""
    found: dict[str, dict[str, Any]] = {}
    query = "SELECT epoch, data FROM metrics WHERE model = ? ORDER BY epoch"
    for row in connection.execute(query, (model,)):
        for name, value in msgspec.json.decode(row["data"]).items():
            found.setdefault(name, {})[str(row["epoch"])] = value
    return [{"meta": {"name": name}, "data": values} for name, values in found.items()]
