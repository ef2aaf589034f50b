"""Receiving one file: streamed to disk, checked, and durable once it is kept."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.requests import Request

from hubtraining.hub import wire
from hubtraining.hub.refusals import Invalid, NoSpace
from hubtraining.hub.server import bodies, forms
from hubtraining.hub.server.services import Services
from hubtraining.hub.store.blobs import Blobs, Spool

Check = Callable[[Path], None]
"""Raises Invalid when the file is not what it should be."""

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Received:
    """A whole file and what came with it. Nothing of it stays unless :meth:`keep` is called."""

    fields: dict[str, str]
    file_name: str
    sha256: str
    size: int
    keep: Callable[[], Awaitable[str]]
    """Makes the file durable; the row that names it comes after."""


@asynccontextmanager
async def receive(services: Services, request: Request, limit: int, check: Check) -> AsyncIterator[Received]:
    """Take the form's file in; raises a Refusal, or OSError, and then nothing of it is left."""
    expected = _expected(request)
    bodies.check_length(request, limit)
    await services.threads(_check_space, services.blobs, int(request.headers.get("content-length", "0")))
    with services.blobs.spool() as spool:
        pieces = bodies.stream(request, limit, services.settings.body_seconds)
        form = await forms.receive(pieces, request.headers.get("content-type", ""), spool, services.threads)
        await services.threads(_check_file, spool, expected, check)
        keep = partial(services.threads, services.blobs.keep, spool)
        yield Received(form.fields, form.file_name or "", spool.sha256, spool.size, keep)


def _expected(request: Request) -> str | None:
    given = request.headers.get(wire.HEADER_SHA256)
    if given is not None and not SHA256.fullmatch(given.lower()):
        raise Invalid(f"{wire.HEADER_SHA256} is not 64 hexadecimal digits")
    return None if given is None else given.lower()


def _check_space(blobs: Blobs, size: int) -> None:
    if blobs.space() < size:
        raise NoSpace(f"the hub's disk has no room for {size} bytes; nothing that was accepted before is lost")


def _check_file(spool: Spool, expected: str | None, check: Check) -> None:
    if expected is not None and expected != spool.sha256:
        raise Invalid(f"the file that arrived has another SHA-256 than {wire.HEADER_SHA256} says: it is torn")
    check(spool.path)
