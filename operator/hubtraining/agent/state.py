"""What the agent knows of its run, as one frozen value; tasks replace it, and whoever waits is woken."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

import msgspec

from hubtraining.agent.run_folder import Kind
from hubtraining.agent.weights import WeightsFile
from hubtraining.domain.layout import Assignment
from hubtraining.domain.progress import Progress
from hubtraining.domain.report import Checkpoint, HubState, Outcome, Report, Stage

MAX_METRICS = 32


class RunState(msgspec.Struct, frozen=True):
    """One moment of a run."""

    stage: Stage = Stage.PREPARING
    progress: Progress = Progress()
    exit_code: int | None = None
    latest: Checkpoint | None = None
    best: Checkpoint | None = None
    final: Checkpoint | None = None
    uploaded: int = 0
    failed: int = 0
    hub: HubState = HubState()
    weights: Mapping[Kind, WeightsFile] = {}
    """The checkpoint files that are there."""
    message: str = ""
    """What went wrong for good, in one sentence."""
    resumed_epoch: int | None = None
    """The epoch that this attempt goes on after."""

    @property
    def remaining_seconds(self) -> float | None:
        """Of training: none when the trainer has ended, however many epochs were planned."""
        return self.progress.remaining_seconds if self.exit_code is None else 0.0


class Board:
    """Where the state stands."""

    def __init__(self, state: RunState) -> None:
        self.state = state
        self._changed = asyncio.Event()

    def update(self, **changes: object) -> None:
        """Replace fields; wakes those who wait if anything is different."""
        state = msgspec.structs.replace(self.state, **changes)
        if state != self.state:
            self.state = state
            self._changed.set()
            self._changed = asyncio.Event()

    def update_hub(self, **changes: object) -> None:
        """Replace fields of the hub's part."""
        self.update(hub=msgspec.structs.replace(self.state.hub, **changes))

    async def change_from(self, state: RunState) -> RunState:
        """The state, as soon as it is another one than this."""
        while self.state == state:
            await self._changed.wait()
        return self.state


def report(assignment: Assignment, state: RunState, sequence: int, now: datetime) -> Report:
    """The whole state as the controller gets it."""
    progress = state.progress
    return Report(
        session_uid=assignment.session_uid,
        attempt=assignment.attempt,
        sequence=sequence,
        stage=state.stage,
        time=now,
        epoch=progress.epoch,
        epochs=progress.epochs,
        seconds_per_epoch=progress.seconds_per_epoch,
        estimated_remaining_seconds=state.remaining_seconds,
        metrics=progress.mirrored()[:MAX_METRICS],
        latest=state.latest,
        best=state.best,
        final=state.final,
        uploaded=state.uploaded,
        failed=state.failed,
        hub=state.hub,
        exit_code=state.exit_code,
        resumed_epoch=state.resumed_epoch,
    )


def outcome(state: RunState) -> Outcome:
    """The whole state as the termination message starts from."""
    return Outcome(
        stage=state.stage,
        epoch=state.progress.epoch,
        epochs=state.progress.epochs,
        exit_code=state.exit_code,
        latest=state.latest,
        best=state.best,
        final=state.final,
        uploaded=state.uploaded,
        failed=state.failed,
        buffered_updates=state.hub.buffered_updates,
        metrics=state.progress.mirrored(),
        message=state.message or state.hub.message,
        resumed_epoch=state.resumed_epoch,
    )
