"""Checkpoints on their way to the hub: what one upload says, and in which order they go."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from hubtraining.domain import epochs
from hubtraining.hub import wire
from hubtraining.hub.retry import Rest


class CheckpointUpload(msgspec.Struct, frozen=True):
    """One checkpoint file to upload; the file must not change while it is sent."""

    path: Path
    epoch: int
    """Counted from 1."""
    type: wire.UploadType = "epoch"
    is_best: bool = False
    """Meant for ``epoch`` uploads."""
    map: float | None = None
    """Fitness shown with a ``final``; None is sent as 0."""
    sha256: str = ""
    """Lowercase hex; empty: computed before sending."""

    @property
    def name(self) -> str:
        """The name that the protocol wants: finals are ``best.pt``, all others ``last.pt``."""
        return "best.pt" if self.type == "final" else "last.pt"

    def fields(self) -> dict[str, str]:
        """The form's text fields, booleans cased as the original clients do."""
        common = {"epoch": str(epochs.to_wire(self.epoch)), "type": self.type}
        if self.type == "final":
            return {**common, "map": str(epochs.finite(self.map) or 0.0)}
        return {**common, "isBest": str(self.is_best)}


class Superseded(Exception):
    """A newer checkpoint waits: this one need not go any more."""


class Turn(msgspec.Struct, frozen=True):
    """One upload's place in the order of asking."""

    number: int
    kept: bool
    """A best or a final: only another one of these replaces it."""


class UploadTurns:
    """Checkpoints go one at a time, in the order of asking; a newer one replaces those that wait.

    The rate limit counts from the start of the last upload that the hub took, and holds while one is under way.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._asked = asyncio.Condition()
        self._newest = {False: 0, True: 0}
        self._next = 0.0
        self._rest = Rest()

    def due(self) -> bool:
        """Whether the rate limit lets an epoch's checkpoint go now."""
        return asyncio.get_running_loop().time() >= self._next

    async def ask(self, upload: CheckpointUpload) -> Turn:
        """A place behind everything that was asked before."""
        turn = Turn(max(self._newest.values()) + 1, upload.is_best or upload.type == "final")
        self._newest[turn.kept] = turn.number
        async with self._asked:
            self._asked.notify_all()
        return turn

    def check(self, turn: Turn) -> None:
        """Raise Superseded if a newer checkpoint stands in for this one."""
        if self._superseded(turn):
            raise Superseded

    async def send(self, turn: Turn, call: Callable[[], Awaitable[None]]) -> None:
        """Make the call that uploads. Raises Superseded where :meth:`check` does."""
        self.check(turn)
        await self._rest.noted(call)

    async def sleep(self, turn: Turn, seconds: float) -> None:
        """Wait, but no longer than until something newer is asked for; then raises Superseded."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._asked:
                await self._asked.wait_for(lambda: self._superseded(turn))
        self.check(turn)

    @asynccontextmanager
    async def take(self, turn: Turn) -> AsyncIterator[None]:
        """The time in which this upload is the only one. Raises Superseded if it came too late.

        It begins when the hub has had the rest that it asked for, be it of an upload that was given up since.
        """
        async with self._lock:
            before = self._next
            try:
                self._next = asyncio.get_running_loop().time() + self._seconds
                await self.sleep(turn, self._rest.left)
                self._next = asyncio.get_running_loop().time() + self._seconds
                yield
            except BaseException:
                self._next = before
                raise

    def _superseded(self, turn: Turn) -> bool:
        newest = self._newest[True] if turn.kept else max(self._newest.values())
        return newest > turn.number
