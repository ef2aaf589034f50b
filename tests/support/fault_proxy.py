"""A proxy of real sockets between a program and the API server or hub that it uses, with faults on demand.

It runs in a thread of its own, so that tests may be plain functions and programs real processes. Faults are in
``support.disturbances``; without any it only passes on, counts, and tells.
"""

import asyncio
import re
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import aiohttp
from aiohttp import web

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "host"}
QUESTIONS = ("GET", "HEAD", "OPTIONS")
NO_WRITES = re.compile(r"/(leases|tokenreviews)(/|$|\?)")
"""They change nothing that a session depends on: the election, and questions that are posted."""

LISTS = re.compile(r"/(pods|hubtrainingsessions)(\?|$)")


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    """With its query."""

    @property
    def writes(self) -> bool:
        return self.method not in QUESTIONS and not NO_WRITES.search(self.path)

    @property
    def watches(self) -> bool:
        return "watch=true" in self.path.lower()

    @property
    def lists(self) -> bool:
        """Of sessions or pods."""
        return (
            self.method == "GET"
            and not self.watches
            and bool(re.search(r"/(pods|hubtrainingsessions)(\?|$)", self.path))
        )

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


Lines = Callable[["Exchange", web.StreamResponse, aiohttp.ClientResponse], Awaitable[None]]


@dataclass
class Exchange:
    """One request and what may be done with it."""

    proxy: "FaultProxy"
    asked: Asked
    request: web.Request
    http: aiohttp.ClientSession
    interruption: "Interruption"
    """Of all watches that are open at the same time."""

    async def forward(self) -> web.StreamResponse:
        """Pass it on, and the answer back."""
        async with self.ask() as upstream:
            if not self.asked.watches:
                body = await upstream.read()
                self.told(upstream.status)
                return web.Response(status=upstream.status, headers=passed_on(upstream.headers), body=body)
            return await self._stream(upstream)

    def ask(self) -> "aiohttp.client._RequestContextManager":
        """The upstream's answer to it."""
        sent = self.request.can_read_body
        headers = passed_on(self.request.headers)
        if sent and "Content-Length" in self.request.headers:
            headers["Content-Length"] = self.request.headers["Content-Length"]
        return self.http.request(
            self.asked.method,
            self.proxy.upstream + self.asked.path,
            headers=headers,
            data=self.request.content if sent else None,
            allow_redirects=False,
        )

    def told(self, status: int) -> None:
        """The upstream has answered: its change, if it was one, is made."""
        if self.asked.writes and status < 300:
            self.proxy.written(self.asked)

    def abort(self) -> web.StreamResponse:
        """Reset the connection."""
        if self.request.transport:
            self.request.transport.abort()
        return web.Response()

    async def _stream(self, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(status=upstream.status, headers=passed_on(upstream.headers))
        response.enable_chunked_encoding()
        await response.prepare(self.request)
        await self.proxy.lines(self, response, upstream)
        return response


def passed_on(headers: "aiohttp.typedefs.LooseHeaders") -> dict[str, str]:
    """Headers that belong to the message and not to one connection."""
    return {name: value for name, value in dict(headers).items() if name.lower() not in {*HOP_BY_HOP, "content-length"}}


async def every_line(exchange: Exchange, response: web.StreamResponse, upstream: aiohttp.ClientResponse) -> None:
    """Pass on each line of a watch as it comes, until the watch is interrupted."""
    passing = asyncio.create_task(_pass_on(response, upstream))
    interrupted = asyncio.create_task(exchange.interruption.event.wait())
    try:
        await asyncio.wait({passing, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        if passing.done():
            return passing.result()
        passing.cancel()
        if exchange.interruption.how == "silence":
            await asyncio.Event().wait()  # open, and nothing comes
        exchange.abort()
    finally:
        passing.cancel()
        interrupted.cancel()


async def _pass_on(response: web.StreamResponse, upstream: aiohttp.ClientResponse) -> None:
    while line := await upstream.content.readline():
        await response.write(line)


@dataclass
class Interruption:
    """What becomes of watches when the event is set: ``silence`` or ``reset``."""

    event: asyncio.Event = field(default_factory=asyncio.Event)
    how: str = ""


How = Callable[[Exchange], Awaitable[web.StreamResponse]]


@dataclass
class Fault:
    """What happens to requests that it is about; ``skip`` of them pass before, and then ``times`` do not."""

    how: How
    about: Callable[[Asked], bool] = lambda asked: True
    skip: int = 0
    times: int = 1
    met: int = 0
    """How many it has been done to."""

    def takes(self, asked: Asked) -> bool:
        if self.met >= self.times or not self.about(asked):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.met += 1
        return True


@dataclass
class FaultProxy:
    """``url`` is where the program should go instead of to ``upstream``."""

    upstream: str
    trust: ssl.SSLContext | None = None
    on_write: Callable[[Asked], None] = lambda asked: None
    """Called when a change is made, before its answer is given."""
    lines: Lines = every_line
    """What becomes of the lines of watches."""
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    writes: list[Asked] = field(default_factory=list)
    http: aiohttp.ClientSession | None = None
    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _interruption: Interruption = field(default_factory=Interruption)
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event | None = None

    def disturb(self, *faults: Fault) -> None:
        """From now on; the first that takes a request has it."""
        with self._lock:
            self._faults += faults

    def calm(self) -> None:
        """No more faults."""
        with self._lock:
            self._faults.clear()
            self.lines = every_line

    def interrupt_watches(self, how: Literal["silence", "reset"]) -> None:
        """Every watch that is open now is reset, or stays open and tells nothing any more."""
        assert self._loop is not None
        now_open, self._interruption = self._interruption, Interruption()
        now_open.how = how
        self._loop.call_soon_threadsafe(now_open.event.set)

    def written(self, asked: Asked) -> None:
        with self._lock:
            self.writes.append(asked)
        self.on_write(asked)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request.method, request.raw_path)
        with self._lock:
            self.asked.append(asked)
            fault = next((fault for fault in self._faults if fault.takes(asked)), None)
        assert self.http is not None
        exchange = Exchange(self, asked, request, self.http, self._interruption)
        try:
            return await (fault.how(exchange) if fault else exchange.forward())
        except (aiohttp.ClientError, OSError):
            return exchange.abort()  # the upstream is away: so is the way to it

    async def serve(self, ready: threading.Event) -> None:
        """Until it is told to stop."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=1 << 40)
        app.router.add_route("*", "/{path:.*}", self.handle)
        connector = aiohttp.TCPConnector(limit=0, ssl=self.trust or False)
        endless = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=endless, auto_decompress=False) as self.http:
            runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://{host}:{port}"
            ready.set()
            await self._stop.wait()
            await runner.cleanup()
        await asyncio.sleep(0.3)  # connections that were aborted are closed a moment later

    def stop(self) -> None:
        """From another thread."""
        if self._loop and self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)


@contextmanager
def a_proxy(upstream: str, trust: ssl.SSLContext | None = None) -> Iterator[FaultProxy]:
    """A proxy while the context lasts."""
    proxy, ready = FaultProxy(upstream.rstrip("/"), trust), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(ready)), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join(30)
