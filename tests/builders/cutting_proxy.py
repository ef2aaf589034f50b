"""A network between agent and hub that can be cut at any byte of an upload."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

UPLOAD = b"/upload HTTP/1.1\r\n"
PIECE = 8192


@dataclass
class CuttingProxy:
    """Forwards connections to a port. ``at`` and ``kind`` say what befalls the next upload.

    ``reset``: the connection breaks when so many bytes of the upload have gone through. ``reply``: all of it goes
    through, and the answer is lost. ``call``: after so many bytes ``fault`` is called, and nothing goes on before it
    returns.
    """

    target: int
    port: int = 0
    kind: Literal["reset", "reply", "call", ""] = ""
    at: int = 0
    fault: Callable[[], None] = lambda: None
    cuts: int = 0
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._both_ways(reader, writer)
        finally:
            writer.transport.abort()

    async def close(self) -> None:
        """Break off every connection."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _both_ways(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return
        ways = [asyncio.create_task(self._request(reader, back)), asyncio.create_task(self._answer(there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
            back.transport.abort()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Towards the hub. Ends, and with it the connection, where it is cut."""
        seen: int | None = None
        while piece := await reader.read(PIECE):
            if seen is None and UPLOAD in piece and self.kind:
                seen = 0
            if seen is not None:
                seen += len(piece)
                if self.kind in ("reset", "call") and seen > self.at:
                    kind, self.kind = self.kind, ""
                    self.cuts += 1
                    writer.write(piece[: max(0, len(piece) - (seen - self.at))])
                    await writer.drain()
                    if kind == "call":
                        await asyncio.to_thread(self.fault)
                    return
            writer.write(piece)
            await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Towards the agent. An answer to an upload is the first after it began."""
        while piece := await reader.read(PIECE):
            if self.kind == "reply" and b"sizeBytes" in piece:
                self.kind = ""
                self.cuts += 1
                return
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def a_cutting_proxy(target: int) -> AsyncIterator[CuttingProxy]:
    """A proxy while the context lasts."""
    proxy = CuttingProxy(target)
    server = await asyncio.start_server(proxy.carry, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
