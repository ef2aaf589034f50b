"""One agent's life: watch and send while the trainer runs, deliver what is owed when it has ended, then leave."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from hubtraining.agent.checkpoints import Checkpoints
from hubtraining.agent.metrics import AgentMetrics
from hubtraining.agent.mirror import Mirror
from hubtraining.agent.outcome import termination_message
from hubtraining.agent.reporter import Reporter
from hubtraining.agent.settings import AgentSettings
from hubtraining.agent.state import Board, RunState, outcome
from hubtraining.agent.watch import Watch
from hubtraining.domain.report import Stage
from hubtraining.hub.errors import HubError
from hubtraining.hub.session import HubTrainingSession

log = logging.getLogger("hubtraining.agent")

GRACE = 3.0
"""Seconds after TERM for an exit file to show: the trainer ends before its sidecar, but volumes can be slow."""
CLOSE = 5.0
"""Seconds for ending the claim on the model, and for the last report: nice to have, never waited for."""
PAUSE = 5.0
"""Seconds between two rounds of tries for metrics that must arrive."""
REFUSALS = 6
"""Refusals in a row after which the end of a run goes on without its last metrics: a key may just be changing."""
BACKOFF = 60.0
"""Seconds between two starts of a task that keeps failing, at most."""

Task = Callable[[], Awaitable[None]]


class Signals(msgspec.Struct, frozen=True):
    """What comes from outside."""

    term: asyncio.Event
    """We are asked to leave."""
    flush: asyncio.Event
    """The pod is about to end: begin with what takes long."""


class Agent:
    """The parts of one agent, put together by ``program``."""

    def __init__(
        self,
        settings: AgentSettings,
        board: Board,
        session: HubTrainingSession,
        watch: Watch,
        checkpoints: Checkpoints,
        mirror: Mirror,
        reporter: Reporter,
        metrics: AgentMetrics,
        signals: Signals,
    ) -> None:
        self._settings = settings
        self._board = board
        self._session = session
        self._watch = watch
        self._checkpoints = checkpoints
        self._mirror = mirror
        self._reporter = reporter
        self._metrics = metrics
        self._signals = signals

    async def run(self) -> None:
        """Live until asked to leave. Nothing that fails in between ends this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as leaving, self._session:
                await self._live()
                leaving.reschedule(asyncio.get_running_loop().time() + CLOSE)
        await self._say_goodbye()

    async def _live(self) -> None:
        await self._checkpoints.begin()
        always = [self._kept("watch", self._watch.run), self._kept("mirror", self._mirror.run)]
        always += [self._kept("report", self._reporter.run), self._kept("outcome", self._outcomes)]
        tasks = [asyncio.create_task(task) for task in always]
        try:
            await self._train()
            await self._finish()
            await self._signals.term.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self._checkpoints.stop()

    async def _train(self) -> None:
        """Until the trainer has ended, or we are asked to leave and no exit code shows."""
        sending = asyncio.create_task(self._kept("checkpoints", self._checkpoints.run))
        ended = asyncio.create_task(self._exit_code())
        flush = asyncio.create_task(self._flush_early())
        try:
            asked = asyncio.create_task(self._signals.term.wait())
            await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            await asyncio.wait((ended,), timeout=GRACE)
        finally:
            for task in (sending, ended, flush):
                task.cancel()
            await asyncio.wait((sending, ended, flush))

    async def _flush_early(self) -> None:
        """preStop has come: begin with the newest checkpoint while the trainer still stops."""
        await self._signals.flush.wait()
        await self._kept("flush", self._checkpoints.flush)

    async def _finish(self) -> None:
        """Deliver what is owed, in the time that there is for it."""
        assignment = self._settings.assignment
        code = self._board.state.exit_code
        seconds = assignment.flush_seconds if code is None else assignment.final_upload_seconds
        log.info("the trainer has ended with %s: at most %d s for what is owed", code, seconds)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(self._kept("metrics", self._all_metrics), self._kept("weights", self._weights))
        except TimeoutError:
            self._board.update(message=f"not everything was delivered within {seconds} s")
        await self._close_claim()
        await self._mirror.copy()
        if self._board.state.exit_code is not None:
            self._board.update(stage=Stage.FINISHED)

    async def _weights(self) -> None:
        """The model where training succeeded, else what can be resumed; the code may come while we flush."""
        if self._board.state.exit_code != 0:
            await self._checkpoints.flush()
        if self._board.state.exit_code == 0:
            await self._checkpoints.final()

    async def _all_metrics(self) -> None:
        """Until the hub has them, or has refused them often enough to be believed."""
        refusals = 0
        while refusals < REFUSALS:
            if await self._session.upload_metrics():
                return
            refusals = refusals + 1 if self._session.health.refused else 0
            await asyncio.sleep(PAUSE)

    async def _close_claim(self) -> None:
        """Let the next writer begin at once; it can begin without, later."""
        self._session.stop()
        try:
            async with asyncio.timeout(CLOSE):
                await self._session.close()
        except (HubError, TimeoutError) as error:
            log.info("the claim on the model was not ended: %s", error)

    async def _exit_code(self) -> None:
        state = self._board.state
        while state.exit_code is None:
            state = await self._board.change_from(state)

    async def _kept(self, name: str, run: Task) -> None:
        """Run a task; when it fails, say so and start it again: training must not notice."""
        failures = 0
        while True:
            started = asyncio.get_running_loop().time()
            try:
                return await run()
            except Exception:
                log.exception("%s failed and is started again", name)
            self._metrics.restarts.labels(name).inc()
            lasted = asyncio.get_running_loop().time() - started
            failures = 1 if lasted > BACKOFF else failures + 1
            await asyncio.sleep(min(2.0**failures, BACKOFF))

    async def _outcomes(self) -> None:
        """Keep the termination message current: we may be killed at any moment."""
        state: RunState | None = None
        while True:
            state = self._board.state if state is None else await self._board.change_from(state)
            await asyncio.to_thread(self._write_outcome, state)
            await asyncio.sleep(1.0)

    async def _say_goodbye(self) -> None:
        await self._mirror.copy()
        await asyncio.to_thread(self._write_outcome, self._board.state)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE):
                await self._reporter.last()

    def _write_outcome(self, state: RunState) -> None:
        """In place: the kubelet mounts this one file."""
        try:
            self._settings.termination_log.write_text(termination_message(outcome(state)))
        except OSError as error:
            log.warning("the termination log cannot be written: %s", error)
