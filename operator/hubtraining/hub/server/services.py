"""What the endpoints work with, opened and closed as one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from starlette.requests import Request

from hubtraining.hub.links import Links
from hubtraining.hub.server.forms import Threads
from hubtraining.hub.server.gate import Gate
from hubtraining.hub.server.limits import RateLimits
from hubtraining.hub.server.metrics import HubMetrics
from hubtraining.hub.server.tokens import Reviewer
from hubtraining.hub.settings import HubSettings
from hubtraining.hub.store import DATABASE
from hubtraining.hub.store.blobs import Blobs
from hubtraining.hub.store.database import Database, InlineDatabase, ThreadedDatabase
from hubtraining.hub.store.secret import secret
from hubtraining.hub.web.cookies import SignIns


@dataclass(frozen=True)
class Services:
    """One running hub. ``clock`` gives unix seconds; ``threads`` runs what would block the loop."""

    settings: HubSettings
    database: Database
    blobs: Blobs
    links: Links
    sign_ins: SignIns
    gate: Gate
    limits: RateLimits
    metrics: HubMetrics
    clock: Callable[[], float]
    threads: Threads

    def link(self, request: Request) -> Callable[[str, str], str]:
        """Makes full download links for whoever sent this request."""
        root = (self.settings.public_url or str(request.base_url)).rstrip("/")
        now = self.clock()
        return lambda sha256, name: root + self.links.path(sha256, name, now)


async def inline(function: Callable[..., Any], *arguments: Any) -> Any:
    """Stands in for threads where virtual time must not run on while they work."""
    return function(*arguments)


@asynccontextmanager
async def open_services(
    data: Path,
    settings: HubSettings = HubSettings(),  # noqa: B008 - frozen
    *,
    reviewer: Reviewer | None = None,
    clock: Callable[[], float] = time.time,
    threaded: bool = True,
) -> AsyncIterator[Services]:
    """A hub on the folder ``data``. ``threaded=False`` blocks the loop instead: for tests in virtual time."""
    threads: Threads = asyncio.to_thread if threaded else inline
    blobs = Blobs(data, reserve=settings.min_free_bytes)
    await threads(blobs.prepare)
    metrics = HubMetrics()
    opened = partial(ThreadedDatabase, on_batch=metrics.batches.observe) if threaded else InlineDatabase
    async with opened(data / DATABASE) as database:
        yield Services(
            settings=settings,
            database=database,
            blobs=blobs,
            links=Links(await database.write(lambda c: secret(c, "links")), settings.link_seconds),
            sign_ins=SignIns(await database.write(lambda c: secret(c, "sign-ins"))),
            gate=Gate(database, reviewer, clock),
            limits=RateLimits(settings.rate_limit, clock),
            metrics=metrics,
            clock=clock,
            threads=threads,
        )
