"""All endpoints as one ASGI app."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from hubtraining.hub.server.catalog import Catalog
from hubtraining.hub.server.endpoint import on_failure, on_http_exception
from hubtraining.hub.server.files import Files
from hubtraining.hub.server.misc import Misc
from hubtraining.hub.server.models import Models
from hubtraining.hub.server.services import Services, open_services
from hubtraining.hub.server.start_weights import StartWeights
from hubtraining.hub.server.tokens import Reviewer
from hubtraining.hub.server.training import Training
from hubtraining.hub.settings import HubSettings
from hubtraining.hub.web.pages import Pages


def create_app(services: Services) -> Starlette:
    """The hub as an ASGI app; the busiest endpoints first, because routes are tried in order."""
    datasets, projects = Catalog(services, "dataset"), Catalog(services, "project")
    routes = [
        *Training(services).routes(),
        *Models(services).routes(),
        *Files(services).routes(),
        *datasets.routes(),
        datasets.upload_route(),
        *projects.routes(),
        *StartWeights(services).routes(),
        *Pages(services).routes(),
        *Misc(services).routes(),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: on_http_exception, Exception: on_failure})
    app.router.redirect_slashes = False  # a redirect has no envelope, and would lead to whatever host the caller named
    return app


@asynccontextmanager
async def open_app(
    data: Path,
    settings: HubSettings = HubSettings(),  # noqa: B008 - frozen
    *,
    reviewer: Reviewer | None = None,
    clock: Callable[[], float] = time.time,
    threaded: bool = True,
) -> AsyncIterator[Starlette]:
    """A hub on the folder ``data`` as an app, while the context lasts; see :func:`open_services`."""
    async with open_services(data, settings, reviewer=reviewer, clock=clock, threaded=threaded) as services:
        yield create_app(services)
