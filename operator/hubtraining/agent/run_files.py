"""What ``fetch`` changes in a run folder before the trainer runs. Everything appears by rename; all of it blocks."""

import logging
import os
import shutil
from pathlib import Path, PurePosixPath
from typing import IO, Any

from hubtraining.agent import candidates, records
from hubtraining.agent.archives import PIECE, NotIntact, check
from hubtraining.agent.candidates import Candidate
from hubtraining.agent.growing import CSV, JSONL
from hubtraining.agent.records import Record
from hubtraining.agent.settings import AgentSettings
from hubtraining.agent.tables import RunTable
from hubtraining.domain import layout

log = logging.getLogger("hubtraining.fetch")

LAST = "weights/last.pt"
BEST = "weights/best.pt"


def forget(settings: AgentSettings) -> None:
    """Take back what an earlier try of this attempt has left word of."""
    owner = settings.assignment.session_uid, settings.assignment.attempt
    for name in (layout.begun_file(*owner), layout.resume_marker(*owner)):
        settings.in_workspace(name).unlink(missing_ok=True)


def put_away(run: Path, attempt: int) -> None:
    """Leave no run folder; the newest one that was put away stays beside its place, for people."""
    kept = run.with_name(f"{run.name}.before-{attempt}")
    if os.path.lexists(run):
        _put_away(run, kept)
    if os.path.lexists(kept):
        for older in run.parent.glob(f"{run.name}.before-*"):
            if older != kept:
                remove(older)


def _put_away(run: Path, kept: Path) -> None:
    if os.path.lexists(kept):  # this attempt has put it away before: what is there now is its own work
        remove(run)
    else:
        run.rename(kept)
        log.info("what was in %s is in %s now", run, kept)


def remove(path: Path) -> None:
    """Remove a folder, or a link or file that stands in its place."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


def place_last(chosen: Candidate, run: Path, save_dir: str) -> str:
    """Put the checkpoint where training goes on from, made to stay in this run folder; its SHA-256 there."""
    target = _in_own_folder(run / LAST)
    changes = _changes(chosen.record, save_dir)
    if not changes and chosen.path == target:
        return chosen.sha256
    if changes:
        log.info("the checkpoint is changed so that it goes on here: %s", changes)
    part = _cleared(target.with_name(".last.pt.part"))
    with chosen.path.open("rb") as source:
        if changes:
            records.moved(source, part, **changes)
        else:
            _copy(source, part)
    with part.open("rb") as file:
        sha256 = candidates.digest(file)
    part.replace(target)
    return sha256


def whole_best(run: Path) -> str | None:
    """SHA-256 of the run folder's best checkpoint; None, and then it is not there, unless it is whole."""
    path = _in_own_folder(run / BEST)
    if path.is_symlink() or not path.is_file():
        remove(path)
        return None
    try:
        with path.open("rb") as file:
            for _ in check(file):
                pass
            return candidates.digest(file)
    except NotIntact as error:
        log.warning("the best checkpoint is removed: %s", error)
        path.unlink()
        return None


def place_best(downloaded: Path, run: Path) -> None:
    """Put the hub's best checkpoint where the trainer compares with it."""
    downloaded.replace(_in_own_folder(run / BEST))


def place_table(table: RunTable | None, run: Path) -> None:
    """Put the table where the trainer appends to it; none at all, where nothing is known: it writes the header."""
    if table is None or not table.rows:
        for name in (CSV, JSONL):
            remove(run / name)
    else:
        write(run / table.name, table.content)


def write(path: Path, content: bytes) -> None:
    """Write a small file that appears whole."""
    part = _cleared(path.with_name(f".{path.name}.part"))
    part.write_bytes(content)
    part.replace(path)


def _changes(record: Record, save_dir: str) -> dict[str, Any]:
    """What the checkpoint must say else: it takes its run folder with it, and refuses to go on after its last epoch."""
    changes: dict[str, Any] = {}
    if record.save_dir is not None and PurePosixPath(record.save_dir) != PurePosixPath(save_dir):
        changes["save_dir"] = save_dir
    if record.complete and record.resumable_epoch:
        changes["epoch"] = record.resumable_epoch - 1
    return changes


def _in_own_folder(path: Path) -> Path:
    """The path, in a folder that is one and no link."""
    if path.parent.is_symlink() or not path.parent.is_dir():
        remove(path.parent)
        path.parent.mkdir(parents=True)
    return path


def _cleared(path: Path) -> Path:
    """The path, with nothing there: a link would lead what is written elsewhere."""
    remove(path)
    return path


def _copy(source: IO[bytes], target: Path) -> None:
    with target.open("xb") as copy:
        shutil.copyfileobj(source, copy, PIECE)
