"""Which checkpoint files a run folder has: Ultralytics' own, or those of the plain contract for any other trainer."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath

import msgspec

from hubtraining.agent.growing import CSV, JSONL
from hubtraining.agent.run_folder import Kind, Signature, Workspace, read_small

ULTRALYTICS = "weights"
PLAIN = "checkpoints"
KINDS: tuple[Kind, ...] = ("last", "best")
MAX_FILES = 10_000
"""Names in a folder that are looked at."""

_NUMBERED = re.compile(r"epoch-(\d{1,9})\.(pt|pth|ckpt)")


class WeightsFile(msgspec.Struct, frozen=True):
    """A checkpoint file, as it lies there now."""

    name: PurePosixPath
    """Beneath the workspace."""
    signature: Signature
    epoch: int | None = None
    """By its name, counted from 1."""
    plain: bool = False
    """Of the plain contract, which counts from 1 what the file says inside of epochs; Ultralytics does from 0."""


def find(workspace: Workspace, run: PurePosixPath, kind: Kind) -> WeightsFile | None:
    """The newest of a kind. Raises OSError, Unsafe among them, where that cannot be told."""
    return next(each(workspace, run, kind), None)


def each(workspace: Workspace, run: PurePosixPath, kind: Kind) -> Iterator[WeightsFile]:
    """All of a kind, the newest first. Raises as :func:`find` does."""
    yield from _at(workspace, run / PLAIN / f"{kind}.pt", plain=True)
    if kind == "last":
        for epoch, name in sorted(_numbered(workspace, run / PLAIN).items(), reverse=True):
            yield from _at(workspace, run / PLAIN / name, epoch, plain=True)
    yield from _at(workspace, run / ULTRALYTICS / f"{kind}.pt", plain=_is_plain(workspace, run))


def _is_plain(workspace: Workspace, run: PurePosixPath) -> bool:
    """By the run's table: ``fetch`` puts what a plain trainer goes on from where Ultralytics has its own."""
    csv, jsonl = (read_small(workspace, run / table, 1) for table in (CSV, JSONL))
    return csv is None and jsonl is not None


def _numbered(workspace: Workspace, folder: PurePosixPath) -> dict[int, str]:
    """The names that say an epoch, by it."""
    names = islice(workspace.names(folder), MAX_FILES)
    return {int(match[1]): name for name in names if (match := _NUMBERED.fullmatch(name)) and int(match[1]) > 0}


def _at(
    workspace: Workspace, name: PurePosixPath, epoch: int | None = None, *, plain: bool = False
) -> Iterator[WeightsFile]:
    signature = workspace.signature(name)
    if signature is not None:
        yield WeightsFile(name, signature, epoch, plain)
