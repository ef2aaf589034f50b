"""An API server that answers over real HTTP as a test says, and remembers what it was asked."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from builders.served import served
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Body = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class RecordedApi:
    """Answers the requests to each path in turn; the last answer stays."""

    otherwise: Response = field(default_factory=lambda: failure(404, "NotFound", "there is nothing here"))
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Response]] = field(default_factory=lambda: defaultdict(list))

    def on(self, path: str, *answers: Response) -> "RecordedApi":
        self.answers[path] += answers
        return self

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        headers = dict(request.headers)
        said = json.loads(body) if body else None
        self.asked.append(Asked(request.method, request.url.path, dict(request.query_params), headers, said))
        answers = self.answers[request.url.path] or [self.otherwise]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """The root's URL, while the context lasts."""
        methods = ["GET", "POST", "PATCH", "DELETE"]
        async with served(Starlette(routes=[Route("/{path:path}", self._take, methods=methods)])) as url:
            yield url


def failure(code: int, reason: str = "", message: str = "", **headers: str) -> Response:
    """A ``metav1.Status``, as the API server answers what it does not do."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({**body, "code": code}, code, headers=named)


def events(*lines: Body | bytes, then: float = 0.0) -> Response:
    """A watch that tells these, stays open for so many seconds more, and is closed."""

    async def stream() -> AsyncIterator[bytes]:
        for line in lines:
            yield line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
        await asyncio.sleep(then)

    return StreamingResponse(stream(), media_type="application/json")


@asynccontextmanager
async def a_broken_server(answer: bytes | None) -> AsyncIterator[str]:
    """A server that sends these bytes and closes the connection; None: takes requests and never answers."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1)
            if answer is None:
                await done.wait()
            else:
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        done.set()
        server.close()
        await server.wait_closed()


BROKEN = {
    "closed": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"metadata":',
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "half a refusal": b"HTTP/1.1 409 Conflict\r\nContent-Length: 100\r\n\r\n{",
}
"""Answers that break off, for :func:`a_broken_server`."""


class Meter:
    """Writes down what was counted."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []

    def requested(self, verb: str, resource: str, code: str, seconds: float) -> None:
        assert seconds >= 0
        self.seen.append((verb, resource, code))


@asynccontextmanager
async def a_client(url: str) -> AsyncIterator[ApiClient]:
    """The official client for this address, with a token."""
    configuration = Configuration()
    configuration.host = url
    configuration.api_key["BearerToken"] = "the-token"
    configuration.api_key_prefix["BearerToken"] = "Bearer"
    async with ApiClient(configuration) as client:
        yield client
