"""What can happen to a request on its way, and to its answer on the way back."""

import asyncio
import json
from typing import Any

import aiohttp
from aiohttp import web
from support.fault_proxy import Exchange, How, passed_on


async def drop(exchange: Exchange) -> web.StreamResponse:
    """It never arrives, and nobody says so: the asker has to give up."""
    await asyncio.Event().wait()
    return web.Response()


def delay(seconds: float) -> How:
    """It arrives late."""

    async def late(exchange: Exchange) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await exchange.forward()

    return late


async def reset(exchange: Exchange) -> web.StreamResponse:
    """The connection is reset before it arrives."""
    return exchange.abort()


async def lose_answer(exchange: Exchange) -> web.StreamResponse:
    """It arrives and is carried out; the connection is reset before the answer."""
    async with exchange.ask() as upstream:
        await upstream.read()
        exchange.told(upstream.status)
    return exchange.abort()


async def half_open(exchange: Exchange) -> web.StreamResponse:
    """It arrives and is carried out; the connection stays open, and no answer comes."""
    async with exchange.ask() as upstream:
        await upstream.read()
        exchange.told(upstream.status)
    await asyncio.Event().wait()
    return web.Response()


async def truncate(exchange: Exchange) -> web.StreamResponse:
    """The answer breaks off in the middle of its body."""
    async with exchange.ask() as upstream:
        body = await upstream.read()
        exchange.told(upstream.status)
        headers = {**passed_on(upstream.headers), "Content-Length": str(len(body))}
        response = web.StreamResponse(status=upstream.status, headers=headers)
        await response.prepare(exchange.request)
        await response.write(body[: len(body) // 2])
    return exchange.abort()


def cut_request(after: int) -> How:
    """The connection is reset when so many bytes of its body have come; none of them goes further."""

    async def cut(exchange: Exchange) -> web.StreamResponse:
        seen = 0
        async for piece in exchange.request.content.iter_any():
            seen += len(piece)
            if seen >= after:
                break
        return exchange.abort()

    return cut


def refuse(code: int, reason: str = "", retry_after: int | None = None) -> How:
    """It is answered with this status, as an API server would, and not carried out."""

    async def refused(exchange: Exchange) -> web.StreamResponse:
        await exchange.request.read()
        status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
        status |= {"reason": reason, "message": f"injected: {code} {reason}"}
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return web.json_response(status, status=code, headers=headers)

    return refused


async def html(exchange: Exchange) -> web.StreamResponse:
    """Something else answers, with a page and 200."""
    await exchange.request.read()
    return web.Response(text="<html>Sign in to the network</html>", content_type="text/html")


class Memory:
    """Lists as they were: served again later, they are stale, as those of an API server that lags behind."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, dict[str, str], bytes]] = {}

    async def remember(self, exchange: Exchange) -> web.StreamResponse:
        """Pass on, and keep the answer."""
        async with exchange.ask() as upstream:
            body = await upstream.read()
            self._known.setdefault(exchange.asked.path, (upstream.status, passed_on(upstream.headers), body))
            return web.Response(status=upstream.status, headers=passed_on(upstream.headers), body=body)

    async def recall(self, exchange: Exchange) -> web.StreamResponse:
        """Answer with what was kept, or pass on what was not."""
        known = self._known.get(exchange.asked.path)
        if known is None:
            return await exchange.forward()
        status, headers, body = known
        return web.Response(status=status, headers=headers, body=body)


class Coalesced:
    """Of several changes of an object in a row, a watch tells only the last: use as a proxy's ``lines``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.swallowed = 0

    async def __call__(
        self, exchange: Exchange, response: web.StreamResponse, upstream: aiohttp.ClientResponse
    ) -> None:
        lines: asyncio.Queue[bytes] = asyncio.Queue()
        reading = asyncio.create_task(_read(upstream, lines))
        try:
            while first := await lines.get():
                await asyncio.sleep(self._seconds)
                for line in self._last_of_each(first, lines):
                    await response.write(line)
        finally:
            reading.cancel()

    def _last_of_each(self, first: bytes, lines: "asyncio.Queue[bytes]") -> list[bytes]:
        """What has come meanwhile; an empty line, the watch's end, is left for the next look."""
        kept = {_uid(first): first}
        while not lines.empty():
            line = lines.get_nowait()
            if not line:
                lines.put_nowait(line)
                break
            self.swallowed += kept.pop(_uid(line), None) is not None
            kept[_uid(line)] = line  # at the end: what was told last stands last
        return list(kept.values())


async def _read(upstream: aiohttp.ClientResponse, lines: "asyncio.Queue[bytes]") -> None:
    while line := await upstream.content.readline():
        lines.put_nowait(line)
    lines.put_nowait(b"")


def _uid(line: bytes) -> str:
    return str(json.loads(line)["object"].get("metadata", {}).get("uid", ""))
