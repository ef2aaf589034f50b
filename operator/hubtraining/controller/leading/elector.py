"""Leads while it holds the lease, and at no other time.

The lease is valid from the sending of a renewal that was answered, not from its answer: whoever slept meanwhile wakes
to a lease that has ended.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import NoReturn, Protocol

from hubtraining.controller.cluster.errors import KubeConflict, KubeError, KubeNotFound
from hubtraining.controller.leading.lease import Lease, Sight, Terms, given_back, held

logger = logging.getLogger("hubtraining.controller.elector")


class LeaseStore(Protocol):
    """Where the lease is kept."""

    async def get(self) -> Lease | None:
        """None when there is none. Raises KubeError."""

    async def put(self, lease: Lease) -> Lease:
        """Raises KubeConflict when it changed since its version, and KubeError."""


class Elector:
    """One candidate. ``clock`` counts seconds and never jumps; ``now`` is for people who read the lease.

    ``lost`` is called when the lease ended while the work went on. It must not return.
    """

    def __init__(
        self,
        store: LeaseStore,
        identity: str,
        terms: Terms,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        lost: Callable[[str], NoReturn],
    ) -> None:
        self._store = store
        self._me = identity
        self._terms = terms
        self._clock = clock
        self._now = now
        self._lost = lost
        self._sight = Sight()
        self._valid_until = float("-inf")
        self._complaint = ""
        self.heard = False
        """Whether the API server has told about the lease at least once."""

    def valid(self) -> bool:
        """Whether this process leads now. Any thread may ask."""
        return self._clock() < self._valid_until

    async def lead(self, work: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        """Wait for the lease, do the work, and give the lease back. Does nothing when ``stop`` is set before."""
        if not await self._acquired(stop):
            return
        logger.info("%s leads", self._me)
        try:
            await self._renewing(work)
        finally:
            await self._give_back()

    async def _acquired(self, stop: asyncio.Event) -> bool:
        while not stop.is_set():
            if await self._take():
                return True
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await stop.wait()
        return False

    def _pause(self) -> float:
        """Until the next look: earlier when the lease ends before."""
        left = self._sight.since + self._sight.lease.seconds - self._clock()
        return min(self._terms.retry, left) if left > 0 else self._terms.retry

    async def _take(self) -> bool:
        """One try to become the leader."""
        try:
            await self._look()
            if not self._sight.free(self._me, self._clock()):
                return False
            await self._hold()
        except KubeConflict:
            return False  # another was quicker
        except KubeError as error:
            self._complain(f"the lease cannot be had: {error}")
            return False
        return self.valid()

    async def _renewing(self, work: Callable[[], Awaitable[None]]) -> None:
        """Work while the lease is renewed beside it."""
        async with asyncio.TaskGroup() as tasks:
            renewal = tasks.create_task(self._renew())
            try:
                await work()
            finally:
                renewal.cancel()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(min(self._terms.retry, self._left()))
            try:
                async with asyncio.timeout(self._left()):
                    await self._renew_once()
            except (KubeError, TimeoutError) as error:
                self._complain(f"the lease cannot be renewed: {error or 'no answer in time'}")
            if not self.valid():
                self._lost("the lease could not be renewed in time")

    async def _renew_once(self) -> None:
        try:
            await self._hold()
        except (KubeConflict, KubeNotFound):
            await self._look()
            if self._sight.lease.holder != self._me:
                self._lost(f"the lease was taken by {self._sight.lease.holder or 'nobody'}")
            await self._hold()  # an earlier renewal was not answered, or somebody else edited the lease

    async def _look(self) -> None:
        found = await self._store.get()
        self._sight = self._sight.then(found, self._clock())
        self.heard = True

    async def _hold(self) -> None:
        """Write that the lease is ours."""
        began = self._clock()
        wanted = held(self._sight.lease, self._me, self._terms, self._moment())
        self._sight = self._sight.then(await self._store.put(wanted), self._clock())
        self._valid_until = began + self._terms.renew
        self._complaint = ""

    async def _give_back(self) -> None:
        if not self.valid():
            return
        self._valid_until = float("-inf")
        try:
            await self._put_back()
            logger.info("%s has given the lease back", self._me)
        except KubeError as error:
            logger.warning("the lease was not given back, so it has to run out: %s", error)

    async def _put_back(self) -> None:
        try:
            await self._store.put(given_back(self._sight.lease, self._moment()))
        except KubeConflict:
            await self._look()
            if self._sight.lease.holder == self._me:
                await self._store.put(given_back(self._sight.lease, self._moment()))

    def _left(self) -> float:
        return max(0.0, self._valid_until - self._clock())

    def _moment(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _complain(self, text: str) -> None:
        """Once for each new trouble."""
        if text != self._complaint:
            logger.warning("%s", text)
        self._complaint = text
