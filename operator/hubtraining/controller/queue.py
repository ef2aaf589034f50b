"""A work queue with the semantics of client-go's: a key waits once and is worked on once at a time."""

import asyncio
import collections
import logging
import random
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, Protocol, TypeVar

Key = TypeVar("Key", bound=Hashable)
Work = Callable[[Key], Awaitable[float | None]]
"""One pass over a key; returns after how many seconds it wants to be looked at again, if at all."""


LEAST_SECONDS = 0.001
"""The shortest delay: what is due in less would be found not quite due, again and again, until the clock moves."""

logger = logging.getLogger("hubtraining.controller.queue")


class Later(Exception):
    """A pass could not finish for a reason that is nobody's fault; the text says which."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after
        """Seconds that somebody asked to wait at least."""


class Backoff:
    """Seconds before try ``n`` (from 0): doubling from ``base`` to ``limit``, less up to half at random."""

    def __init__(self, base: float = 0.2, limit: float = 300.0, chance: Callable[[], float] = random.random) -> None:
        self._base = base
        self._limit = limit
        self._chance = chance

    def __call__(self, tries: int) -> float:
        """The delay; it never exceeds the limit, however many tries there were."""
        full = min(self._limit, self._base * 2.0 ** min(tries, 60))
        return full * (1 - self._chance() / 2)


class QueueMeter(Protocol):
    """What the queue tells about itself."""

    def added(self) -> None:
        """A key began to wait."""

    def started(self, waited: float) -> None:
        """Work on a key began after so many seconds in the queue."""

    def ended(self, worked: float, result: str) -> None:
        """Work on a key took so many seconds; the result is ``done`` or ``error``."""

    def retried(self) -> None:
        """A key failed and will be tried again."""


class WorkQueue(Generic[Key]):
    """Keys that wait for work.

    A key that is added while it waits is not added twice; one that is added while it is worked on waits until that
    ends. Due times run on the loop's clock.
    """

    def __init__(self, meter: QueueMeter, backoff: Callable[[int], float]) -> None:
        self._meter = meter
        self._backoff = backoff
        self._ready: collections.deque[Key] = collections.deque()
        self._dirty: dict[Key, float] = {}
        self._processing: dict[Key, float] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._tries: collections.Counter[Key] = collections.Counter()
        self._some = asyncio.Event()
        self._time: Callable[[], float] = lambda: 0.0

    def __len__(self) -> int:
        """How many keys wait now; those with a due time ahead do not count."""
        return len(self._ready)

    def add(self, key: Key) -> None:
        """Have the key worked on soon."""
        if key in self._dirty:
            return
        self._dirty[key] = asyncio.get_running_loop().time()
        self._meter.added()
        if key not in self._processing:
            self._push(key)

    def add_after(self, key: Key, delay: float) -> None:
        """Have the key worked on after ``delay`` seconds; the earliest of several due times counts."""
        if delay <= 0:
            self.add(key)
            return
        loop, delay = asyncio.get_running_loop(), max(delay, LEAST_SECONDS)
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + delay:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_later(delay, self._due, key)

    def retry(self, key: Key, least: float = 0.0) -> None:
        """Have a failed key worked on again, later with every failure in a row, and after ``least`` seconds."""
        self._meter.retried()
        self.add_after(key, max(least, self._backoff(self._tries[key])))
        self._tries[key] += 1

    def forget(self, key: Key) -> None:
        """End the row of failures."""
        self._tries.pop(key, None)

    def longest_running(self) -> float:
        """Seconds that the oldest unfinished work has taken so far; 0 when nothing is. Any thread may ask."""
        begun = tuple(self._processing.values())
        return self._time() - min(begun) if begun else 0.0

    async def serve(self, work: Work[Key], workers: int) -> None:
        """Work on keys, ``workers`` at a time, until cancelled."""
        self._time = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as tasks:
            for number in range(workers):
                tasks.create_task(self._worker(work), name=f"worker {number}")

    async def _worker(self, work: Work[Key]) -> None:
        while True:
            key = await self._take()
            try:
                await self._run(work, key)
            finally:
                self._finish(key)

    async def _run(self, work: Work[Key], key: Key) -> None:
        result = "error"
        try:
            again = await work(key)
            result = "done"
        except Later as reason:
            logger.warning("%s: will be tried again: %s", key, reason)
            self.retry(key, reason.after)
        except Exception:  # the boundary: whatever a pass raises is told, counted and tried again
            logger.exception("a pass over %s failed", key)
            self.retry(key)
        else:
            self.forget(key)
            if again is not None:
                self.add_after(key, again)
        finally:
            self._meter.ended(asyncio.get_running_loop().time() - self._processing[key], result)

    async def _take(self) -> Key:
        while not self._ready:
            self._some.clear()
            await self._some.wait()
        key = self._ready.popleft()
        now = asyncio.get_running_loop().time()
        self._meter.started(now - self._dirty.pop(key))
        self._processing[key] = now
        return key

    def _finish(self, key: Key) -> None:
        del self._processing[key]
        if key in self._dirty:
            self._push(key)

    def _due(self, key: Key) -> None:
        del self._timers[key]
        self.add(key)

    def _push(self, key: Key) -> None:
        self._ready.append(key)
        self._some.set()
