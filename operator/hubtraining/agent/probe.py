"""The agent's own small HTTP server: probes, metrics, and the flush that the pod's preStop asks for.

Hand-made because it answers four GETs: a web framework would double the agent's memory.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

log = logging.getLogger("hubtraining.agent")

SECONDS = 5.0
"""For a whole request: a slow client must not keep a connection."""
MAX_REQUEST = 8192
PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class Answer(msgspec.Struct, frozen=True):
    """What a path answers."""

    status: int = 200
    body: bytes = b"ok\n"
    kind: str = "text/plain; charset=utf-8"


Route = Callable[[], Answer]


class Probe:
    """Serves a table of routes; each answers at once."""

    def __init__(self, routes: dict[str, Route]) -> None:
        self._routes = routes

    @asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve inside the block; gives the port, which matters where 0 was asked for."""
        server = await asyncio.start_server(self._connection, host, port, limit=MAX_REQUEST)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await server.wait_closed()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(rendered(self._answer(head)))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("a probe was broken off: %s", error)
        finally:
            writer.close()

    def _answer(self, head: bytes) -> Answer:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode(errors="replace")
        if method not in (b"GET", b"POST"):
            return Answer(405, b"GET is allowed\n")
        route = self._routes.get(path)
        return route() if route else Answer(404, b"not found\n")


def rendered(answer: Answer) -> bytes:
    """The answer as HTTP/1.1; the connection ends with it."""
    head = (
        f"HTTP/1.1 {answer.status} {PHRASES[answer.status]}\r\ncontent-type: {answer.kind}\r\n"
        f"content-length: {len(answer.body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + answer.body
