"""``/v1/datasets`` and ``/v1/projects``: names to choose from, and the zip of a data set."""

from functools import partial
from pathlib import PurePosixPath
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from hubtraining.hub import wire
from hubtraining.hub.callers import Caller
from hubtraining.hub.checkpoint_check import check_dataset
from hubtraining.hub.links import file_name
from hubtraining.hub.model_view import Link, timestamp
from hubtraining.hub.refusals import Invalid
from hubtraining.hub.server import bodies, payloads, queries, uploads
from hubtraining.hub.server.endpoint import endpoint, require_account
from hubtraining.hub.server.models import idempotency_key
from hubtraining.hub.server.numbers import shown
from hubtraining.hub.server.services import Services
from hubtraining.hub.store import items, pages
from hubtraining.hub.store.items import ItemRow, Kind

ROOTS: dict[Kind, str] = {"dataset": wire.DATASETS, "project": wire.PROJECTS}


class Catalog:
    """Endpoints of one kind of item."""

    def __init__(self, services: Services, kind: Kind) -> None:
        self._services = services
        self._kind = kind

    def routes(self) -> list[Route]:
        """Where they are."""
        at, root, kind = partial(endpoint, self._services), ROOTS[self._kind], self._kind
        return [
            Route(root, at(f"create-{kind}", self.create), methods=["POST"]),
            Route(root, at(f"list-{kind}s", self.list), methods=["GET"]),
            Route(f"{root}/{{item}}", at(f"read-{kind}", self.read), methods=["GET"]),
            Route(f"{root}/{{item}}", at(f"update-{kind}", self.update), methods=["PATCH"]),
            Route(f"{root}/{{item}}", at(f"delete-{kind}", self.delete), methods=["DELETE"]),
        ]

    def upload_route(self) -> Route:
        """Where a data set's zip goes."""
        return Route(
            wire.dataset_upload("{item}"), endpoint(self._services, "upload-dataset", self.upload), methods=["POST"]
        )

    async def create(self, request: Request, caller: Caller) -> dict[str, str]:
        """A new item; the same idempotency key gives the same one again."""
        require_account(caller)
        key, now, body = idempotency_key(request), self._services.clock(), await self._body(request)
        name = name_of(body)
        if name is None:
            raise Invalid("meta.name is missing: a name is needed")
        item = await self._services.database.write(lambda c: items.create(c, self._kind, name, body, key, now))
        return {"id": item}

    async def list(self, request: Request, caller: Caller) -> wire.Page:
        """One page, the newest first."""
        require_account(caller)
        ask, link = queries.page(request.query_params), self._services.link(request)
        if queries.only_public(request.query_params):
            return wire.Page(results=[], total=0)
        page = await self._services.database.read(lambda c: pages.items(c, self._kind, ask, items.decode))
        return wire.Page(results=[shape(row, link) for row in page.rows], total=page.total, last_record_id=page.last_id)

    async def read(self, request: Request, caller: Caller) -> dict[str, Any]:
        """One item; a data set's ``url`` is null until its zip is there."""
        require_account(caller)
        item = request.path_params["item"]
        row = await self._services.database.read(lambda c: items.get(c, self._kind, item))
        return shape(row, self._services.link(request))

    async def update(self, request: Request, caller: Caller) -> dict[str, str]:
        """Change fields; those that are not named stay."""
        require_account(caller)
        item, now, body = request.path_params["item"], self._services.clock(), await self._body(request)

        def work(connection: items.Connection) -> None:
            row = items.get(connection, self._kind, item)
            items.update(connection, row, name_of(body) or row.name, {**row.body, **body}, now)

        await self._services.database.write(work)
        return {"id": item}

    async def delete(self, request: Request, caller: Caller) -> None:
        """Hide an item, or forget it."""
        require_account(caller)
        item, now, hard = request.path_params["item"], self._services.clock(), queries.hard(request.query_params)

        def work(connection: items.Connection) -> None:
            items.get(connection, self._kind, item)
            items.delete(connection, item, now, hard=hard)

        await self._services.database.write(work)

    async def upload(self, request: Request, caller: Caller) -> dict[str, Any]:
        """A data set's zip; a second one replaces the first."""
        require_account(caller)
        item, database, now = request.path_params["item"], self._services.database, self._services.clock()
        await database.read(lambda c: items.get(c, self._kind, item))
        limit = self._services.settings.max_dataset_bytes
        async with uploads.receive(self._services, request, limit, check_dataset) as received:
            await received.keep()
        name = PurePosixPath(received.file_name.replace("\\", "/")).name

        def work(connection: items.Connection) -> ItemRow:
            items.get(connection, self._kind, item)
            items.set_file(connection, item, received.sha256, received.size, name, now)
            return items.get(connection, self._kind, item)

        row = await database.write(work)
        self._services.metrics.uploaded.labels("dataset").inc(received.size)
        return shape(row, self._services.link(request))

    async def _body(self, request: Request) -> dict[str, Any]:
        settings = self._services.settings
        body = await bodies.read(request, settings.max_json_bytes, settings.body_seconds)
        return payloads.decode(body, dict[str, Any])


def shape(row: ItemRow, link: Link) -> dict[str, Any]:
    """An item as clients read it: what was sent, and what we know."""
    known = {
        "id": row.id,
        "name": row.name,
        "createdAt": timestamp(row.created_at),
        "updatedAt": timestamp(row.updated_at),
    }
    given = row.body.get("meta")
    meta = {**(given if isinstance(given, dict) else {}), "name": row.name}
    file = {} if row.kind == "project" else _file(row, link)
    return {**row.body, **known, "meta": meta, **file}


def _file(row: ItemRow, link: Link) -> dict[str, Any]:
    if row.sha256 is None:
        return {"url": None}
    url = link(row.sha256, file_name(row.name, ".zip"))
    return {"url": url, "sha256": row.sha256, "sizeBytes": row.size, "fileName": row.file_name}


def name_of(body: dict[str, Any]) -> str | None:
    """``meta.name``, or ``name``."""
    meta = body.get("meta")
    name = meta.get("name") if isinstance(meta, dict) else body.get("name")
    if name is not None and (not isinstance(name, str) or not 0 < len(name) <= payloads.MAX_NAME):
        raise Invalid(f"meta.name is {shown(name)}: a text of 1 to {payloads.MAX_NAME} characters is allowed")
    return name
