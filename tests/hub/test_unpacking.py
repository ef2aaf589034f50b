"""Compressed answers that nobody asked for, over real sockets."""

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from builders.bombs import a_bomb
from builders.checkpoints import sha256_of

from hubtraining.hub.transport import open_http

BOMB_MIB = 256
SMALL_BYTES = 16 * 2**20
"""What a bomb may take up at most while it is read."""


@asynccontextmanager
async def a_hub(body: bytes, encoding: str) -> AsyncIterator[str]:
    """A server that answers everything with this; its URL."""
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\ncontent-encoding: {encoding}\r\nconnection: close\r\n\r\n"
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + body)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def read(body: bytes, encoding: str) -> bytes:
    async with a_hub(body, encoding) as url, open_http() as http:
        return (await http.get(url)).content


@pytest.mark.parametrize("content", [b"", b"{}", bytes(10**6), bytes(range(256)) * 999])
@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
async def test_it_is_undone(content: bytes, encoding: str) -> None:
    assert sha256_of(await read(gzip.compress(content), encoding)) == sha256_of(content)


@pytest.mark.parametrize("encoding", ["identity", ""])
async def test_what_is_not_compressed_is_left_alone(encoding: str) -> None:
    assert await read(b"as it is", encoding) == b"as it is"


@pytest.mark.parametrize("layers", [1, 2])
async def test_a_bomb_is_read_in_small_pieces_or_not_at_all(layers: int) -> None:
    """Whoever reads stops after so many bytes; one piece must not be larger than the memory that there is."""
    bomb = a_bomb(BOMB_MIB, layers)
    tracemalloc.start()
    try:
        async with a_hub(bomb, ", ".join(["gzip"] * layers)) as url, open_http() as http:
            try:
                async with http.stream("GET", url) as response:
                    async for _ in response.aiter_bytes():
                        pass
            except httpx.DecodingError:
                pass
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < SMALL_BYTES


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"not compressed", "gzip"),
        (gzip.compress(b"torn" * 99)[:-20], "gzip"),
        (gzip.compress(gzip.compress(b"twice")), "gzip, gzip"),
        (b"\x1b\x02\x00\xf8", "br"),
    ],
    ids=["plain", "torn", "twice", "brotli"],  # gzip writes the time: workers would collect different names
)
async def test_what_cannot_be_undone_is_an_error_of_decoding(body: bytes, encoding: str) -> None:
    with pytest.raises(httpx.DecodingError):
        await read(body, encoding)
