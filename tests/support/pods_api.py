"""The part of an API server that an informer sees, in memory and in the loop's own time, with faults on demand."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from builders.pod import PodBuilder

from hubtraining.controller.cluster.errors import KubeError, KubeExpired, KubeUnavailable
from hubtraining.controller.cluster.lists import Page

Body = dict[str, Any]
BREAK = "break"
"""In a watch: the connection is reset."""
END = "end"
"""In a watch: the API server closes it, as it does every few minutes."""
EXPIRE = "expire"
HANG = "hang"
"""In a watch: nothing comes any more, and nobody says so."""


class PodsApi:
    """Pods with versions, a log of what happened to them, and watches over that log."""

    def __init__(self, page_size: int = 2) -> None:
        self._pods: dict[str, Body] = {}
        self._log: list[tuple[int, Body]] = []
        self.version = 1000
        self._since = 1000
        self._moved = asyncio.Condition()
        self._page_size = page_size
        self._faults: list[KubeError] = []
        self._pages: dict[str, tuple[list[Body], str]] = {}
        self.lists = 0
        self.watches: list[str] = []
        self._broken: dict[int, str] = {}

    async def put(self, pod: PodBuilder) -> None:
        """Create or change a pod."""
        body = pod.body()
        known = self._pods.get(body["metadata"]["name"])
        if known is not None:
            body["metadata"]["uid"] = known["metadata"]["uid"]
        await self._happen("ADDED" if known is None else "MODIFIED", body)
        self._pods[body["metadata"]["name"]] = body

    async def delete(self, name: str) -> None:
        """Delete a pod; watches are told its last state."""
        await self._happen("DELETED", self._pods.pop(name))

    async def bookmark(self) -> None:
        """Tell a version and nothing else."""
        await self._happen("BOOKMARK", {"kind": "Pod", "metadata": {}})

    async def forget_history(self) -> None:
        """Compaction: watches from before have to list again."""
        async with self._moved:
            self._log.clear()
            self._since = self.version
            self._moved.notify_all()

    async def disturb(self, how: str) -> None:
        """Do this to every watch that is open."""
        async with self._moved:
            self._broken[len(self.watches)] = how
            self._moved.notify_all()

    def all(self) -> list[Body]:
        """What is."""
        return list(self._pods.values())

    def fail_next(self, *errors: KubeError) -> None:
        """Answer the next requests with these."""
        self._faults += errors

    async def pods(self, selector: str, namespace: str = "", more: str = "") -> Page:
        await asyncio.sleep(0.01)
        self._maybe_fail()
        if not more:
            self.lists += 1
            snapshot = [body for body in self._pods.values() if namespace in ("", body["metadata"]["namespace"])]
            self._pages["0"] = (snapshot, str(self.version))
            return self._page("0", 0)
        token, _, start = more.partition("/")
        return self._page(token, int(start))

    async def watch_pods(self, selector: str, version: str, silence: float, namespace: str = "") -> AsyncIterator[Body]:
        self._maybe_fail()
        self.watches.append(version)
        number, told = len(self.watches), int(version)
        while True:
            how, news = await self._next(number, told, silence)
            if how == BREAK:
                raise KubeUnavailable("connection reset")
            if how == END:
                return
            if how == EXPIRE:
                yield {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}
            if how == HANG:
                await asyncio.sleep(silence)
                raise KubeUnavailable("silent")
            for moment, event in news:
                told = moment
                yield event

    async def _next(self, number: int, told: int, silence: float) -> tuple[str, list[tuple[int, Body]]]:
        """What becomes of a watch that was told everything up to a version."""
        async with self._moved:
            try:
                async with asyncio.timeout(silence):
                    await self._moved.wait_for(lambda: self._news(told) or self._trouble(number, told))
            except TimeoutError:
                raise KubeUnavailable("silent") from None
            return self._trouble(number, told), self._news(told)

    def _page(self, token: str, start: int) -> Page:
        items, version = self._pages[token]
        end = start + self._page_size
        return Page(items[start:end], version, f"{token}/{end}" if end < len(items) else "")

    def _news(self, told: int) -> list[tuple[int, Body]]:
        return [(version, event) for version, event in self._log if version > told]

    def _trouble(self, number: int, told: int) -> str:
        return EXPIRE if told < self._since else self._broken.get(number, "")

    def _maybe_fail(self) -> None:
        if self._faults:
            raise self._faults.pop(0)

    async def _happen(self, kind: str, body: Body) -> None:
        async with self._moved:
            self.version += 1
            body["metadata"]["resourceVersion"] = str(self.version)
            self._log.append((self.version, {"type": kind, "object": body}))
            self._moved.notify_all()


EXPIRED = KubeExpired("too old", status=410)
UNAVAILABLE = KubeUnavailable("no answer")
