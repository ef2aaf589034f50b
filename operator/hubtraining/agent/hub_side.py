"""What the hub holds of a run that goes on: its checkpoints and its metrics."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from hubtraining.agent import candidates
from hubtraining.agent.archives import NotIntact
from hubtraining.agent.candidates import Candidate
from hubtraining.domain.epochs import Metrics, from_wire
from hubtraining.hub.client import HubClient
from hubtraining.hub.errors import HubError, HubProtocolError
from hubtraining.hub.retry import CALL, Policy, persist
from hubtraining.hub.wire import CheckpointRecord

log = logging.getLogger("hubtraining.fetch")

T = TypeVar("T")

FILE = Policy(tries=3, seconds=3600.0)
"""For a checkpoint that can be done without."""

LAST = "hub-last.pt"
BEST = "hub-best.pt"

_NAMED = re.compile(r"(?:.*[-/])?epoch-(\d{1,9})\.pt")


class Found(NamedTuple):
    """A whole checkpoint that was downloaded."""

    path: Path
    sha256: str


class HubSide:
    """One model of one hub. ``folder`` is on the workspace: what is downloaded can be renamed into place."""

    def __init__(self, hub: HubClient, model_id: str, folder: Path) -> None:
        self._hub = hub
        self._model_id = model_id
        self._folder = folder

    async def last(self, beyond: int) -> Candidate | None:
        """The newest checkpoint if it is of a later epoch than ``beyond``; None if there is none. Raises HubError."""
        model = await self._hub.read(self._model_id)
        told = named_epoch(model.resume or "")
        if not model.resume or (told is not None and told <= beyond):
            return None
        path = await self._bring(model.resume, LAST)
        candidate = await self._examined(partial(candidates.of_hub, path, told))
        return candidate if candidate and candidate.epoch > beyond else None

    async def best(self) -> Found | None:
        """The best checkpoint of the unfinished run; None where there is none, or it does not come."""
        return await self._tried("best checkpoint", self._best, None, FILE)

    async def _best(self) -> Found | None:
        model = await self._hub.read(self._model_id)
        if not model.has_best_weights or not model.weights:
            return None
        path = await self._bring(model.weights, BEST)
        sha256 = await self._examined(partial(candidates.unfinished, path))
        return Found(path, sha256) if sha256 else None

    async def held(self) -> frozenset[str]:
        """SHA-256 of the checkpoints that the hub has; nothing where it does not say."""
        nothing: list[CheckpointRecord] = []
        history = await self._tried("history", partial(self._hub.checkpoints, self._model_id), nothing)
        return frozenset(record.sha256 for record in history)

    async def metrics(self) -> Metrics:
        """By epoch; nothing where the hub does not say."""
        return await self._tried("metrics", partial(self._hub.metrics, self._model_id), {})

    async def clear(self) -> None:
        """Remove what was downloaded and not taken."""
        for name in (LAST, BEST):
            await asyncio.to_thread((self._folder / name).unlink, missing_ok=True)

    async def _bring(self, link: str, name: str) -> Path:
        path = self._folder / name
        await self._hub.download(link, path)
        return path

    async def _examined(self, examine: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(examine)
        except NotIntact as error:
            raise HubProtocolError(f"download: the hub's checkpoint cannot be used: {error}") from None

    async def _tried(self, what: str, call: Callable[[], Awaitable[T]], otherwise: T, policy: Policy = CALL) -> T:
        """What is nice to have: training goes on without."""
        try:
            return await persist(call, policy)
        except HubError as error:
            log.warning("the run goes on without the hub's %s: %s", what, error)
            return otherwise


def named_epoch(link: str) -> int | None:
    """The epoch, counted from 1, in the name of a link's file; hubs name the last checkpoint so."""
    match = _NAMED.fullmatch(unquote(urlsplit(link).path))
    return from_wire(int(match[1])) if match else None
