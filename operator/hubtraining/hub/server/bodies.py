"""Bodies of requests within limits of size and time."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from hubtraining.hub.refusals import Malformed, TooLarge, TooSlow


def check_length(request: Request, limit: int) -> None:
    """Refuse a body that says itself that it is too large."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit():
        raise Malformed("content-length is not a number")
    if len(length) > 18 or int(length) > limit:
        raise _too_large(limit)


async def read(request: Request, limit: int, seconds: float) -> bytes:
    """The whole body; raises TooLarge, TooSlow or Malformed."""
    check_length(request, limit)
    pieces, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                pieces.append(piece)
                size += len(piece)
                if size > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise _too_slow(seconds) from None
    except ClientDisconnect:
        raise _cut_off() from None
    return b"".join(pieces)


async def stream(request: Request, limit: int, seconds: float) -> AsyncIterator[bytes]:
    """The body piece by piece; each must come within ``seconds``."""
    check_length(request, limit)
    pieces, size = request.stream(), 0
    while True:
        try:
            async with asyncio.timeout(seconds):
                piece = await anext(pieces, b"")
        except TimeoutError:
            raise _too_slow(seconds) from None
        except ClientDisconnect:
            raise _cut_off() from None
        if not piece:
            return
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        yield piece


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is too large: at most {limit} bytes are allowed")


def _too_slow(seconds: float) -> TooSlow:
    return TooSlow(f"the body did not go on arriving within {seconds:g} s")


def _cut_off() -> Malformed:
    return Malformed("the body ends too early")
