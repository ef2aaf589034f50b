"""One training run's relation to its hub: presence, metrics and checkpoints, at the protocol's pace.

Whatever the hub does, nothing that was handed in is dropped before it is acknowledged, and nothing here stops the
training. Time is the event loop's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from hubtraining import __version__
from hubtraining.domain.arguments import Plan, create_payload, plan
from hubtraining.domain.epochs import Values
from hubtraining.domain.identifiers import WEB_URL, Identifier, model_url
from hubtraining.hub import wire
from hubtraining.hub.client import HubClient
from hubtraining.hub.errors import (
    HubError,
    HubNotFound,
    HubProtocolError,
    HubRefused,
    HubUnauthorized,
    HubUnavailable,
)
from hubtraining.hub.multipart import Progress
from hubtraining.hub.pace import PROTOCOL_LIMITS, RateLimits, beat_after, wait_after
from hubtraining.hub.retry import UPLOAD, Rest, persist
from hubtraining.hub.state import NEW, Health, SessionState
from hubtraining.hub.uploads import CheckpointUpload, Superseded, Turn, UploadTurns

T = TypeVar("T")

logger = logging.getLogger("hubtraining.hub.session")

AHEAD = 5.0
"""Seconds that a checkpoint waits for the metrics of its epochs, at most."""

AGENT = f"hubtraining-{__version__}"
"""The name that heartbeats give."""


class HubTrainingSession:
    """The session of one model. ``async with`` it: heartbeats and metrics flow until :meth:`stop` or the end.

    Load or create the model first, or hand in a state that names it. ``clock`` gives the wall-clock time.
    """

    def __init__(
        self,
        client: HubClient,
        *,
        web_url: str = WEB_URL,
        agent: str = AGENT,
        limits: RateLimits = PROTOCOL_LIMITS,
        state: SessionState = NEW,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._web_url = web_url
        self._agent = agent
        self._limits = limits
        self._state = state
        self._clock = clock
        self._health = Health()
        self._uploads = UploadTurns(limits.checkpoint)
        self._posting = asyncio.Lock()
        self._rest = Rest()
        self._stopping = asyncio.Event()
        self._filled = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self._running: list[asyncio.Task[None]] = []

    @property
    def agent_id(self) -> str | None:
        """The hub's name for this agent; None before the first heartbeat was answered."""
        return self._state.agent_id

    @property
    def model_id(self) -> str:
        """The model that this session writes; empty before it is loaded or created."""
        return self._state.model_id

    @property
    def model_url(self) -> str:
        """Where people see the model."""
        return model_url(self._web_url, self.model_id)

    @property
    def state(self) -> SessionState:
        """To save; give it to the next session of this run."""
        return self._state

    @property
    def health(self) -> Health:
        """How session and hub get on."""
        return self._health

    async def load_model(self, model_id: str) -> wire.Model:
        """Read a model that the hub holds, and make it this session's. Raises HubError."""
        model = await persist(lambda: self._noted(self._client.read(model_id)))
        self._change(model_id=model.id)
        return model

    async def create_model(
        self, identifier: Identifier, args: Mapping[str, Any], *, session_uid: str = "", namespace: str = ""
    ) -> wire.Model:
        """Create the model of local weights or a local architecture. Raises HubError, InvalidArguments."""
        payload = create_payload(identifier, args, session_uid)
        create = partial(self._client.create, payload, idempotency_key=session_uid, namespace=namespace)
        model = await persist(lambda: self._noted(create()))
        self._change(model_id=model.id)
        return model

    def plan(self, model: wire.Model, identifier: Identifier, args: Mapping[str, Any]) -> Plan:
        """What to train: see ``domain.arguments.plan``. Raises NoPlan: already trained, or no data set yet."""
        return plan(model, args, identifier, self.model_url)

    async def __aenter__(self) -> Self:
        """Start heartbeats and metrics. Raises ValueError without a model."""
        if not self.model_id:
            raise ValueError("the session has no model: load or create one, or give it a state that names one")
        await self._tasks.__aenter__()
        self._running = [self._tasks.create_task(task) for task in (self._beats(), self._posts())]
        self._refill()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """On a normal end the queued metrics are sent first (one round of tries); an error passes as it is."""
        self.stop()
        if error is None or isinstance(error, asyncio.CancelledError):
            await self._tasks.__aexit__(kind, error, trace)
            return
        for task in self._running:
            task.cancel()
        await self._tasks.__aexit__(None, None, None)

    def stop(self) -> None:
        """No more heartbeats; what is queued is sent once more. Returns at once."""
        self._stopping.set()
        self._filled.set()

    def add_metrics(self, epoch: int, values: Values) -> None:
        """Queue an epoch's metrics (counted from 1); sent within the rate limit. The last values of an epoch win."""
        self._change(metrics=self._state.metrics.add(epoch, values))
        self._refill()

    async def upload_metrics(self) -> bool:
        """Send what is queued now; True if the hub has all of it, False if some was kept for later."""
        while self._state.metrics:
            if await self._post() is not None:
                return False
        return True

    def checkpoint_due(self) -> bool:
        """Whether the rate limit lets an epoch's checkpoint go now: the first at once, the next counted from it."""
        return self._uploads.due()

    async def upload_model(self, upload: CheckpointUpload, progress: Progress | None = None) -> bool:
        """Upload a checkpoint; one at a time, in the order of the calls.

        True: the hub has it. False: there is no such file (a warning says so), or a newer checkpoint replaced this
        one before it was sent. Unavailable hubs are tried again as ``retry.UPLOAD`` says, refused keys slowly for as
        long; then, and for every other refusal, raises HubError. FileChanged and OSError are the caller's.
        """
        turn = await self._uploads.ask(upload)
        try:
            async with self._uploads.take(turn):
                await self._deliver(turn, partial(self._client.upload_checkpoint, self.model_id, upload, progress))
        except Superseded:
            return False
        except FileNotFoundError:
            logger.warning("the checkpoint %s of epoch %d is missing: nothing uploaded", upload.path, upload.epoch)
            return False
        self._change(uploaded_epoch=upload.epoch)
        return True

    async def close(self) -> None:
        """End this session's claim on the model; a hub that knows no claims is left alone. Raises HubError."""
        with suppress(HubNotFound):
            await persist(lambda: self._noted(self._client.close(self.model_id)))

    async def _beats(self) -> None:
        loop, failures, usual = asyncio.get_running_loop(), 0, self._limits.heartbeat
        while not self._stopping.is_set():
            started = loop.time()
            error = await self._survived("heartbeat", self._beat)
            failures = 0 if error is None else failures + 1
            await self._pause(started + usual - loop.time() if error is None else beat_after(error, failures, usual))

    async def _beat(self) -> None:
        agent_id = await self._noted(self._client.heartbeat(self.model_id, self._agent, self.agent_id))
        self._change(agent_id=agent_id or self.agent_id)
        self._health = msgspec.structs.replace(self._health, last_heartbeat=self._clock())

    async def _posts(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            await self._filled.wait()
            error = await self._post()
            failures = 0 if error is None else failures + 1
            usual = self._limits.metrics
            await self._pause(usual if error is None else wait_after(error, failures, usual))
        await self.upload_metrics()

    async def _post(self) -> HubError | None:
        """Send one batch; the failure, if it was kept for later."""
        async with self._posting:
            batch = self._state.metrics.batch()
            if not batch:
                return None
            send = partial(self._rest.kept, partial(self._client.send_metrics, self.model_id, batch))
            error = await self._survived("metrics", lambda: persist(lambda: self._noted(send())))
            waiting = self._state.metrics
            self._change(metrics=waiting.refused(batch) if error else waiting.acknowledged(batch))
            self._refill()
            return error

    async def _deliver(self, turn: Turn, send: Callable[[], Awaitable[None]]) -> None:
        """Send until the hub has it, its time is over, or something newer waits."""

        async def once() -> None:
            await self._send_ahead()
            await self._uploads.send(turn, lambda: self._noted(send()))

        loop, failures = asyncio.get_running_loop(), 0
        deadline = loop.time() + UPLOAD.seconds
        while True:
            policy = msgspec.structs.replace(UPLOAD, seconds=deadline - loop.time())
            try:
                return await persist(once, policy, sleep=partial(self._uploads.sleep, turn))
            except (HubUnauthorized, HubProtocolError) as error:
                failures += 1
                wait = wait_after(error, failures, 0.0)
                if loop.time() + wait >= deadline:
                    raise
                await self._uploads.sleep(turn, wait)

    async def _send_ahead(self) -> None:
        """Send a checkpoint's epochs before it: whoever goes on from it never trains them again.

        A hub in trouble is not asked more often than it wishes.
        """
        if not self._health.failures:
            with suppress(TimeoutError):
                async with asyncio.timeout(AHEAD):
                    await self.upload_metrics()

    async def _survived(self, what: str, call: Callable[[], Awaitable[None]]) -> HubError | None:
        """The failure of a call instead of an exception, whatever it is: nothing may end presence or lose metrics."""
        try:
            await call()
        except HubError as error:
            return error
        except Exception as error:
            logger.exception("%s: an error that no hub should cause", what)
            return HubUnavailable(f"{what}: unexpected {type(error).__name__}")
        return None

    async def _noted(self, call: Awaitable[T]) -> T:
        """Await a call and remember how it went."""
        try:
            result = await call
        except HubError as error:
            if self._health.message != str(error):
                logger.warning("%s", error)
            # A page or a redirect is somebody else's: it says nothing of what the hub will take.
            health, refused = self._health, isinstance(error, HubRefused) and not isinstance(error, HubProtocolError)
            self._health = msgspec.structs.replace(
                health, failures=health.failures + 1, message=str(error), refused=refused
            )
            raise
        if self._health.failures:
            logger.info("the hub answers again after %d failed calls", self._health.failures)
        self._health = msgspec.structs.replace(self._health, failures=0, message="", refused=False)
        return result

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until :meth:`stop`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _change(self, **fields: Any) -> None:
        self._state = msgspec.structs.replace(self._state, **fields)

    def _refill(self) -> None:
        """Wake the metrics' task exactly while there is something to send, or nothing more will come."""
        if self._state.metrics or self._stopping.is_set():
            self._filled.set()
        else:
            self._filled.clear()
