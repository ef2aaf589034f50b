"""Which checkpoints go to the hub, and when: the first intact one at once, later ones by the rate limit, one final."""

import asyncio
import logging
from functools import partial

import msgspec

from hubtraining.agent.archives import NotIntact
from hubtraining.agent.ledger import Slot
from hubtraining.agent.metrics import AgentMetrics
from hubtraining.agent.run_folder import Kind
from hubtraining.agent.snapshots import NoRoom, Snapshot, Snapshots, Stripped
from hubtraining.agent.state import Board
from hubtraining.agent.uploads import KICK, Result, Uploads
from hubtraining.agent.weights import KINDS, WeightsFile

log = logging.getLogger("hubtraining.agent")

AGAIN = 1.0
"""Seconds until a file that was being written is looked at again."""
TRIES = 5
"""Looks at files that cannot be read, before the end of a run goes on without them."""
NOTHING = "its run folder has no checkpoint"
PAUSE = 60.0
"""Seconds without a new upload after one has failed."""
REST = 10.0
"""Times that a copy took, without another one that no upload needs yet."""


class Checkpoints:
    """Chooses among the files of one run."""

    def __init__(self, snapshots: Snapshots, uploads: Uploads, board: Board, metrics: AgentMetrics) -> None:
        self._snapshots = snapshots
        self._uploads = uploads
        self._board = board
        self._metrics = metrics
        self._done: dict[Kind, WeightsFile] = {}
        """Files that were given to an upload, or are of no use as they are."""
        self._kept: dict[Kind, Snapshot] = {}
        """The newest of each kind that could be resumed and that the hub has not got."""
        self._turn = asyncio.Lock()
        self._problems: dict[Kind, str] = {}
        self._not_before = 0.0
        self._rested = 0.0

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
            if self._now() >= self._not_before and self._changed():
                if self._uploads.due():
                    await self._round()
                elif not self._uploads.pending:
                    await self._keep()
            await asyncio.sleep(AGAIN)

    async def flush(self) -> None:
        """Upload the newest that can be resumed, whatever the rate limit says; returns when the hub has it.

        A file that stays torn because its writer was killed, or is stripped, gives way to the last one that was kept.
        """
        if await self._uploads.cancel(waiting_only=True):
            self._done.clear()
        torn = 0
        while self._changed() and torn < TRIES:
            torn = 0 if await self._round() else torn + 1
            while not await self._uploads.settled(KICK):
                if await self._uploads.kick():
                    self._done.clear()
            if self._changed():
                await asyncio.sleep(AGAIN)
        for snapshot, slots in _sorted(self._kept.get("last"), self._kept.get("best")):
            if snapshot.epoch:
                await self._uploads.persist(snapshot, snapshot.epoch, slots)

    async def final(self) -> Result:
        """Upload the trained model; returns when the hub has it or has refused it."""
        await self._uploads.cancel()
        self._kept.clear()
        await self._snapshots.clear()
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
                snapshot := await self._snapshot(kind, found, trained=True)
                or await self._snapshot(kind, found, held=True)
            ):
                return snapshot
            await asyncio.sleep(AGAIN)
        return None

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _changed(self) -> bool:
        weights = self._board.state.weights
        return any(self._done.get(kind) != file for kind, file in weights.items())

    async def _keep(self) -> None:
        """Copy what is new, although no upload is due: a kill may tear the file, and the end of training strips it."""
        began = self._now()
        if began < self._rested:
            return
        async with self._turn:
            for kind in KINDS:
                await self._new(kind)
        self._rested = self._now() + REST * (self._now() - began)

    async def _round(self) -> bool:
        """Start uploads of what is new; whether there was anything.

        A best of another epoch goes first: some hubs resume from whatever came last.
        """
        async with self._turn:
            last, best = await self._new("last"), self._board.state.weights.get("best")
            if last and best and last.epoch and last.epoch == await self._snapshots.epoch(best):
                self._done["best"] = best
                self._kept.pop("best", None)
                return self._start(last, ("latest", "best"))
            await self._new("best")
            started = [self._start(*each) for each in _sorted(last, self._kept.get("best"))]
            return any(started)

    async def _new(self, kind: Kind) -> Snapshot | None:
        """A copy of what has changed, if it can be resumed; it is kept until the hub has it."""
        found, kept = self._board.state.weights.get(kind), self._kept.get(kind)
        if found is None or found == self._done.get(kind):
            return None
        if kept is None or kept.file != found:
            kept = await self._snapshot(kind, found)
            if kept is not None:
                self._kept[kind] = kept
        return kept

    def _start(self, snapshot: Snapshot, slots: tuple[Slot, ...]) -> bool:
        """Upload a snapshot, unless no epoch is finished."""
        if snapshot.file == self._board.state.weights.get(snapshot.kind):
            self._done[snapshot.kind] = snapshot.file
        if not snapshot.epoch:
            return False
        task = self._uploads.start(snapshot, snapshot.epoch, slots)
        task.add_done_callback(partial(self._settle, snapshot, slots))
        return True

    def _settle(self, snapshot: Snapshot, slots: tuple[Slot, ...], task: asyncio.Task[Result]) -> None:
        """What failed is taken up again, after a pause; what was refused waits for the next file."""
        if task.cancelled():
            return
        if task.result() in ("failed", "refused"):
            self._not_before = self._now() + PAUSE
        if task.result() == "failed":
            self._done.pop(snapshot.kind, None)
            if "best" in slots:  # it may have gone as the last of its epoch, which is the last no more
                self._done.pop("best", None)
        else:
            self._kept = {kind: kept for kind, kept in self._kept.items() if kept.sha256 != snapshot.sha256}

    async def _snapshot(
        self, kind: Kind, found: WeightsFile, *, trained: bool = False, held: bool = False
    ) -> Snapshot | None:
        taken = self._snapshots.hold(kind, found) if held else self._snapshots.take(kind, found, trained=trained)
        try:
            snapshot = await taken
        except Stripped:
            self._done[kind] = found
            return None
        except NotIntact as error:
            self._done[kind] = found  # the same bytes will not be whole later; a file that is being written changes
            self._complain(kind, error, f"{found.name} is no whole checkpoint: {error}")
            return None
        except (NoRoom, OSError) as error:
            self._not_before = self._now() + PAUSE
            self._complain(kind, error, f"{found.name} {getattr(error, 'strerror', None) or error}")
            return None
        self._metrics.snapshots.labels("taken").inc()
        epoch = self._board.state.progress.epoch if snapshot.epoch is None else snapshot.epoch
        return msgspec.structs.replace(snapshot, epoch=epoch)

    def _complain(self, kind: Kind, error: Exception, text: str) -> None:
        self._metrics.snapshots.labels(type(error).__name__).inc()
        if self._problems.get(kind) != text:
            log.info("%s", text)
        self._problems[kind] = text


def _sorted(last: Snapshot | None, best: Snapshot | None) -> list[tuple[Snapshot, tuple[Slot, ...]]]:
    """In the order of their going, with what each is to the hub; a best that is the last goes once."""
    if last and best and last.sha256 == best.sha256:
        return [(last, ("latest", "best"))]
    both: list[tuple[Snapshot | None, tuple[Slot, ...]]] = [(best, ("best",)), (last, ("latest",))]
    return [(snapshot, slots) for snapshot, slots in both if snapshot]
