"""Rows of models: what was asked for at creation, and where the model stands."""

import sqlite3
from typing import Any

import msgspec

from hubtraining.hub import wire
from hubtraining.hub.callers import Caller
from hubtraining.hub.refusals import Forbidden, Invalid, NotThere
from hubtraining.hub.store import claims, items
from hubtraining.hub.store.keys import new_id

Connection = sqlite3.Connection
JSON = dict[str, Any]


class Draft(msgspec.Struct, frozen=True):
    """A model to be created, read and checked."""

    name: str
    meta: JSON
    config: JSON
    """``batch``, ``epochs``, ``imgsz``, ``patience``, ``device``, ``cache`` by their names in training."""
    dataset: JSON
    """``name``, and ``id`` where one was given."""
    project: str | None = None
    architecture: str | None = None
    """Name without ending."""
    parent: str | None = None
    """File name of the weights it starts from."""


class ModelRow(msgspec.Struct, frozen=True):
    """One row, its JSON decoded; times are unix seconds.

    ``last``, ``best`` and ``final`` are sequences of checkpoints.
    """

    id: str
    name: str
    status: wire.ModelState
    namespace: str
    meta: JSON
    config: JSON
    dataset: JSON
    project: str | None
    architecture: str | None
    parent: str | None
    created_at: float
    updated_at: float
    seen_at: float | None
    last: int | None
    best: int | None
    final: int | None


def create(connection: Connection, draft: Draft, caller: Caller, key: str | None, now: float) -> str:
    """A new model's id, or the one that the same idempotency key made before."""
    if key is not None and (known := _created_before(connection, key)) is not None:
        return known
    if (dataset_id := draft.dataset.get("id")) is not None:
        items.get(connection, "dataset", dataset_id)
    model = new_id()
    connection.execute(
        "INSERT INTO models (id, name, status, namespace, meta, config, dataset, project, architecture, parent,"
        " created_at, updated_at) VALUES (?, ?, 'new', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (model, draft.name, caller.namespace, _json(draft.meta), _json(draft.config), _json(draft.dataset),
         draft.project, draft.architecture, draft.parent, now, now),
    )  # fmt: skip
    if key is not None:
        connection.execute("INSERT OR REPLACE INTO creations VALUES ('model', ?, ?)", (key, model))
    if caller.writer is not None and caller.namespace:
        claims.grant(connection, model, caller.namespace, caller.writer.session_uid)
    return model


def _created_before(connection: Connection, key: str) -> str | None:
    row = connection.execute(
        "SELECT id FROM creations JOIN models USING (id) WHERE kind = 'model' AND key = ? AND deleted_at IS NULL",
        (key,),
    ).fetchone()
    return None if row is None else str(row["id"])


def get(connection: Connection, model: str, caller: Caller) -> ModelRow:
    """The row, if the caller may see it; raises NotThere or Forbidden."""
    row = connection.execute("SELECT * FROM models WHERE id = ? AND deleted_at IS NULL", (model,)).fetchone()
    if row is None:
        raise NotThere("there is no model of this id")
    claims.check_access(connection, model, caller)
    return decode(row)


def open_for(connection: Connection, model: str, caller: Caller, now: float, seconds: float) -> ModelRow:
    """The row, if the caller may write the model now; the call counts as a sign of life."""
    row = get(connection, model, caller)
    claims.take(connection, model, caller.writer, now, seconds)
    connection.execute("UPDATE models SET seen_at = ? WHERE id = ?", (now, model))
    return row


def check_open_for(connection: Connection, model: str, caller: Caller, now: float, seconds: float) -> None:
    """Raise what :func:`open_for` would raise, and write nothing."""
    get(connection, model, caller)
    claims.check(connection, model, caller.writer, now, seconds)


def claim(connection: Connection, model: str, caller: Caller, now: float, seconds: float) -> None:
    """Give the model to a session, as its controller asks: pods of that session may write from now on."""
    if caller.writer is None or not caller.namespace:
        raise Invalid(f"a claim needs the headers {wire.HEADER_SESSION} and {wire.HEADER_NAMESPACE}")
    row = get(connection, model, caller)
    if row.namespace and row.namespace != caller.namespace:
        raise Forbidden(f"this model was made for another namespace than {caller.namespace}")
    claims.take(connection, model, caller.writer, now, seconds)
    claims.grant(connection, model, caller.namespace, caller.writer.session_uid)


def update(connection: Connection, model: str, changes: JSON, now: float) -> None:
    """Write columns by name; values that are objects become JSON. The names are the program's own, never a caller's."""
    values = [_json(value) if isinstance(value, dict) else value for value in changes.values()]
    columns = "".join(f"{name} = ?, " for name in changes)
    connection.execute(f"UPDATE models SET {columns}updated_at = ? WHERE id = ?", (*values, now, model))  # noqa: S608


def delete(connection: Connection, model: str, now: float, *, hard: bool) -> None:
    """Hide the model; ``hard``: forget it and all its records."""
    if not hard:
        connection.execute("UPDATE models SET deleted_at = ? WHERE id = ?", (now, model))
        return
    for table in ("metrics", "checkpoints", "agents", "writers", "grants"):
        connection.execute(f"DELETE FROM {table} WHERE model = ?", (model,))  # noqa: S608
    connection.execute("DELETE FROM creations WHERE kind = 'model' AND id = ?", (model,))
    connection.execute("DELETE FROM models WHERE id = ?", (model,))


def decode(row: sqlite3.Row) -> ModelRow:
    """A row as it comes from SQLite."""
    values = dict(row)
    for name in ("meta", "config", "dataset"):
        values[name] = msgspec.json.decode(values[name])
    return msgspec.convert(values, ModelRow)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
