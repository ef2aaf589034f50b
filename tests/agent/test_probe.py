"""The agent's own small server, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hubtraining.agent import probe
from hubtraining.agent.probe import Answer, Probe


@asynccontextmanager
async def a_probe() -> AsyncIterator[int]:
    routes = {"/startup": Answer, "/metrics": lambda: Answer(503, b"not yet\n", "text/x")}
    async with Probe(routes).serving("127.0.0.1", 0) as port:
        yield port


async def ask(port: int, request: bytes, *, ends: bool = True) -> bytes:
    """What comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    if ends:
        writer.write(b"\r\n\r\n")
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /startup HTTP/1.1", 200),
        (b"POST /startup HTTP/1.1", 200),
        (b"GET /startup?verbose=1 HTTP/1.0", 200),
        (b"GET /metrics HTTP/1.1", 503),
        (b"GET /other HTTP/1.1", 404),
        (b"DELETE /startup HTTP/1.1", 405),
        (b"GET", 405),
        (b"GET \xff\xfe HTTP/1.1", 404),
        (b"\x16\x03\x01", 405),
    ],
)
async def test_each_request_is_answered_by_its_path(request_line: bytes, status: int) -> None:
    async with a_probe() as port:
        assert (await ask(port, request_line)).startswith(f"HTTP/1.1 {status} ".encode())


async def test_an_answer_is_whole() -> None:
    async with a_probe() as port:
        answer = await ask(port, b"GET /metrics HTTP/1.1\r\nhost: x")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b"not yet\n"
    assert b"content-type: text/x\r\ncontent-length: 8\r\nconnection: close" in head


async def test_a_request_without_end_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "SECONDS", 0.05)
    async with a_probe() as port:
        assert await ask(port, b"GET /startup HTTP/1.1", ends=False) == b""


async def test_a_head_that_is_too_large_is_broken_off() -> None:
    async with a_probe() as port:
        assert await ask(port, b"GET /startup HTTP/1.1\r\nx: " + b"y" * 100_000) == b""
        assert (await ask(port, b"GET /startup HTTP/1.1")).startswith(b"HTTP/1.1 200 OK")


async def test_many_at_once_are_answered() -> None:
    async with a_probe() as port:
        answers = await asyncio.gather(*(ask(port, b"GET /startup HTTP/1.1") for _ in range(50)))
    assert all(answer.endswith(b"ok\n") for answer in answers)
