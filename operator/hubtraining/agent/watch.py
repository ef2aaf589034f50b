"""The watching task: looks at the run folder, and hands what is new to session, journal and board."""

import asyncio
from collections.abc import Callable, Collection, Iterable

import msgspec

from hubtraining.agent.follow import Follower, Seen
from hubtraining.agent.journal import Journal
from hubtraining.agent.ledger import Finished
from hubtraining.agent.state import Board
from hubtraining.domain.layout import Begun
from hubtraining.domain.progress import EpochRow, Planned, Progress, fitness, folded
from hubtraining.domain.report import Stage
from hubtraining.hub.session import HubTrainingSession

SECONDS = 1.0
"""Between two looks."""


class Pulse:
    """When the run folder was last looked at; read by the liveness probe."""

    def __init__(self) -> None:
        self._at: float | None = None

    def beat(self) -> None:
        """It was looked at now."""
        self._at = asyncio.get_running_loop().time()

    def quiet(self) -> float:
        """Seconds since then; 0 before the first look."""
        return 0.0 if self._at is None else asyncio.get_running_loop().time() - self._at


class Watch:
    """Follows one run. ``fitness`` remembers each epoch's, for checkpoints that come later than their row."""

    def __init__(
        self,
        follower: Follower,
        session: HubTrainingSession,
        journal: Journal,
        board: Board,
        pulse: Pulse,
        word: Callable[[], Begun | None],
    ) -> None:
        self._follower = follower
        self._session = session
        self._journal = journal
        self._board = board
        self._planned = board.state.progress.planned
        self._pulse = pulse
        self._word = word
        self._turn = asyncio.Lock()
        self.fitness: dict[int, float] = {}
        self.begun: Begun | None = None
        """What the attempt began from; None until ``fetch`` has made the run folder ready, and nothing is looked at."""

    def held(self) -> Collection[str]:
        """SHA-256 of the restored files that the hub had before."""
        return self.begun.uploaded if self.begun else ()

    async def run(self) -> None:
        """Look again and again."""
        while True:
            seen = await self.look()
            if not seen.more:
                await asyncio.sleep(SECONDS)

    async def look(self) -> Seen:
        """One look, and everything that follows from it."""
        async with self._turn:
            seen = Seen()
            if self.begun is not None or await self._begin():
                seen = await asyncio.to_thread(self._follower.look)
                await self._hand_on(seen.rows)
                self._show(seen)
            self._pulse.beat()
            return seen

    async def _begin(self) -> bool:
        """Whether the run folder is ready."""
        begun = await asyncio.to_thread(self._word)
        if begun is None:
            return False
        resumed = begun.resumed_epoch
        progress = Progress(epoch=resumed or 0, planned=self._planned, begun=resumed or 0)
        self._board.update(resumed_epoch=resumed, progress=progress)
        self.begun = begun
        return True

    async def _hand_on(self, rows: Iterable[EpochRow]) -> None:
        """The session first: what it does not hold counts as acknowledged once the journal has it."""
        new = [row for row in rows if not self._journal.ledger.knows(row.epoch, row.metrics)]
        for row in new:
            self._session.add_metrics(row.epoch, row.metrics)
        await self._journal.add(*(Finished(row.epoch, row.metrics) for row in new))

    def _show(self, seen: Seen) -> None:
        before = self._board.state.progress
        progress = folded(before.anew() if seen.anew else before, seen.rows, asyncio.get_running_loop().time())
        if seen.anew:
            self.fitness.clear()
        self._remember(seen.rows)
        exit_code = None if seen.more else seen.exit_code
        self._board.update(
            stage=stage(self._board.state.stage, progress, exit_code),
            progress=msgspec.structs.replace(progress, planned=combined(seen.planned, self._planned)),
            exit_code=exit_code,
            weights=seen.weights,
        )

    def _remember(self, rows: Iterable[EpochRow]) -> None:
        scores = {row.epoch: fitness(row.metrics) for row in rows}
        self.fitness.update({epoch: score for epoch, score in scores.items() if score is not None})


def combined(noted: Planned, told: Planned) -> Planned:
    """The trainer knows best; before it has started, what we were told stands."""
    return msgspec.structs.replace(noted, epochs=noted.epochs or told.epochs)


def stage(before: Stage, progress: Progress, exit_code: int | None) -> Stage:
    """The stage that a look shows; the end is never taken back."""
    if before is Stage.FINISHED:
        return before
    if exit_code is not None:
        return Stage.FINALIZING
    return Stage.TRAINING if progress.epoch > progress.begun else Stage.PREPARING
