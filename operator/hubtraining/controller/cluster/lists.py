"""Lists in pages, and watches, of objects of any kind."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

import aiohttp

from hubtraining.controller.cluster.calls import REQUEST_SECONDS, Body, Call, Requests, decode, unreachable

PAGE_SIZE = 500
WATCH_SECONDS = 300
"""How long the API server keeps one watch open."""


class Page(NamedTuple):
    """One page of a list."""

    items: list[Body]
    version: str
    more: str
    """Token of the next page; empty at the end."""


async def page(
    requests: Requests, call: Call, namespace: str, more: str, query: Mapping[str, str] | None = None
) -> Page:
    """One page of a list: the first, or the one that ``more`` leads to. Raises KubeError."""
    asked = {"limit": str(PAGE_SIZE), **(query or {}), **({"continue": more} if more else {})}
    body = await requests.send(call, namespace=namespace, query=asked)
    metadata = body.get("metadata") or {}
    return Page(body.get("items") or [], metadata.get("resourceVersion", ""), metadata.get("continue", ""))


async def watch(
    requests: Requests, call: Call, version: str, silence: float, query: Mapping[str, str], namespace: str = ""
) -> AsyncIterator[Body]:
    """Events since that version; raises KubeUnavailable when nothing comes for ``silence`` seconds.

    It ends by itself when the API server closes the watch.
    """
    asked = {
        **query,
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(WATCH_SECONDS),
    }
    response = await requests.open(call, namespace=namespace, query=asked, limit=endless(silence))
    try:
        async for line in _lines(response, silence):
            yield line
    finally:
        response.close()


def endless(silence: float) -> aiohttp.ClientTimeout:
    """The limit of a stream that may go on for ever, if only it says something now and then."""
    return aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS, sock_read=silence)


async def _lines(response: aiohttp.ClientResponse, silence: float) -> AsyncIterator[Body]:
    while True:
        try:
            async with asyncio.timeout(silence):
                line = await response.content.readline()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise unreachable(error) from error
        if not line:
            return
        yield decode(line)
