"""Lists all sessions now and then: a watch is never told of a deletion that it missed."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from hubtraining.controller.cluster.cache import Key, SessionCache
from hubtraining.controller.cluster.errors import KubeError
from hubtraining.controller.cluster.lists import Page
from hubtraining.domain.session import Session

EVERY_SECONDS = 600.0
RETRY_SECONDS = 30.0
SPREAD_SECONDS = 60.0
"""Over which the passes of one resync are spread."""

logger = logging.getLogger("hubtraining.controller.resync")

ListSessions = Callable[[str, str], Awaitable[Page]]
"""Namespace (empty: all) and continuation to a page."""


class Resync:
    """Sweeps the cache and has every session looked at again."""

    def __init__(
        self,
        source: ListSessions,
        sessions: SessionCache,
        namespaces: tuple[str, ...],
        wake_after: Callable[[Key, float], None],
        drop: Callable[[Session], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._source = source
        self._sessions = sessions
        self._namespaces = namespaces or ("",)
        self._wake_after = wake_after
        self._drop = drop
        self._chance = chance

    async def run(self) -> None:
        """Resync until cancelled."""
        wait = EVERY_SECONDS
        while True:
            await asyncio.sleep(wait * (0.9 + 0.2 * self._chance()))
            wait = EVERY_SECONDS if await self._tried() else RETRY_SECONDS

    async def once(self) -> None:
        """One resync. Raises KubeError."""
        for namespace in self._namespaces:
            await self._sweep(namespace)

    async def _tried(self) -> bool:
        try:
            await self.once()
        except KubeError as error:
            logger.warning("the sessions could not be listed: %s", error)
            return False
        return True

    async def _sweep(self, namespace: str) -> None:
        listed: set[Key] = set()
        page = Page([], "", "")
        while page.more or not page.version:
            page = await self._source(namespace, page.more)
            for body in page.items:
                session = Session.from_body(body)
                self._sessions.put(session)
                listed.add(session.key)
        for session in self._sessions.sweep(listed, page.version, namespace):
            self._drop(session)
            self._wake_after(session.key, 0.0)
        for key in listed:
            self._wake_after(key, SPREAD_SECONDS * self._chance())
