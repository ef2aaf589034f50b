"""The part of an API server that electors see, in memory and in the loop's own time, with faults on demand."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from hubtraining.controller.cluster.errors import AlreadyExists, KubeConflict, KubeError, KubeNotFound, KubeUnavailable
from hubtraining.controller.leading.lease import Lease, read

LATENCY = 0.01
"""Seconds, each way."""

Answer = Lease | KubeError | None


class LeaseServer:
    """One lease with versions. A write that changes nothing leaves the version alone, as the real one does."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self._version = 100
        self.writes: list[Lease] = []

    def get(self) -> Answer:
        return self.lease

    def put(self, lease: Lease) -> Answer:
        """Create or replace."""
        wanted = read({**lease.body("system", "controller"), "metadata": {"resourceVersion": lease.version}})
        if refusal := self._refusal(lease):
            return refusal
        if self.lease is None or wanted != self.lease:
            self.change(wanted)
        return self.lease

    def _refusal(self, lease: Lease) -> KubeError | None:
        if not lease.version:
            return AlreadyExists("it exists", status=409) if self.lease else None
        if self.lease is None:
            return KubeNotFound("not found", status=404)
        return None if lease.version == self.lease.version else KubeConflict("it was modified", status=409)

    def change(self, lease: Lease) -> None:
        """What anybody wrote."""
        self._version += 1
        self.lease = msgspec.structs.replace(lease, version=str(self._version))
        self.writes.append(self.lease)

    def annotate(self) -> None:
        """Somebody changes something that is not ours."""
        if self.lease:
            self.change(self.lease)

    def delete(self) -> None:
        """Somebody deletes it."""
        self.lease = None


@dataclass
class Link:
    """One elector's way to the server. A request that is on its way arrives, whatever happens to its sender."""

    server: LeaseServer
    seconds: float = 4.0
    """For one request."""
    down: bool = False
    """Requests do not arrive, and nobody says so."""
    deaf: bool = False
    """Requests arrive, answers do not."""
    refuses: KubeError | None = None
    requests: int = 0

    async def get(self) -> Lease | None:
        return await self._ask(self.server.get)

    async def put(self, lease: Lease) -> Lease:
        answer = await self._ask(lambda: self.server.put(lease))
        assert answer is not None
        return answer

    async def _ask(self, question: Callable[[], Answer]) -> Lease | None:
        self.requests += 1
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        loop.call_later(LATENCY, self._arrive, question, answer)
        try:
            async with asyncio.timeout(self.seconds):
                said = await answer
        except TimeoutError:
            raise KubeUnavailable("no answer") from None
        if isinstance(said, KubeError):
            raise said
        return said

    def _arrive(self, question: Callable[[], Answer], answer: "asyncio.Future[Any]") -> None:
        if self.down:
            return
        said = self.refuses or question()
        if not self.deaf:
            asyncio.get_running_loop().call_later(LATENCY, _settle, answer, said)


def _settle(answer: "asyncio.Future[Any]", said: Answer) -> None:
    if not answer.done():
        answer.set_result(said)
