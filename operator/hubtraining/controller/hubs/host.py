"""One hub, as all sessions that use it share it: its connections, its rests, and who waits for its recovery."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import httpx

from hubtraining.controller.hubs.breaker import Breaker
from hubtraining.domain.arguments import NoPlan
from hubtraining.hub.errors import HubError, HubRateLimited, HubUnavailable

REST = 30.0
"""Seconds without a call, after several in a row were not answered."""

TICK = 0.1


class HubSpared(HubUnavailable):
    """The hub did not answer several times, so it was not even asked."""


class Host:
    """While it is spared, one of those who wait is sent after each rest; the first answer to anybody sends all."""

    def __init__(self, http: httpx.AsyncClient, calls: int) -> None:
        self.http = http
        self.turns = asyncio.Semaphore(calls)
        self.users = 0
        self._loop = asyncio.get_running_loop()
        self._breaker = Breaker(self._loop.time, rest=REST)
        self._waiting: dict[str, Callable[[], None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def spare(self) -> None:
        """Raise HubSpared while the hub has its rest."""
        rest = self._breaker.closed_for()
        if rest > 0:
            words = "the hub did not answer several times and is left alone for a while"
            raise HubSpared(words, retry_after=rest)

    @contextmanager
    def judged(self) -> Iterator[None]:
        """See what becomes of a call: a refusal is an answer, and so are being asked to wait and a useless model."""
        self._breaker.begun()
        try:
            yield
        except NoPlan:
            self._answered()
            raise
        except HubError as error:
            if isinstance(error, HubUnavailable) and not isinstance(error, HubRateLimited):
                self._failed()
            else:
                self._answered()
            raise
        self._answered()

    def wait(self, who: str, call: Callable[[], None]) -> Callable[[], None]:
        """Have something called once, when it is worth asking again; the newest of each ``who`` counts.

        Returns how to wait no longer: a rest should not be spent on whoever does not.
        """
        self._waiting.pop(who, None)
        self._waiting[who] = call
        self._schedule()
        return partial(self._leave, who, call)

    async def close(self) -> None:
        """Nobody is sent any more."""
        self._stop()
        await self.http.aclose()

    def _leave(self, who: str, call: Callable[[], None]) -> None:
        if self._waiting.get(who) is call:
            del self._waiting[who]

    def _failed(self) -> None:
        self._breaker.failed()
        self._schedule()

    def _answered(self) -> None:
        if self._breaker.succeeded():
            self._stop()
            waiting, self._waiting = self._waiting, {}
            for call in waiting.values():
                call()

    def _schedule(self, least: float = 0.0) -> None:
        """Come back after the rest, or ``least`` seconds; clocks and timers differ by a tick, so a little later."""
        seconds = max(least, self._breaker.closed_for())
        if seconds > 0 and self._timer is None:
            self._timer = self._loop.call_later(seconds + TICK, self._rested)

    def _rested(self) -> None:
        """Send one; should nothing come of it, because it was suspended, the next goes after another rest."""
        self._timer = None
        if self._breaker.closed_for() > 0:
            self._schedule()
        elif self._waiting:
            self._waiting.pop(next(iter(self._waiting)))()
            self._schedule(REST)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
