"""``/v1/models``: create, list, read, change, delete; and a session's claim."""

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from hubtraining.hub import wire
from hubtraining.hub.callers import Caller
from hubtraining.hub.model_view import checkpoint_record, listed, view
from hubtraining.hub.refusals import Invalid
from hubtraining.hub.server import bodies, payloads, queries
from hubtraining.hub.server.endpoint import endpoint, require_account
from hubtraining.hub.server.services import Services
from hubtraining.hub.store import checkpoints, claims, facts, models, pages

MAX_KEY = 256


class Models:
    """Endpoints of models as such."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Where they are."""
        at, one = partial(endpoint, self._services), wire.model("{model}")
        return [
            Route(wire.MODELS, at("create-model", self.create), methods=["POST"]),
            Route(wire.MODELS, at("list-models", self.list), methods=["GET"]),
            Route(one, at("read-model", self.read), methods=["GET"]),
            Route(one, at("update-model", self.update), methods=["PATCH"]),
            Route(one, at("delete-model", self.delete), methods=["DELETE"]),
            Route(wire.claim("{model}"), at("claim", self.claim), methods=["POST"]),
            Route(wire.close("{model}"), at("close", self.close), methods=["POST"]),
            Route(wire.checkpoints("{model}"), at("list-checkpoints", self.checkpoints), methods=["GET"]),
        ]

    async def create(self, request: Request, caller: Caller) -> dict[str, str]:
        """A new model; the same idempotency key gives the same one again."""
        require_account(caller)
        key = idempotency_key(request)
        draft = payloads.draft(await self._body(request))
        now = self._services.clock()
        model = await self._services.database.write(lambda c: models.create(c, draft, caller, key, now))
        return {"id": model}

    async def list(self, request: Request, caller: Caller) -> wire.Page:
        """One page of models, the newest first."""
        require_account(caller)
        ask, link = queries.page(request.query_params), self._services.link(request)
        if queries.only_public(request.query_params):
            return wire.Page(results=[], total=0)
        page = await self._services.database.read(
            lambda c: pages.models(c, ask, lambda row: facts.of_row(c, models.decode(row)))
        )
        return wire.Page(
            results=[listed(row, link) for row in page.rows], total=page.total, last_record_id=page.last_id
        )

    async def read(self, request: Request, caller: Caller) -> wire.Model:
        """One model; a session that reads its own model thereby says that it is alive."""
        model, now = request.path_params["model"], self._services.clock()
        found = await self._services.database.read(lambda c: facts.gather(c, model, caller))
        answer = view(found, self._services.link(request))
        if caller.pod is not None:
            seconds = self._services.settings.claim_seconds
            await self._services.database.write(lambda c: claims.touch(c, model, caller.writer, now, seconds))
        return answer

    async def update(self, request: Request, caller: Caller) -> dict[str, str]:
        """Change what was said at creation."""
        require_account(caller)
        model, now, body = request.path_params["model"], self._services.clock(), await self._body(request)

        def work(connection: models.Connection) -> None:
            row = models.get(connection, model, caller)
            models.update(connection, model, payloads.changes(body, row.config), now)

        await self._services.database.write(work)
        return {"id": model}

    async def delete(self, request: Request, caller: Caller) -> None:
        """Hide a model, or forget it."""
        require_account(caller)
        model, now, hard = request.path_params["model"], self._services.clock(), queries.hard(request.query_params)

        def work(connection: models.Connection) -> None:
            models.get(connection, model, caller)
            models.delete(connection, model, now, hard=hard)

        await self._services.database.write(work)

    async def claim(self, request: Request, caller: Caller) -> None:
        """Give the model to the session in the headers, for its controller."""
        require_account(caller)
        model, now, seconds = (
            request.path_params["model"],
            self._services.clock(),
            self._services.settings.claim_seconds,
        )
        await self._services.database.write(lambda c: models.claim(c, model, caller, now, seconds))

    async def close(self, request: Request, caller: Caller) -> None:
        """End the claim of the caller's session."""
        model, now = request.path_params["model"], self._services.clock()

        def work(connection: models.Connection) -> None:
            models.get(connection, model, caller)
            claims.close(connection, model, caller.writer, now)

        await self._services.database.write(work)

    async def checkpoints(self, request: Request, caller: Caller) -> Any:
        """The history of uploads, the newest first."""
        model = request.path_params["model"]

        def work(connection: models.Connection) -> Any:
            models.get(connection, model, caller)
            return checkpoints.history(connection, model)

        return [checkpoint_record(row) for row in await self._services.database.read(work)]

    async def _body(self, request: Request) -> payloads.Creation:
        settings = self._services.settings
        body = await bodies.read(request, settings.max_json_bytes, settings.body_seconds)
        return payloads.decode(body, payloads.Creation)


def idempotency_key(request: Request) -> str | None:
    """The header's key, if there is one."""
    key = request.headers.get(wire.HEADER_IDEMPOTENCY)
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise Invalid(f"{wire.HEADER_IDEMPOTENCY} must have 1 to {MAX_KEY} characters")
    return key
