"""Compressed answers that nobody asked for: undone in small pieces, whatever they unpack to.

The HTTP library unpacks each piece that comes at once, and one packed several times over by all its layers: some
hundred bytes of a hostile hub would fill the memory before anybody could count.
"""

import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator

import httpx

PIECE = 256 * 1024
"""Bytes of a piece, at most."""

_GZIP = {"gzip", "x-gzip"}
_LENGTHS = ("content-encoding", "content-length")
"""Headers that are about the packed body."""


async def unpacked(response: httpx.Response, request: httpx.Request) -> httpx.Response:
    """The same answer as it was meant. Raises httpx.DecodingError where it is packed in any way but once with gzip."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return response
    if encoding not in _GZIP or not isinstance(response.stream, httpx.AsyncByteStream):
        await response.aclose()
        raise httpx.DecodingError("the encoding of the answer was not asked for", request=request)
    headers = [(name, value) for name, value in response.headers.raw if name.decode().lower() not in _LENGTHS]
    stream = _Unpacked(response.stream, request)
    return httpx.Response(response.status_code, headers=headers, stream=stream, extensions=response.extensions)


class _Unpacked(httpx.AsyncByteStream):
    """The bytes behind a stream of gzip."""

    def __init__(self, packed: httpx.AsyncByteStream, request: httpx.Request) -> None:
        self._packed = packed
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in _pieces(self._packed):
                yield piece
        except (zlib.error, EOFError):
            raise httpx.DecodingError("the answer is no gzip", request=self._request) from None

    async def aclose(self) -> None:
        """Close what is beneath."""
        await self._packed.aclose()


async def _pieces(packed: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    gzip, seen = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), False
    async for more in packed:
        seen = seen or bool(more)
        for piece in _undone(gzip, more):
            yield piece
    if seen and not gzip.eof:
        raise EOFError


def _undone(gzip: "zlib._Decompress", packed: bytes) -> Iterator[bytes]:
    while True:
        piece = gzip.decompress(packed, PIECE)
        packed = gzip.unconsumed_tail
        if piece:
            yield piece
        elif not packed:
            return
