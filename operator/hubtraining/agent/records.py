"""What a checkpoint of Ultralytics records of its run, and a copy of it that goes on elsewhere."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

from hubtraining.agent import plain
from hubtraining.agent.archives import PIECE, opened_zip
from hubtraining.agent.plain import Node, Scalar

MAX_PICKLE = 32 * 2**20
"""Bytes of a checkpoint's pickle that are looked at; the largest models need 1 MiB."""

Cell = float | str | None
Column = tuple[Cell, ...]


class Record(msgspec.Struct, frozen=True):
    """What is known without a single tensor."""

    epoch: int | None = None
    """Counts from 0, as inside the file; -1 where it was stripped after training; None if unsaid."""
    trainer: bool = False
    """Whether it was saved by Ultralytics while it trained, so that Ultralytics can go on from it."""
    epochs: int | None = None
    """Planned."""
    save_dir: str | None = None
    results: Mapping[str, Column] = {}
    """The table so far, by column; empty where the version did not record it."""

    @property
    def complete(self) -> bool:
        """Saved after the last planned epoch, before the run came to its end: the trainer sees nothing left to do."""
        return self.epoch is not None and self.epochs is not None and self.epoch + 1 >= self.epochs

    @property
    def resumable_epoch(self) -> int | None:
        """The last epoch, counted from 1, that need not be trained again; 0 or None where there is none."""
        if self.epoch is None or self.epochs is None:
            return None if self.epoch is None else self.epoch + 1
        return min(self.epoch + 1, self.epochs - 1)


def read(file: IO[bytes]) -> Record:
    """The record of a whole checkpoint; an empty one where the pickle is of another make. Raises NotIntact."""
    root = _root(_pickled(file))
    arguments, results = root.get("train_args"), root.get("train_results")
    epoch = _number(root.get("epoch"))
    if not isinstance(arguments, dict):
        return Record(epoch)
    return Record(
        epoch=epoch,
        trainer=True,
        epochs=_number(arguments.get("epochs")),
        save_dir=_text(arguments.get("save_dir")),
        results=_columns(results) if isinstance(results, dict) else {},
    )


def moved(source: IO[bytes], target: Path, *, save_dir: str | None = None, epoch: int | None = None) -> None:
    """Write a copy that says another run folder, or another epoch. Blocks. Raises NotIntact, Unreadable, OSError."""
    pickled = _pickled(source)
    root = _root(pickled)
    changes: dict[Scalar, str | int] = {}
    if save_dir is not None:
        changes[root["train_args"]["save_dir"]] = save_dir
    if epoch is not None:
        changes[root["epoch"]] = epoch
    changed = plain.replaced(pickled, changes)
    with opened_zip(source) as archive, zipfile.ZipFile(target, "x") as copy:
        for member in archive.infolist():
            if _is_pickle(member.filename):
                copy.writestr(_like(member), changed)
            else:
                _copy_member(archive, member, copy)


def _copy_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, copy: zipfile.ZipFile) -> None:
    large = member.file_size >= zipfile.ZIP64_LIMIT
    with archive.open(member) as source, copy.open(_like(member), "w", force_zip64=large) as target:
        shutil.copyfileobj(source, target, PIECE)


def _like(member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(member.filename, member.date_time)


def _pickled(file: IO[bytes]) -> bytes:
    with opened_zip(file) as archive:
        member = next((member for member in archive.infolist() if _is_pickle(member.filename)), None)
        if member is None or member.file_size > MAX_PICKLE:
            return b""
        return archive.read(member)


def _is_pickle(name: str) -> bool:
    return name.rpartition("/")[2] == "data.pkl"


def _root(pickled: bytes) -> dict[str, Node]:
    try:
        root = plain.read(pickled).root
    except plain.Unreadable:
        return {}
    return root if isinstance(root, dict) else {}


def _number(node: Node) -> int | None:
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(node: Node) -> str | None:
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, str) else None


def _columns(results: Mapping[str, Node]) -> dict[str, Column]:
    columns = {name: column for name, column in results.items() if isinstance(column, list)}
    return {name: tuple(cell.value if isinstance(cell, Scalar) else None for cell in c) for name, c in columns.items()}
