"""An ASGI application served beside other tasks."""

import asyncio
import signal
import socket

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from hubtraining.controller.serving import Server, server


async def hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def a_served() -> tuple[Server, "asyncio.Task[None]", int]:
    """A server on a port that the system chose."""
    made = server(Starlette(routes=[Route("/", hello)]), 0)
    task = asyncio.create_task(made.serve())
    async with asyncio.timeout(60):
        while not made.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    return made, task, int(made.servers[0].sockets[0].getsockname()[1])


async def test_it_answers_until_it_is_cancelled() -> None:
    _, task, port = await a_served()
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "hello"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_signals_are_left_to_the_program() -> None:
    before = signal.getsignal(signal.SIGTERM)
    _, task, _ = await a_served()
    assert signal.getsignal(signal.SIGTERM) is before
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_port_that_is_taken_is_an_error_and_not_a_silent_end() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        made = server(Starlette(), taken.getsockname()[1])
        with pytest.raises(OSError, match="cannot be served"):
            await made.serve()
