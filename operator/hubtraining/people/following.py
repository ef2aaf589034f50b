"""Following objects of the API server: what is there, what changes, what goes, and whether we still hear of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec

from hubtraining.controller.cluster.errors import KubeExpired, KubeUnavailable, error_of
from hubtraining.controller.cluster.lists import Page

Body = dict[str, Any]
LONGEST_WAIT_SECONDS = 30.0


class Present(msgspec.Struct, frozen=True):
    """There is such an object, and this is how it is."""

    what: str
    body: Body


class Gone(msgspec.Struct, frozen=True):
    """There is no such object any more; this is how it was last seen."""

    what: str
    body: Body


class Synced(msgspec.Struct, frozen=True):
    """Everything that is there was told."""

    what: str


class Lost(msgspec.Struct, frozen=True):
    """The API server does not answer; it is asked again."""

    what: str
    why: str


News = Present | Gone | Synced | Lost


class Source(Protocol):
    """Where objects of one kind are listed and watched."""

    @property
    def what(self) -> str:
        """Which kind, for the news."""

    async def page(self, more: str = "") -> Page:
        """One page of the list."""

    def watch(self, version: str) -> AsyncIterator[Body]:
        """Events since that version."""


async def follow(source: Source) -> AsyncIterator[News]:
    """News for as long as they are taken. Raises KubeError where asking again is no use."""
    known: dict[str, Body] = {}
    version, vain = "", 0
    while True:
        heard = False
        try:
            if not version:
                items, version = await _all(source)
                for news in _replaced(source.what, known, items):
                    yield news
                yield Synced(source.what)
                heard = True
            async for event in source.watch(version):
                heard, version = True, _version(event)
                for news in _changed(source.what, known, event):
                    yield news
        except KubeExpired:
            version = ""
        except KubeUnavailable as error:
            version = ""
            yield Lost(source.what, str(error))
        vain = 0 if heard else vain + 1
        await asyncio.sleep(wait(vain))


def wait(vain: int) -> float:
    """Seconds before the next try, after so many that brought nothing."""
    return min(float(2**vain - 1), LONGEST_WAIT_SECONDS)


async def _all(source: Source) -> tuple[list[Body], str]:
    page = await source.page()
    items = page.items
    while page.more:
        page = await source.page(page.more)
        items = items + page.items
    return items, page.version


def _replaced(what: str, known: dict[str, Body], items: list[Body]) -> list[News]:
    listed = {item["metadata"]["uid"]: item for item in items}
    gone = [Gone(what, known[uid]) for uid in known.keys() - listed.keys()]
    known.clear()
    known.update(listed)
    return [*gone, *(Present(what, item) for item in items)]


def _changed(what: str, known: dict[str, Body], event: Body) -> list[News]:
    body = event["object"]
    if event["type"] == "BOOKMARK":
        return []
    if event["type"] == "DELETED":
        known.pop(body["metadata"]["uid"], None)
        return [Gone(what, body)]
    known[body["metadata"]["uid"]] = body
    return [Present(what, body)]


def _version(event: Body) -> str:
    body = event["object"]
    if event["type"] == "ERROR":
        raise error_of(int(body.get("code") or 500), body)
    return str(body["metadata"]["resourceVersion"])
