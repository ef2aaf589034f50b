"""Verified copies of checkpoints: what the trainer may overwrite at any moment is never uploaded itself."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO

import msgspec

from hubtraining.agent.archives import PIECE, NotIntact, check
from hubtraining.agent.pickles import checkpoint_epoch, said_epoch
from hubtraining.agent.run_folder import Kind, Signature, Workspace
from hubtraining.agent.weights import WeightsFile

SLICE = 16 * 2**20
"""Bytes of work between two moments at which a snapshot can be given up."""


class NoRoom(Exception):
    """The journal's volume has less than twice the file free."""


class Stripped(Exception):
    """Training is over, and nothing can be resumed from the file any more."""


class Snapshot(msgspec.Struct, frozen=True):
    """A whole checkpoint that nobody will change."""

    kind: Kind
    path: Path
    file: WeightsFile
    """The trainer's."""
    sha256: str
    epoch: int | None
    """Counted from 1; 0 where it was stripped, so nothing can be resumed from it; None if unsaid."""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.file.signature.size


class Snapshots:
    """At most one snapshot of each kind, in a folder of ours, and one more while it is taken."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self._workspace = workspace
        self._folder = folder
        self._parts = count()
        self._held: list[IO[bytes]] = []

    async def clear(self) -> None:
        """Drop what an earlier process left: it is not known to be whole."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def take(self, kind: Kind, found: WeightsFile, *, trained: bool = False) -> Snapshot:
        """Copy and verify; replaces the older one of this kind, but with a stripped file only when ``trained``.

        Raises NotIntact (being written: look again soon), Stripped, NoRoom, FileNotFoundError or another OSError.
        """
        part = self._folder / f".{kind}-{next(self._parts)}.part"  # a thread that was given up may still write its own
        digest = hashlib.sha256()
        try:
            with await asyncio.to_thread(self._workspace.open, found.name) as source:
                now = _now(found, source)
                await asyncio.to_thread(self._make_room, now.signature.size)
                await in_slices(copy(source, part, digest))
                await asyncio.to_thread(self._check_unchanged, now, source)
            epoch = await verified(part, found)
            if epoch == 0 and not trained:
                raise Stripped
            path = await asyncio.to_thread(self._keep, part, f"{kind}-{digest.hexdigest()}.pt")
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)
        return Snapshot(kind, path, now, digest.hexdigest(), epoch)

    async def hold(self, kind: Kind, found: WeightsFile) -> Snapshot:
        """Verify without a copy and hold the file open: for when its writer has ended and there is no room.

        Raises as :meth:`take` does.
        """
        digest = hashlib.sha256()
        source = await asyncio.to_thread(self._workspace.open, found.name)
        self._held.append(source)
        now, path = _now(found, source), Path(f"/proc/self/fd/{source.fileno()}")
        await in_slices(pieces(source, digest))
        epoch = await verified(path, found)
        await asyncio.to_thread(self._check_unchanged, now, source)
        return Snapshot(kind, path, now, digest.hexdigest(), epoch)

    def close(self) -> None:
        """Let go of the files that are held."""
        while self._held:
            self._held.pop().close()

    async def discard(self, snapshot: Snapshot) -> None:
        """Give the space back."""
        if snapshot.path.parent == self._folder:
            await asyncio.to_thread(snapshot.path.unlink, missing_ok=True)

    async def epoch(self, found: WeightsFile) -> int | None:
        """The epoch of a file as it lies there, counted from 1; None where it cannot be told now."""
        return await asyncio.to_thread(self._epoch, found)

    def _epoch(self, found: WeightsFile) -> int | None:
        try:
            with self._workspace.open(found.name) as file:
                return _said(found, file)
        except (NotIntact, OSError):
            return None

    def _make_room(self, size: int) -> None:
        if size == 0:
            raise NotIntact("empty")
        self._folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._folder).free
        if free < 2 * size:
            raise NoRoom(f"cannot be copied: {free} bytes are free for a checkpoint of {size}")

    def _check_unchanged(self, found: WeightsFile, source: IO[bytes]) -> None:
        """The open file and the one of that name are still what they were."""
        now = Signature.of(os.fstat(source.fileno()))
        if not found.signature == now == self._workspace.signature(found.name):
            raise NotIntact("written while it was read")

    def _keep(self, part: Path, name: str) -> Path:
        """Not forced to the disk: what a crash leaves is dropped anyway."""
        for older in self._folder.glob(f"{name.partition('-')[0]}-*.pt"):
            older.unlink()
        return part.rename(self._folder / name)


async def verified(path: Path, found: WeightsFile) -> int | None:
    """The epoch of a checkpoint, after every member was read against its checksum. Raises NotIntact."""
    with await asyncio.to_thread(path.open, "rb") as file:
        await in_slices(check(file))
        return await asyncio.to_thread(_said, found, file)


def _now(found: WeightsFile, source: IO[bytes]) -> WeightsFile:
    """The file as it is, now that it is open."""
    return msgspec.structs.replace(found, signature=Signature.of(os.fstat(source.fileno())))


def _said(found: WeightsFile, file: IO[bytes]) -> int | None:
    """By the file's own word, or before that by its name; the plain contract counts from 1, Ultralytics from 0."""
    if not found.plain:
        return checkpoint_epoch(file)
    epoch = found.epoch or said_epoch(file)
    return epoch if epoch is not None and epoch >= 1 else None


async def in_slices(work: Iterator[int]) -> None:
    """Do blocking work in threads, a slice at a time; it yields the bytes that it has done."""
    while await asyncio.to_thread(_slice, work):
        pass


def _slice(work: Iterator[int]) -> bool:
    done = 0
    for step in work:
        done += step
        if done >= SLICE:
            return True
    return False


def pieces(source: IO[bytes], digest: "hashlib._Hash") -> Iterator[int]:
    """Read a file into its digest; yields the bytes."""
    while piece := source.read(PIECE):
        digest.update(piece)
        yield len(piece)


def copy(source: IO[bytes], path: Path, digest: "hashlib._Hash") -> Iterator[int]:
    """Copy a file, and read it into its digest; yields the bytes."""
    with path.open("wb") as target:
        while piece := source.read(PIECE):
            digest.update(piece)
            target.write(piece)
            yield len(piece)
