"""Agents that were heard of: each model's, by the id that the hub gave them."""

import sqlite3
from dataclasses import dataclass

from hubtraining.hub.callers import Writer
from hubtraining.hub.store.keys import new_id

FORGET_SECONDS = 86_400
"""An agent that was silent for so long gets a new id when it comes back."""
MAX_AGENTS = 32
"""Of one model: a client that never keeps its id cannot fill the disk."""

LEGACY = Writer(session_uid="", attempt=0)


def beat(
    connection: sqlite3.Connection, model: str, agent_id: str | None, name: str, writer: Writer | None, now: float
) -> str:
    """Note a heartbeat; returns the agent's id: its own if we gave it, else that of its attempt, else a new one."""
    writer = writer or LEGACY
    known = _known(connection, model, agent_id) or _of_attempt(connection, model, writer) or new_id()
    connection.execute(
        "DELETE FROM agents WHERE model = ? AND (seen_at < ? OR id IN"
        " (SELECT id FROM agents WHERE model = ? ORDER BY seen_at DESC LIMIT -1 OFFSET ?))",
        (model, now - FORGET_SECONDS, model, MAX_AGENTS),
    )
    connection.execute(
        "INSERT OR REPLACE INTO agents VALUES (?, ?, ?, ?, ?, ?)",
        (model, known, name, writer.session_uid, writer.attempt, now),
    )
    return known


@dataclass(frozen=True)
class AgentRow:
    """One agent; ``seen_at`` is in unix seconds. ``session`` is empty for clients that name none."""

    model: str
    id: str
    name: str
    session: str
    attempt: int
    seen_at: float


def heard_since(connection: sqlite3.Connection, model: str, moment: float) -> list[AgentRow]:
    """Agents that gave a sign of life since then, the newest first."""
    query = "SELECT * FROM agents WHERE model = ? AND seen_at >= ? ORDER BY seen_at DESC"
    return [AgentRow(**dict(row)) for row in connection.execute(query, (model, moment))]


def _known(connection: sqlite3.Connection, model: str, agent_id: str | None) -> str | None:
    query = "SELECT id FROM agents WHERE model = ? AND id = ?"
    row = connection.execute(query, (model, agent_id)).fetchone() if agent_id else None
    return None if row is None else str(row["id"])


def _of_attempt(connection: sqlite3.Connection, model: str, writer: Writer) -> str | None:
    """A first beat that is sent again must not make a second agent."""
    if writer is LEGACY:
        return None
    query = "SELECT id FROM agents WHERE model = ? AND session = ? AND attempt = ? ORDER BY seen_at DESC LIMIT 1"
    row = connection.execute(query, (model, writer.session_uid, writer.attempt)).fetchone()
    return None if row is None else str(row["id"])
