"""Rows of checkpoints: the history, and which of them are last, best and final."""

import sqlite3
from dataclasses import dataclass

from hubtraining.hub import wire
from hubtraining.hub.callers import Writer
from hubtraining.hub.store.models import ModelRow, update

Connection = sqlite3.Connection


@dataclass(frozen=True)
class Upload:
    """A checkpoint file that is durable already. ``epoch`` counts from 0."""

    type: wire.UploadType
    epoch: int
    is_best: bool
    is_last: bool
    """False for a best.pt that is not also the newest state."""
    size: int
    sha256: str
    map: float | None = None


@dataclass(frozen=True)
class CheckpointRow:
    """One entry of the history; ``created_at`` is in unix seconds."""

    sequence: int
    model: str
    type: wire.UploadType
    epoch: int
    is_best: int
    size: int
    sha256: str
    created_at: float
    session: str
    attempt: int
    map: float | None


def add(connection: Connection, model: ModelRow, upload: Upload, writer: Writer | None, now: float) -> CheckpointRow:
    """Enter an upload into the history, once however often it is sent, and move the model's marks."""
    session, attempt = (writer.session_uid, writer.attempt) if writer else ("", 0)
    row = connection.execute(
        "INSERT INTO checkpoints (model, type, epoch, is_best, size, sha256, created_at, session, attempt, map)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model, session, type, epoch, sha256)"
        " DO UPDATE SET is_best = max(is_best, excluded.is_best), attempt = max(attempt, excluded.attempt) RETURNING *",
        (
            model.id,
            upload.type,
            upload.epoch,
            upload.is_best,
            upload.size,
            upload.sha256,
            now,
            session,
            attempt,
            upload.map,
        ),
    ).fetchone()
    added = CheckpointRow(**dict(row))
    update(connection, model.id, _marks(connection, model, upload, added), now)
    return added


def _marks(connection: Connection, model: ModelRow, upload: Upload, added: CheckpointRow) -> dict[str, str | int]:
    if upload.type == "final":
        return {"status": "trained", "final": added.sequence, "best": added.sequence}
    marks: dict[str, str | int] = {} if model.status == "trained" else {"status": "training"}
    if upload.is_last and _follows(added, _find(connection, model.last)):
        marks["last"] = added.sequence
    if upload.is_best and model.final is None and _follows(added, _find(connection, model.best)):
        marks["best"] = added.sequence
    return marks


def _follows(new: CheckpointRow, old: CheckpointRow | None) -> bool:
    """Is ``new`` the later state? A retried upload may arrive after one that was made later."""
    if old is None or new.session != old.session:
        return True
    return (new.attempt, new.epoch) >= (old.attempt, old.epoch)


def _find(connection: Connection, sequence: int | None) -> CheckpointRow | None:
    row = connection.execute("SELECT * FROM checkpoints WHERE sequence = ?", (sequence,)).fetchone()
    return None if row is None else CheckpointRow(**dict(row))


def marked(connection: Connection, model: ModelRow) -> tuple[CheckpointRow | None, CheckpointRow | None]:
    """The model's last and best checkpoint; best is the final one once there is one."""
    return _find(connection, model.last), _find(connection, model.best)


def history(connection: Connection, model: str, limit: int = 1000) -> list[CheckpointRow]:
    """The newest first."""
    query = "SELECT * FROM checkpoints WHERE model = ? ORDER BY sequence DESC LIMIT ?"
    return [CheckpointRow(**dict(row)) for row in connection.execute(query, (model, limit))]
