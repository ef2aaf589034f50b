"""What the cluster asks of the controller itself: metrics, whether it lives, whether it works."""

import asyncio
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

STUCK_SECONDS = 300.0
"""No pass takes so long: each of its calls has a limit. One that does means that something is broken for good."""


def create_app(registry: CollectorRegistry, longest: Callable[[], float], ready: Callable[[], bool]) -> Starlette:
    """The ASGI application."""

    async def metrics(_: Request) -> Response:
        # in a thread: with many sessions it takes long, and nothing else should wait for it
        text = await asyncio.to_thread(generate_latest, registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    async def healthz(_: Request) -> Response:
        stuck = longest() > STUCK_SECONDS
        return PlainTextResponse("a pass is stuck\n" if stuck else "ok\n", 500 if stuck else 200)

    async def readyz(_: Request) -> Response:
        return PlainTextResponse("ok\n") if ready() else PlainTextResponse("the caches are not filled yet\n", 503)

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", healthz), Route("/readyz", readyz)])
