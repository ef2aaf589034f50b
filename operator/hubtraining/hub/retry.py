"""Calling again: how often, how long, and after which wait."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from hubtraining.hub.errors import HubUnavailable
from hubtraining.hub.pace import PATIENCE

T = TypeVar("T")


class Policy(msgspec.Struct, frozen=True):
    """At most ``tries`` calls, all of them and the waits between within ``seconds``."""

    tries: int
    seconds: float


CALL = Policy(tries=3, seconds=30.0)
"""For everything small."""

UPLOAD = Policy(tries=10, seconds=3600.0)
"""For checkpoints."""

TICK = 0.5
"""Seconds: timers may be a little early, and nobody asks for less."""


class Rest:
    """For how long a hub wants no more calls of one kind, whoever would make them."""

    def __init__(self) -> None:
        self._error: HubUnavailable | None = None
        self._until = 0.0

    @property
    def left(self) -> float:
        """Seconds."""
        return max(0.0, self._until - asyncio.get_running_loop().time())

    async def kept(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call; but while the hub rests there is no call, only the error that said so."""
        if self._error is not None and self.left > TICK:
            raise self._error.with_traceback(None)
        return await self.noted(call)

    async def noted(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call, and remember the time that the hub names."""
        try:
            return await call()
        except HubUnavailable as error:
            if error.retry_after is not None:
                self._error = error
                self._until = asyncio.get_running_loop().time() + min(error.retry_after, PATIENCE)
            raise


async def persist(
    call: Callable[[], Awaitable[T]],
    policy: Policy = CALL,
    *,
    jitter: Callable[[], float] = random.random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """Repeat a call while the hub is unavailable; the last failure is the caller's.

    The waits are 1, 2, 4… seconds, each times 0.5 to 1.5, or what the hub asked for. A hub that asks for more time
    than is left is not called again. Any other error passes at once.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + policy.seconds
    for attempt in range(policy.tries - 1):
        try:
            return await _before(deadline, call, policy)
        except HubUnavailable as error:
            wait = delay(attempt, error.retry_after, jitter())
            if loop.time() + wait >= deadline:
                raise
            await sleep(wait)
    return await _before(deadline, call, policy)


def delay(attempt: int, retry_after: float | None, jitter: float) -> float:
    """Seconds to wait after failure number ``attempt`` (from 0); ``jitter`` is a number in [0, 1)."""
    return retry_after if retry_after is not None else 2.0**attempt * (0.5 + jitter)


async def _before(deadline: float, call: Callable[[], Awaitable[T]], policy: Policy) -> T:
    try:
        async with asyncio.timeout_at(deadline):
            return await call()
    except TimeoutError:
        raise HubUnavailable(f"no answer within {policy.seconds:g} s") from None
