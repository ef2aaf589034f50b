"""Uploads of snapshots: one task each, never twice the same file, every result counted, journalled and shown."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from hubtraining.agent.journal import Journal
from hubtraining.agent.ledger import Slot, Uploaded
from hubtraining.agent.metrics import AgentMetrics
from hubtraining.agent.snapshots import Snapshot, Snapshots
from hubtraining.agent.state import Board
from hubtraining.agent.traffic import Traffic
from hubtraining.agent.watch import Watch
from hubtraining.domain.report import Checkpoint, CheckpointState
from hubtraining.hub.errors import HubError, HubProtocolError, HubUnauthorized, HubUnavailable
from hubtraining.hub.multipart import FileChanged
from hubtraining.hub.session import HubTrainingSession
from hubtraining.hub.uploads import CheckpointUpload

log = logging.getLogger("hubtraining.agent")

Result = Literal["uploaded", "known", "superseded", "failed", "refused"]
"""``failed`` may succeed later, ``refused`` will not."""

PAUSE = 5.0
"""Seconds between an upload that failed and its next round of tries, where it must arrive."""
KICK = 30.0
"""Seconds after which an upload that waits for its next try, although the hub answers again, is begun anew."""


class Uploads:
    """The uploads of one run. ``watch`` knows its epochs, and which files the hub had before this attempt began."""

    def __init__(
        self,
        session: HubTrainingSession,
        snapshots: Snapshots,
        journal: Journal,
        board: Board,
        metrics: AgentMetrics,
        traffic: Traffic,
        watch: Watch,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._snapshots = snapshots
        self._journal = journal
        self._board = board
        self._metrics = metrics
        self._traffic = traffic
        self._watch = watch
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[Result]] = {}
        self._recording = asyncio.Lock()

    @property
    def pending(self) -> int:
        """Uploads under way."""
        return len(self._tasks)

    def due(self) -> bool:
        """Whether the rate limit lets a checkpoint go now."""
        return self._session.checkpoint_due()

    def start(self, snapshot: Snapshot, epoch: int, slots: tuple[Slot, ...]) -> asyncio.Task[Result]:
        """Upload in the background; the same file again gives the upload that is under way."""
        task = self._tasks.get(snapshot.sha256)
        if task is None:
            task = asyncio.create_task(self._send(snapshot, epoch, slots), name=f"upload {slots[0]}")
            task.add_done_callback(lambda _: self._tasks.pop(snapshot.sha256, None))
            self._tasks[snapshot.sha256] = task
        return task

    async def persist(self, snapshot: Snapshot, epoch: int, slots: tuple[Slot, ...]) -> Result:
        """Upload until the hub has it or has refused it; soon after the hub is back, if it was away."""
        while True:
            task = self.start(snapshot, epoch, slots)
            await asyncio.wait((task,), timeout=KICK)
            if not task.done():
                await self.kick()
            elif task.result() == "failed":
                await asyncio.sleep(PAUSE)
            else:
                return task.result()

    async def settled(self, seconds: float | None = None) -> bool:
        """Return when nothing is under way any more, or after so many seconds; whether nothing is."""
        while self._tasks:
            _, left = await asyncio.wait(self._tasks.values(), timeout=seconds)
            if left:
                return False
        return True

    async def kick(self) -> bool:
        """Break off what waits for its next try where that is too long. Whether it did.

        The hub answers again, or may do so any moment and the pod can go any moment: its trainer was asked to stop.
        """
        pressing = self._session.health.failures == 0 or self._board.state.exit_code is None
        return pressing and await self.cancel(waiting_only=True)

    async def cancel(self, *, waiting_only: bool = False) -> bool:
        """Break off what is under way; with ``waiting_only``, if it waits for its next try. Whether it did."""
        if not self._tasks or (waiting_only and not self._traffic.waiting):
            return False
        for task in self._tasks.values():
            task.cancel()
        await self.settled()
        return True

    async def _send(self, snapshot: Snapshot, epoch: int, slots: tuple[Slot, ...]) -> Result:
        if all(self._journal.ledger.has(slot, snapshot.sha256) for slot in slots):
            return "known"
        checkpoint = self._checkpoint(snapshot, epoch)
        if snapshot.sha256 in self._watch.held() and "final" not in slots:
            self._show(slots, msgspec.structs.replace(checkpoint, state=CheckpointState.UPLOADED))
            return "known"
        self._show(slots, checkpoint)
        started = asyncio.get_running_loop().time()
        result = await self._try(self._upload(snapshot, epoch, slots))
        self._traffic.over()
        self._metrics.uploads.labels("+".join(slots), result).inc()
        if result == "uploaded":
            self._metrics.upload_seconds.observe(asyncio.get_running_loop().time() - started)
            self._metrics.upload_bytes.inc(snapshot.size)
            uploaded = msgspec.structs.replace(checkpoint, state=CheckpointState.UPLOADED)
            await asyncio.shield(self._record(slots, uploaded))  # the hub has it, whoever gives us up now
            await self._snapshots.discard(snapshot)
        elif result in ("failed", "refused"):
            self._board.update(failed=self._board.state.failed + 1)
            self._show(slots, msgspec.structs.replace(checkpoint, state=CheckpointState.FAILED))
        return result

    def _upload(self, snapshot: Snapshot, epoch: int, slots: tuple[Slot, ...]) -> CheckpointUpload:
        if "final" in slots:
            best = max(self._watch.fitness.values(), default=None)
            return CheckpointUpload(snapshot.path, epoch, "final", map=best, sha256=snapshot.sha256)
        return CheckpointUpload(snapshot.path, epoch, is_best="best" in slots, sha256=snapshot.sha256)

    async def _try(self, upload: CheckpointUpload) -> Result:
        try:
            await self._look()
            return "uploaded" if await self._session.upload_model(upload, self._traffic.sent) else "superseded"
        except (HubUnavailable, HubUnauthorized, HubProtocolError, FileChanged, OSError) as error:
            log.warning("the checkpoint of epoch %d was not uploaded, it will be tried again: %s", upload.epoch, error)
            return "failed"
        except HubError as error:
            log.warning("the hub refuses the checkpoint of epoch %d: %s", upload.epoch, error)
            return "refused"

    async def _look(self) -> None:
        """Several epochs may have ended since the last look, and a checkpoint's own must go before it.

        What is read is read once: to be cancelled in the middle would lose it, so that look goes on.
        """
        await asyncio.shield(self._watch.look())

    def _checkpoint(self, snapshot: Snapshot, epoch: int) -> Checkpoint:
        return Checkpoint(
            epoch=epoch,
            size_bytes=snapshot.size,
            sha256=snapshot.sha256,
            state=CheckpointState.PENDING,
            time=self._clock(),
            fitness=self._watch.fitness.get(epoch),
        )

    async def _record(self, slots: tuple[Slot, ...], checkpoint: Checkpoint) -> None:
        async with self._recording:  # the next number is known when the journal has the one before
            number = self._journal.ledger.uploaded + 1
            await self._journal.add(Uploaded(slots, checkpoint, number))
            self._board.update(uploaded=number)
            self._show(slots, checkpoint)
        log.info("the hub has the checkpoint of epoch %d (%s)", checkpoint.epoch, " and ".join(slots))

    def _show(self, slots: tuple[Slot, ...], checkpoint: Checkpoint) -> None:
        """Show it; one that the hub has is only hidden by another one that the hub has."""
        for slot in slots:
            shown: Checkpoint | None = getattr(self._board.state, slot)
            if checkpoint.state is CheckpointState.UPLOADED or not shown or shown.state is not CheckpointState.UPLOADED:
                self._board.update(**{slot: checkpoint})
