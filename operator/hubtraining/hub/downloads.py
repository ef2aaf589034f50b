"""Downloads of signed links: a file arrives whole and verified, or not at all.

No credential goes along (the link has its own), no redirect leads to another host, and a web page is never kept.
"""

import asyncio
import errno
import hashlib
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import httpx
import msgspec

from hubtraining.hub import wire
from hubtraining.hub.answers import Answer, raise_for_answer
from hubtraining.hub.connection import translated
from hubtraining.hub.errors import HubProtocolError, HubUnavailable

MAX_BYTES = 64 * 1024**3
MAX_REDIRECTS = 3
CHUNK = 256 * 1024
TIMEOUT = httpx.Timeout(10.0, read=60.0)
ZIPPED = frozenset({".pt", ".zip"})
"""Endings of files that are zip archives and are checked as such, every member's CRC."""


class Downloaded(msgspec.Struct, frozen=True):
    """A file that has arrived."""

    path: Path
    size: int
    sha256: str


async def download(
    http: httpx.AsyncClient, link: str, path: Path, *, sha256: str = "", max_bytes: int = MAX_BYTES
) -> Downloaded:
    """Bring a link's file to ``path``; the folder must exist. The link itself is never repeated: it is a secret.

    ``sha256`` is compared where given, the hub's own header where the hub sends it.
    Raises HubError; OSError where the disk refuses.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with translated("download"):
            got = await _fetch(http, link, part, sha256, max_bytes)
        if path.suffix in ZIPPED:
            await asyncio.to_thread(_check_zip, part)
        await asyncio.to_thread(os.replace, part, path)
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
    return msgspec.structs.replace(got, path=path)


async def _fetch(http: httpx.AsyncClient, link: str, part: Path, sha256: str, max_bytes: int) -> Downloaded:
    async with _response(http, link) as response:
        expected = _expected_size(response, max_bytes)
        file = await asyncio.to_thread(part.open, "wb")
        try:
            got = await _write(response, file, part, max_bytes)
        finally:
            await asyncio.to_thread(file.close)
    if got.size == 0 or (expected is not None and got.size != expected):
        raise HubUnavailable(f"download: {got.size} of {expected or 'at least 1'} bytes came")
    wanted = sha256 or response.headers.get(wire.HEADER_SHA256, "")
    if wanted and got.sha256 != wanted:
        raise HubUnavailable(f"download: the file's SHA-256 is {got.sha256}, not {wanted}")
    return got


@asynccontextmanager
async def _response(http: httpx.AsyncClient, link: str) -> AsyncIterator[httpx.Response]:
    """The answer that holds the file, perhaps after redirects within the link's own host."""
    url = httpx.URL(link)
    for _ in range(MAX_REDIRECTS + 1):
        request = http.build_request("GET", url, headers={"accept-encoding": "identity"}, timeout=TIMEOUT)
        response = await http.send(request, stream=True, follow_redirects=False)
        try:
            if not response.has_redirect_location:
                _refuse_pages(response)
                yield response
                return
            url = _next(url, response)
        finally:
            await response.aclose()
    raise HubProtocolError(f"download: more than {MAX_REDIRECTS} redirects")


def _next(url: httpx.URL, response: httpx.Response) -> httpx.URL:
    target = url.join(response.headers["location"])
    if (target.scheme, target.netloc) != (url.scheme, url.netloc):
        raise HubProtocolError("download: the link redirects to another host", status=response.status_code)
    return target


def _refuse_pages(response: httpx.Response) -> None:
    raise_for_answer(Answer("download", response.status_code, response.headers, b""))
    if response.headers.get("content-type", "").startswith("text/html"):
        raise HubProtocolError("download: the link gives a web page, not a file", status=response.status_code)


def _expected_size(response: httpx.Response, max_bytes: int) -> int | None:
    """What the answer says of its size; nothing of use where it came compressed, though that was not asked for."""
    text = response.headers.get("content-length", "")
    size = int(text) if text.isdecimal() else None
    if size is not None and size > max_bytes:
        raise HubProtocolError(f"download: the file has {size} bytes, at most {max_bytes} are allowed")
    return None if "content-encoding" in response.headers else size


async def _write(response: httpx.Response, file: BinaryIO, part: Path, max_bytes: int) -> Downloaded:
    digest, size = hashlib.sha256(), 0
    async for piece in response.aiter_bytes(CHUNK):
        size += len(piece)
        if size > max_bytes:
            raise HubProtocolError(f"download: the file has more than {max_bytes} bytes")
        await asyncio.to_thread(_keep, piece, file, digest)
    return Downloaded(part, size, digest.hexdigest())


def _keep(piece: bytes, file: BinaryIO, digest: "hashlib._Hash") -> None:
    file.write(piece)
    digest.update(piece)


def _check_zip(part: Path) -> None:
    try:
        with zipfile.ZipFile(part) as archive:
            broken = archive.testzip()
    except _UNREADABLE as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: a seek to where no byte can be
            raise
        raise HubProtocolError(f"download: the file is no whole zip archive ({type(error).__name__})") from None
    if broken is not None:
        raise HubProtocolError(f"download: the archive's member {broken!r} is damaged")


_UNREADABLE = (
    zipfile.BadZipFile,
    EOFError,
    RuntimeError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
)
"""What reading a file that is no archive, or a damaged one, may raise."""
