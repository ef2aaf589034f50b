"""``hubtraining hub``: serves one data folder until it is told to stop."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from pathlib import Path

import prometheus_client
import uvicorn

from hubtraining.hub.server.app import create_app
from hubtraining.hub.server.cluster import in_cluster_api
from hubtraining.hub.server.protocol import HubProtocol
from hubtraining.hub.server.services import Services, open_services
from hubtraining.hub.server.sweep import sweep_for_ever
from hubtraining.hub.server.token_cache import CachedReviewer
from hubtraining.hub.server.tokens import Reviewer, TokenReviewer
from hubtraining.hub.settings import HubSettings
from hubtraining.hub.store.filesystem import only_server, prepare

GRACE_SECONDS = 20
"""For requests that are under way when the hub is told to stop."""
STOPPING = (signal.SIGTERM, signal.SIGINT)
log = logging.getLogger("hubtraining.hub")


class StoppingServer(uvicorn.Server):
    """Ends in an orderly way on SIGTERM and SIGINT; the original would then kill the process with the same signal."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop serving on a signal."""
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self._stop)
        yield
        for number in STOPPING:
            loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.should_exit = True


async def serve(data: Path, host: str, port: int, settings: HubSettings, environ: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT; raises UnsuitableFolder."""
    prometheus_client.disable_created_metrics()
    prepare(data)
    with only_server(data):
        async with (
            reviewing(settings, environ) as reviewer,
            open_services(data, settings, reviewer=reviewer) as services,
        ):
            await asyncio.to_thread(services.blobs.clean)
            await _serve(services, host, port)


async def _serve(services: Services, host: str, port: int) -> None:
    server = StoppingServer(
        uvicorn.Config(
            create_app(services),
            host=host,
            port=port,
            http=partial(HubProtocol, seconds=services.settings.body_seconds),  # type: ignore[arg-type] # makes one
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    sweeping = asyncio.create_task(sweep_for_ever(services))
    log.info("serving on %s port %d", host, port)
    try:
        await server.serve()
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)


@contextlib.asynccontextmanager
async def reviewing(settings: HubSettings, environ: Mapping[str, str]) -> AsyncIterator[Reviewer | None]:
    """The reviewer of tokens, in a cluster."""
    if not settings.cluster:
        yield None
        return
    async with in_cluster_api(environ) as api:
        reviewer = TokenReviewer(api, settings.controller)
        yield CachedReviewer(reviewer, settings.token_cache_seconds, time.time)
