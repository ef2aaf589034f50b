"""Hubs that misbehave, on real sockets at an address of this machine that tenants may name."""

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import msgspec
import pytest
from builders.bombs import a_bomb

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Behaviour = Callable[[bytes, Reader, Writer], Awaitable[None]]
"""What follows a request's head."""
FOREVER = 86_400
BOMB_MIB = 4096


def outward_address() -> str:
    """An address of this machine that is not its loopback: where a tenant's hub could be."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))  # nothing is sent: it only asks by which way it would go
        except OSError:
            pytest.skip("this machine has no network but its loopback, where no tenant's hub may be")
        return str(probe.getsockname()[0])


@dataclass
class StrangeHub:
    """One of them, and who came."""

    url: str
    heads: list[bytes] = field(default_factory=list)
    """Of the first request of each connection."""


async def silent(head: bytes, reader: Reader, writer: Writer) -> None:
    """Accepts, and never answers."""
    await asyncio.sleep(FOREVER)


async def dribbling(head: bytes, reader: Reader, writer: Writer) -> None:
    """Answers a byte now and then."""
    writer.write(_head())
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.5)


async def endless(head: bytes, reader: Reader, writer: Writer) -> None:
    """Answers, and does not stop."""
    writer.write(_head() + b'{"success": true, "data": "')
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def garbage(head: bytes, reader: Reader, writer: Writer) -> None:
    """Speaks another language."""
    writer.write(os.urandom(4096))


async def bomb(head: bytes, reader: Reader, writer: Writer) -> None:
    """Sends little that unpacks to much."""
    await _send(writer, a_bomb(BOMB_MIB), "gzip")


async def nested_bomb(head: bytes, reader: Reader, writer: Writer) -> None:
    """Sends next to nothing that unpacks to much."""
    await _send(writer, a_bomb(BOMB_MIB, layers=2), "gzip, gzip")


async def abyss(head: bytes, reader: Reader, writer: Writer) -> None:
    """JSON that no reader follows to its bottom."""
    await _send(writer, b'{"success": true, "data": ' + b"[" * 500_000)


def redirecting(target: str) -> Behaviour:
    """Sends everybody elsewhere, with what they carry."""

    async def answer(head: bytes, reader: Reader, writer: Writer) -> None:
        writer.write(f"HTTP/1.1 307 Go\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n".encode())

    return answer


def forwarding(port: int) -> Behaviour:
    """To a hub on this machine's loopback: an address that tenants may name in front of one that they may not."""

    async def answer(head: bytes, reader: Reader, writer: Writer) -> None:
        behind, sent = await asyncio.open_connection("127.0.0.1", port)
        sent.write(head)
        try:
            await asyncio.gather(_pass_on(reader, sent), _pass_on(behind, writer))
        finally:
            sent.transport.abort()

    return answer


class Gossip:
    """In front of a hub: it repeats to everybody what they came with, while it is asked to; else it passes on."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.talks = False
        self.told = 0
        """How many heard it."""

    async def __call__(self, head: bytes, reader: Reader, writer: Writer) -> None:
        once = head.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
        if not self.talks:
            await forwarding(self._port)(once, reader, writer)
            return
        self.told += 1
        message = msgspec.json.encode({"success": False, "message": f"who is {head.decode()}?", "data": head.decode()})
        status = b"HTTP/1.1 500 Gossip\r\n" if self.told % 2 else b"HTTP/1.1 403 Gossip\r\n"
        name = [line for line in head.split(b"\r\n") if line.lower().startswith(b"x-api-key")]
        fields = b"".join(
            line + b"\r\n" for line in (*name, b"connection: close", b"x-request: " + head.split(b"\r")[0])
        )
        writer.write(status + fields + b"content-length: %d\r\n\r\n" % len(message) + message)


async def _pass_on(reader: Reader, writer: Writer) -> None:
    with suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
        writer.write_eof() if writer.can_write_eof() else writer.close()


def _head(encoding: str = "") -> bytes:
    packed = f"content-encoding: {encoding}\r\n" if encoding else ""
    return f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{packed}connection: close\r\n\r\n".encode()


async def _send(writer: Writer, body: bytes, encoding: str = "") -> None:
    writer.write(_head(encoding) + body)
    await writer.drain()


class StrangeHubs:
    """A thread in which they live."""

    def __init__(self) -> None:
        self._address = outward_address()
        self._servers: list[asyncio.Server] = []
        self._writers: set[Writer] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def open(self, behaviour: Behaviour, trust: ssl.SSLContext | None = None) -> StrangeHub:
        """Another hub, on a port of its own."""
        return asyncio.run_coroutine_threadsafe(self._open(behaviour, trust), self._loop).result()

    async def _open(self, behaviour: Behaviour, trust: ssl.SSLContext | None) -> StrangeHub:
        hub = StrangeHub("")

        async def serve(reader: Reader, writer: Writer) -> None:
            self._writers.add(writer)
            with suppress(OSError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                hub.heads.append(head)
                await behaviour(head, reader, writer)
            await _left(writer)
            self._writers.discard(writer)

        server = await asyncio.start_server(serve, self._address, ssl=trust)
        self._servers.append(server)
        host, port = server.sockets[0].getsockname()[:2]
        hub.url = f"{'https' if trust else 'http'}://{host}:{port}"
        return hub

    def close(self) -> None:
        """Break everything off."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for writer in self._writers:
            writer.transport.abort()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)


async def _left(writer: Writer) -> None:
    """What was written goes out, and the connection ends."""
    with suppress(OSError):
        writer.close()
        await writer.wait_closed()


@contextmanager
def strange_hubs() -> Iterator[StrangeHubs]:
    hubs = StrangeHubs()
    try:
        yield hubs
    finally:
        hubs.close()
