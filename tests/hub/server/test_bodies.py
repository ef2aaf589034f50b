"""Bodies that are too large, too slow or cut off."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from builders.hub import ROOT, Hub, a_checkpoint, a_hub
from starlette.requests import Request
from starlette.types import Message

from hubtraining.hub import wire
from hubtraining.hub.refusals import Malformed, TooLarge, TooSlow
from hubtraining.hub.server import bodies


def a_request(*messages: Message, headers: dict[str, str] | None = None, hang: bool = False) -> Request:
    """A request whose body arrives as these messages."""
    left = list(messages)

    async def receive() -> Message:
        if not left and hang:
            await asyncio.Event().wait()
        return left.pop(0) if left else {"type": "http.disconnect"}

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def piece(body: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def gathered(request: Request, limit: int = 100, seconds: float = 10) -> bytes:
    return b"".join([data async for data in bodies.stream(request, limit, seconds)])


READERS = [bodies.read, gathered]


@pytest.mark.parametrize("read", READERS)
async def test_a_body_is_read_whole(read: object) -> None:
    assert callable(read)
    assert await read(a_request(piece(b"one "), piece(b""), piece(b"two", more=False)), 100, 10) == b"one two"


@pytest.mark.parametrize("read", [bodies.read, gathered])
async def test_a_body_over_its_limit_is_refused_as_soon_as_that_is_known(read: object) -> None:
    assert callable(read)
    with pytest.raises(TooLarge, match="at most 5 bytes"):
        await read(a_request(piece(b"123"), piece(b"456"), hang=True), 5, 10)
    with pytest.raises(TooLarge):
        await read(a_request(headers={"content-length": "6"}, hang=True), 5, 10)
    with pytest.raises(TooLarge):
        await read(a_request(headers={"content-length": "9" * 30}, hang=True), 5, 10)


@pytest.mark.parametrize("read", [bodies.read, gathered])
async def test_a_body_that_is_cut_off_is_refused(read: object) -> None:
    assert callable(read)
    with pytest.raises(Malformed, match="too early"):
        await read(a_request(piece(b"123")), 5, 10)


@pytest.mark.parametrize("read", [bodies.read, gathered])
async def test_a_length_that_is_no_number_is_refused(read: object) -> None:
    assert callable(read)
    with pytest.raises(Malformed, match="content-length"):
        await read(a_request(headers={"content-length": "many"}), 5, 10)


@pytest.mark.looptime
@pytest.mark.parametrize("read", [bodies.read, gathered])
async def test_a_body_that_does_not_go_on_is_given_up(read: object) -> None:
    assert callable(read)
    with pytest.raises(TooSlow, match="within 60 s"):
        await read(a_request(piece(b"123"), hang=True), 5, 60)
    assert asyncio.get_running_loop().time() == 60


async def test_a_half_sent_upload_leaves_nothing(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        status = await half_an_upload(hub, model)
        assert await hub.data("GET", wire.checkpoints(model)) == []
    assert status == 400
    assert list((tmp_path / "incoming").iterdir()) == []
    assert list((tmp_path / "blobs").iterdir()) == []


async def half_an_upload(hub: Hub, model: str) -> int:
    """Send a form whose end is missing; the status of the answer."""

    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="last.pt"; filename="last.pt"\r\n\r\n'
        yield a_checkpoint()[:500]

    headers = {"content-type": "multipart/form-data; boundary=b", wire.HEADER_KEY: hub.key}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(hub.app), base_url=ROOT) as client:
        return (await client.post(wire.upload(model), content=body(), headers=headers)).status_code
