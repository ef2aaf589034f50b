"""Which checkpoints go to the hub, and when: the first intact one at once, later ones by the rate limit, one final."""

import asyncio
import logging
from functools import partial

from hubtraining.agent.archives import NotIntact
from hubtraining.agent.ledger import Slot
from hubtraining.agent.metrics import AgentMetrics
from hubtraining.agent.run_folder import Kind
from hubtraining.agent.snapshots import NoRoom, Snapshot, Snapshots
from hubtraining.agent.state import Board
from hubtraining.agent.uploads import Result, Uploads
from hubtraining.agent.weights import WeightsFile

log = logging.getLogger("hubtraining.agent")

AGAIN = 1.0
"""Seconds until a file that was being written is looked at again."""
TRIES = 5
"""Looks at files that cannot be read, before the end of a run goes on without them."""
NOTHING = "its run folder has no checkpoint"
PAUSE = 60.0
"""Seconds without a new upload after one has failed."""


class Checkpoints:
    """Chooses among the files of one run."""

    def __init__(self, snapshots: Snapshots, uploads: Uploads, board: Board, metrics: AgentMetrics) -> None:
        self._snapshots = snapshots
        self._uploads = uploads
        self._board = board
        self._metrics = metrics
        self._done: dict[Kind, WeightsFile] = {}
        self._newest: tuple[Snapshot, int, tuple[Slot, ...]] | None = None
        """The newest that could be resumed; what was started last, however it went."""
        self._turn = asyncio.Lock()
        self._problems: dict[Kind, str] = {}
        self._not_before = 0.0

    async def begin(self) -> None:
        """Drop what an earlier process left half done."""
        await self._snapshots.clear()

    async def stop(self) -> None:
        """Break off what is under way."""
        await self._uploads.cancel()
        self._snapshots.close()

    async def run(self) -> None:
        """Start uploads of what can be resumed, by the rate limit. One that waits for its hub gives way to a newer."""
        while True:
            ready = asyncio.get_running_loop().time() >= self._not_before
            if ready and self._changed() and self._uploads.due():
                await self._round()
            await asyncio.sleep(AGAIN)

    async def flush(self) -> None:
        """Upload the newest that can be resumed, whatever the rate limit says; returns when the hub has it.

        A file that stays torn, because its writer was killed, gives way to the last one that was whole.
        """
        if await self._uploads.cancel(waiting_only=True):
            self._done.clear()
        torn = 0
        while self._changed() and torn < TRIES:
            torn = 0 if await self._round() else torn + 1
            await self._uploads.settled()
            if self._changed():
                await asyncio.sleep(AGAIN)
        newest = self._newest
        if newest is not None and await asyncio.to_thread(newest[0].path.exists):
            await self._uploads.persist(*newest)

    async def final(self) -> Result:
        """Upload the trained model; returns when the hub has it or has refused it."""
        await self._uploads.cancel()
        kind: Kind = "best" if "best" in self._board.state.weights else "last"
        snapshot = await self._final_snapshot(kind)
        if snapshot is None:
            self._board.update(message=f"no final model: {self._problems.get(kind, NOTHING)}")
            return "refused"
        epoch = max(self._board.state.progress.epoch, 1)
        result = await self._uploads.persist(snapshot, epoch, ("final",))
        if result == "refused":
            self._board.update(message=f"no final model: {self._board.state.hub.message or 'the hub refuses it'}")
        return result

    async def _final_snapshot(self, kind: Kind) -> Snapshot | None:
        """The file need not be copied any more, but may still be on its way through a network volume."""
        for _ in range(TRIES):
            found = self._board.state.weights.get(kind)
            if found and (
                snapshot := await self._snapshot(kind, found) or await self._snapshot(kind, found, held=True)
            ):
                return snapshot
            await asyncio.sleep(AGAIN)
        return None

    def _changed(self) -> bool:
        weights = self._board.state.weights
        return any(self._done.get(kind) != file for kind, file in weights.items())

    async def _round(self) -> bool:
        """Start uploads of what is new; whether there was anything.

        A best of another epoch goes first: some hubs resume from whatever came last.
        """
        async with self._turn:
            return await self._one_round()

    async def _one_round(self) -> bool:
        last, best = await self._new("last"), self._board.state.weights.get("best")
        if last and best and last.epoch and last.epoch == await self._snapshots.epoch(best):
            self._done["best"] = best
            return self._start(last, ("latest", "best"))
        newer = await self._new("best")
        if last and newer and last.sha256 == newer.sha256:
            return self._start(last, ("latest", "best"))
        return any([self._start(newer, ("best",)), self._start(last, ("latest",))])

    async def _new(self, kind: Kind) -> Snapshot | None:
        found = self._board.state.weights.get(kind)
        if found is None or found == self._done.get(kind):
            return None
        snapshot = await self._snapshot(kind, found)
        if snapshot is not None:
            self._done[kind] = snapshot.file
        return snapshot

    def _start(self, snapshot: Snapshot | None, slots: tuple[Slot, ...]) -> bool:
        """Upload a snapshot unless nothing could be resumed from it: stripped, or no epoch is finished."""
        if snapshot is None:
            return False
        epoch = self._board.state.progress.epoch if snapshot.epoch is None else snapshot.epoch
        if epoch < 1:
            return False
        self._newest = snapshot, epoch, slots
        task = self._uploads.start(snapshot, epoch, slots)
        task.add_done_callback(partial(self._settle, snapshot.kind))
        return True

    def _settle(self, kind: Kind, task: asyncio.Task[Result]) -> None:
        """What failed is taken up again, after a pause; what was refused waits for the next file."""
        if task.cancelled() or task.result() not in ("failed", "refused"):
            return
        self._not_before = asyncio.get_running_loop().time() + PAUSE
        if task.result() == "failed":
            self._done.pop(kind, None)

    async def _snapshot(self, kind: Kind, found: WeightsFile, *, held: bool = False) -> Snapshot | None:
        try:
            snapshot = await (self._snapshots.hold(kind, found) if held else self._snapshots.take(kind, found))
        except NotIntact as error:
            self._done[kind] = found  # the same bytes will not be whole later; a file that is being written changes
            self._complain(kind, error, f"{found.name} is no whole checkpoint: {error}")
            return None
        except (NoRoom, OSError) as error:
            self._not_before = asyncio.get_running_loop().time() + PAUSE
            self._complain(kind, error, f"{found.name} {getattr(error, 'strerror', None) or error}")
            return None
        self._metrics.snapshots.labels("taken").inc()
        return snapshot

    def _complain(self, kind: Kind, error: Exception, text: str) -> None:
        self._metrics.snapshots.labels(type(error).__name__).inc()
        if self._problems.get(kind) != text:
            log.info("%s", text)
        self._problems[kind] = text
