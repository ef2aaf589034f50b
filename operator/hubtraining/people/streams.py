"""One container's log as lines, whatever becomes of the connection."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import msgspec

from hubtraining.controller.cluster.errors import KubeNotFound, KubeRefused, KubeUnavailable
from hubtraining.controller.values.pods import view

SILENCE_SECONDS = 3600.0
"""A trainer may be quiet for long; then its log is asked for again."""
AGAIN_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
NOT_BEGUN = 400
"""The API server's answer for a container that has no log yet."""


class Place(msgspec.Struct, frozen=True):
    """A container's run in a pod."""

    pod: str
    uid: str
    attempt: int
    container: str
    restarts: int = 0


class Line(msgspec.Struct, frozen=True):
    """One line, without its newline."""

    place: Place
    stamp: str
    """When it was written, by the node's clock: RFC 3339 with nanoseconds."""
    text: str


class End(msgspec.Struct, frozen=True):
    """Nothing more will come."""

    place: Place


class LogSource(Protocol):
    """Where logs are read."""

    def log(self, pod: str, query: Mapping[str, str], silence: float) -> AsyncIterator[bytes]:
        """Pieces of a log."""

    async def get_pod(self, name: str) -> dict[str, Any]:
        """The pod as it is now."""


async def read(source: LogSource, place: Place, tail: int | None) -> AsyncIterator[Line]:
    """The log as far as it was written. Raises KubeError."""
    query = {"container": place.container, "timestamps": "true", **({} if tail is None else {"tailLines": str(tail)})}
    async for text in _lines(source.log(place.pod, query, PATIENCE_SECONDS)):
        yield line(place, text)


async def follow(source: LogSource, place: Place, tail: int | None) -> AsyncIterator[Line | End]:
    """The log until the container has ended. Raises KubeRefused where it may not be read."""
    query = {"container": place.container, "timestamps": "true", "follow": "true"}
    last, first = "", query if tail is None else {**query, "tailLines": str(tail)}
    while True:
        told, asked = last, {**query, "sinceTime": last} if last else first
        try:
            async for text in _lines(source.log(place.pod, asked, SILENCE_SECONDS)):
                new = line(place, text)
                last = max(last, new.stamp)
                if new.stamp > told:  # all of the last line's second is told again
                    yield new
        except (KubeUnavailable, KubeNotFound, KubeRefused) as error:
            if isinstance(error, KubeRefused) and error.status != NOT_BEGUN:
                raise
        if await _over(source, place):
            break
        await asyncio.sleep(AGAIN_SECONDS)
    yield End(place)


def line(place: Place, text: str) -> Line:
    """A line with its stamp taken off."""
    stamp, _, rest = text.partition(" ")
    return Line(place, stamp, rest)


async def _over(source: LogSource, place: Place) -> bool:
    """Whether this run of the container has ended, as far as can be told now."""
    try:
        pod = view(await source.get_pod(place.pod))
    except KubeNotFound:
        return True
    except KubeUnavailable:
        return False
    container = pod.containers.get(place.container)
    same = pod.uid == place.uid and container is not None and container.restarts == place.restarts
    return not same or container is None or container.state != "running"


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for each in whole:
            yield each.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")
