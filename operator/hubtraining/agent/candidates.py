"""Checkpoints that an attempt could go on from: whole, not stripped, and of a known epoch."""

import hashlib
import logging
from pathlib import Path, PurePosixPath
from typing import IO, Literal

import msgspec

from hubtraining.agent import records, tables, weights
from hubtraining.agent.archives import PIECE, NotIntact, check
from hubtraining.agent.records import Record
from hubtraining.agent.run_folder import Kind, Workspace
from hubtraining.agent.weights import WeightsFile

log = logging.getLogger("hubtraining.fetch")

Source = Literal["hub", "workspace"]


class Candidate(msgspec.Struct, frozen=True):
    """A checkpoint whose every member was read against its checksum."""

    source: Source
    path: Path
    sha256: str
    record: Record
    epoch: int
    """The last epoch, counted from 1, that need not be trained again."""


def in_workspace(workspace: Workspace, root: Path, run: PurePosixPath) -> Candidate | None:
    """The one of the highest epoch that an older attempt left in ``root``. Blocks."""
    found = tables.find(workspace, run)
    newest = found.newest if found else 0
    left = [_whole(workspace, root, run, kind, newest) for kind in weights.KINDS]
    return max(filter(None, left), key=lambda candidate: candidate.epoch, default=None)


def of_hub(path: Path, told: int | None) -> Candidate | None:
    """What was downloaded, whose epoch the hub may have told. Blocks. Raises NotIntact, OSError."""
    with path.open("rb") as file:
        record = _examined(file)
        own = None if record.epoch is None else record.epoch + 1
        return _candidate(file, path, "hub", record, told or own)


def unfinished(path: Path) -> str | None:
    """SHA-256 of a whole checkpoint of any epoch; None for one that was stripped. Blocks. Raises NotIntact, OSError."""
    with path.open("rb") as file:
        return None if _examined(file).epoch == -1 else digest(file)


def digest(file: IO[bytes]) -> str:
    """SHA-256 of a whole file, lowercase hex. Blocks."""
    file.seek(0)
    total = hashlib.sha256()
    while piece := file.read(PIECE):
        total.update(piece)
    return total.hexdigest()


def _whole(workspace: Workspace, root: Path, run: PurePosixPath, kind: Kind, newest: int) -> Candidate | None:
    """The newest of a kind that can be gone on from; the newest line tells the epoch of the newest file only."""
    try:
        for file in weights.each(workspace, run, kind):
            candidate = _left(workspace, root, file, newest)
            if candidate is not None:
                return candidate
            newest = 0
    except OSError as error:
        log.warning("the workspace's %s checkpoint is left out: %s", kind, error)
    return None


def _left(workspace: Workspace, root: Path, found: WeightsFile, newest: int) -> Candidate | None:
    try:
        with workspace.open(found.name) as file:
            record = _examined(file)
            return _candidate(file, root / found.name, "workspace", record, _told(found, record) or newest)
    except (NotIntact, OSError) as error:
        log.warning("%s is no checkpoint to go on from: %s", found.name, error)
        return None


def _told(found: WeightsFile, record: Record) -> int | None:
    """By its name or its own word, as the agent tells it; None where the newest line must do."""
    if found.plain:
        return found.epoch or record.epoch
    return None if record.epoch is None else record.epoch + 1


def _examined(file: IO[bytes]) -> Record:
    for _ in check(file):
        pass
    return records.read(file)


def _candidate(file: IO[bytes], path: Path, source: Source, record: Record, told: int | None) -> Candidate | None:
    """Ultralytics' own word counts more than what was told; a stripped file is no candidate."""
    epoch = record.resumable_epoch if record.trainer else told
    if record.epoch == -1 or epoch is None or epoch < 1:
        log.warning("the %s's %s is no checkpoint to go on from: it is stripped or says no epoch", source, path.name)
        return None
    return Candidate(source, path, digest(file), record, epoch)
