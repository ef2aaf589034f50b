"""One writer a model: which session may write, and which of its attempts is the newest.

A claim begins with a session's first call, lasts until ``seconds`` after its last one, and ends early by ``close``.
A newer attempt of the same session replaces an older one; an older one is refused for ever.
"""

import sqlite3
from dataclasses import dataclass

from hubtraining.hub.callers import Caller, Writer
from hubtraining.hub.refusals import Forbidden, InUse

MAX_ATTEMPT = 999_999


@dataclass(frozen=True)
class Claim:
    """What a session last said of itself; times are unix seconds."""

    session: str
    attempt: int
    seen_at: float
    closed_at: float | None

    def live(self, now: float, seconds: float) -> bool:
        """Does it still keep others out?"""
        return self.closed_at is None and now - self.seen_at < seconds


def take(connection: sqlite3.Connection, model: str, writer: Writer | None, now: float, seconds: float) -> None:
    """Let ``writer`` write, or raise InUse. Writers without a session pass while no session holds the model."""
    check(connection, model, writer, now, seconds)
    if writer:
        _remember(connection, model, writer, now)


def check(connection: sqlite3.Connection, model: str, writer: Writer | None, now: float, seconds: float) -> None:
    """Raise InUse where :func:`take` would."""
    claims = {claim.session: claim for claim in of_model(connection, model)}
    own = claims.pop(writer.session_uid, None) if writer else None
    if own and writer and 0 < writer.attempt < own.attempt:
        raise InUse(f"attempt {writer.attempt} is over: attempt {own.attempt} of this session writes the model")
    if any(claim.live(now, seconds) for claim in claims.values()):
        raise InUse(
            "another session writes this model; its claim ends when it is closed, or some minutes after its last call"
        )


def _remember(connection: sqlite3.Connection, model: str, writer: Writer, now: float) -> None:
    connection.execute(
        "INSERT INTO writers VALUES (?, ?, ?, ?, NULL) ON CONFLICT (model, session) DO UPDATE SET "
        "attempt = max(attempt, excluded.attempt), seen_at = max(seen_at, excluded.seen_at), closed_at = NULL",
        (model, writer.session_uid, writer.attempt, now),
    )


def touch(connection: sqlite3.Connection, model: str, writer: Writer | None, now: float, seconds: float) -> None:
    """A session that holds the model and reads it is alive; a claim that has ended stays so."""
    connection.execute(
        "UPDATE writers SET seen_at = max(seen_at, ?)"
        " WHERE model = ? AND session = ? AND attempt = ? AND closed_at IS NULL AND seen_at > ?",
        (now, model, writer and writer.session_uid, writer and writer.attempt, now - seconds),
    )


def close(connection: sqlite3.Connection, model: str, writer: Writer | None, now: float) -> None:
    """End the claim of the writer's session, but not a newer attempt's; without a writer, every claim of the model."""
    if writer is None:
        connection.execute("UPDATE writers SET closed_at = ? WHERE model = ? AND closed_at IS NULL", (now, model))
        return
    connection.execute(
        "UPDATE writers SET closed_at = ? WHERE model = ? AND session = ? AND closed_at IS NULL AND attempt <= ?",
        (now, model, writer.session_uid, writer.attempt or MAX_ATTEMPT),
    )


def of_model(connection: sqlite3.Connection, model: str) -> list[Claim]:
    """All sessions that ever wrote the model, the latest first."""
    rows = connection.execute("SELECT * FROM writers WHERE model = ? ORDER BY seen_at DESC, session", (model,))
    return [Claim(row["session"], row["attempt"], row["seen_at"], row["closed_at"]) for row in rows]


def grant(connection: sqlite3.Connection, model: str, namespace: str, session: str) -> None:
    """From now on, pods of this session may read and write the model."""
    connection.execute("INSERT OR IGNORE INTO grants VALUES (?, ?, ?)", (model, namespace, session))


def check_access(connection: sqlite3.Connection, model: str, caller: Caller) -> None:
    """Raise Forbidden when a pod asks for a model that is not its session's."""
    if caller.pod is None:
        return
    query = "SELECT 1 FROM grants WHERE model = ? AND namespace = ? AND session = ?"
    if connection.execute(query, (model, caller.pod.namespace, caller.pod.writer.session_uid)).fetchone() is None:
        raise Forbidden("this token is of a session that has another model")
