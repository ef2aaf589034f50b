"""Keeps the pod cache like the API server: list in pages, watch, and list again whenever the watch breaks."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from hubtraining.controller.cluster.cache import Key, PodCache
from hubtraining.controller.cluster.errors import KubeError, KubeExpired, error_of
from hubtraining.controller.values import pods

logger = logging.getLogger("hubtraining.controller.informer")

SILENCE_SECONDS = 80.0
"""Bookmarks come about once a minute: a watch that is silent for longer is dead, even if the connection looks alive."""


class Page(Protocol):
    """One page of a list."""

    @property
    def items(self) -> list[dict[str, Any]]:
        """The objects."""

    @property
    def version(self) -> str:
        """The list's resourceVersion."""

    @property
    def more(self) -> str:
        """Token of the next page."""


class PodSource(Protocol):
    """Where pods are listed and watched."""

    async def pods(self, selector: str, namespace: str = "", more: str = "") -> Page:
        """One page."""

    def watch_pods(
        self, selector: str, version: str, silence: float, namespace: str = ""
    ) -> AsyncIterator[dict[str, Any]]:
        """Events since a version."""


class InformerMeter(Protocol):
    """Where the informer's ups and downs are counted."""

    def watch_ended(self, reason: str) -> None:
        """The watch ended and is started anew: ``closed``, ``expired`` or ``error``."""

    def watch_event(self) -> None:
        """Something was heard."""


class PodInformer:
    """Watches the training pods of one namespace, or of all.

    ``wake`` is called with the session's key for each change of one of its pods, and for each pod that is gone,
    also when its deletion was missed.
    """

    def __init__(
        self,
        source: PodSource,
        cache: PodCache,
        wake: Callable[[Key], None],
        meter: InformerMeter,
        backoff: Callable[[int], float],
        namespace: str = "",
    ) -> None:
        self._source = source
        self._cache = cache
        self._wake = wake
        self._meter = meter
        self._backoff = backoff
        self._namespace = namespace
        self._heard = 0
        self.synced = asyncio.Event()
        """Set after the first whole list; never cleared."""

    async def run(self) -> None:
        """Follow the pods until cancelled."""
        version, vain = "", 0
        while True:
            version, heard = await self._follow(version)
            vain = 0 if heard else vain + 1
            if vain or not version:  # also where something was heard: a list of everything is dear
                await asyncio.sleep(self._backoff(max(0, vain - 1)))

    async def _follow(self, version: str) -> tuple[str, bool]:
        """One watch; returns the version to go on from (empty: list first), and whether anything was heard."""
        heard, reason = self._heard, "closed"
        try:
            version = await self._watch(version or await self._list())
        except KubeError as error:
            version, reason = "", "expired" if isinstance(error, KubeExpired) else "error"
            logger.warning("the watch of pods ended and is started anew: %s", error)
        self._meter.watch_ended(reason)
        return version, self._heard > heard

    async def _list(self) -> str:
        """Replace the cache by what is; returns the version to watch from."""
        listed, page = await self._page("")
        while page.more:
            more, page = await self._page(page.more)
            listed |= more
        for uid in self._cache.absent(listed, page.version, self._namespace):
            self._drop(uid)
        self.synced.set()
        return page.version

    async def _page(self, more: str) -> tuple[set[str], Page]:
        page = await self._source.pods(pods.SELECTOR, self._namespace, more)
        for body in page.items:
            self._put(body)
        self._meter.watch_event()
        return {body["metadata"]["uid"] for body in page.items}, page

    async def _watch(self, version: str) -> str:
        """Take events until the API server closes the watch; returns the version to go on from."""
        async for event in self._source.watch_pods(pods.SELECTOR, version, SILENCE_SECONDS, self._namespace):
            self._meter.watch_event()
            self._heard += 1
            version = self._take(event)
        return version

    def _take(self, event: dict[str, Any]) -> str:
        body = event["object"]
        if event["type"] == "ERROR":
            raise error_of(int(body.get("code") or 500), body)
        if event["type"] == "DELETED":
            self._put(body)  # its last state, which nothing else tells
            self._drop(body["metadata"]["uid"])
        elif event["type"] != "BOOKMARK":
            self._put(body)
        version: str = body["metadata"]["resourceVersion"]
        return version

    def _put(self, body: dict[str, Any]) -> None:
        pod = pods.view(body)
        if self._cache.put(pod):
            self._wake(pod.key)

    def _drop(self, uid: str) -> None:
        pod = self._cache.remove(uid)
        if pod is not None:
            self._wake(pod.key)
