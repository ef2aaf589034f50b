"""``/v1/weights``: start weights by file name, served as a model's ``parent``."""

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from hubtraining.hub import wire
from hubtraining.hub.callers import Caller
from hubtraining.hub.checkpoint_check import check_checkpoint
from hubtraining.hub.model_view import Link, timestamp
from hubtraining.hub.server import uploads
from hubtraining.hub.server.endpoint import endpoint, require_account
from hubtraining.hub.server.services import Services
from hubtraining.hub.start_names import check_weights_name
from hubtraining.hub.store import weights
from hubtraining.hub.store.weights import WeightsRow


class StartWeights:
    """Endpoints of start weights."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Where they are."""
        at, one = partial(endpoint, self._services), wire.weights("{name}")
        return [
            Route(wire.WEIGHTS, at("list-weights", self.list), methods=["GET"]),
            Route(one, at("upload-weights", self.upload), methods=["POST"]),
            Route(one, at("read-weights", self.read), methods=["GET"]),
            Route(one, at("delete-weights", self.delete), methods=["DELETE"]),
        ]

    async def list(self, request: Request, caller: Caller) -> Any:
        """All start weights, by name."""
        require_account(caller)
        rows, link = await self._services.database.read(weights.all_of), self._services.link(request)
        return {"results": [shape(row, link) for row in rows], "total": len(rows), "lastRecordId": None}

    async def upload(self, request: Request, caller: Caller) -> dict[str, Any]:
        """Store weights under a name; the same name again replaces them."""
        require_account(caller)
        name = request.path_params["name"]
        check_weights_name(name)
        limit, now = self._services.settings.max_upload_bytes, self._services.clock()
        async with uploads.receive(self._services, request, limit, check_checkpoint) as received:
            await received.keep()
        row = WeightsRow(name, received.sha256, received.size, now)
        await self._services.database.write(lambda c: weights.put(c, row))
        self._services.metrics.uploaded.labels("weights").inc(received.size)
        return shape(row, self._services.link(request))

    async def read(self, request: Request, caller: Caller) -> dict[str, Any]:
        """One name's weights."""
        require_account(caller)
        name = request.path_params["name"]
        row = await self._services.database.read(lambda c: weights.get(c, name))
        return shape(row, self._services.link(request))

    async def delete(self, request: Request, caller: Caller) -> None:
        """Forget weights."""
        require_account(caller)
        name = request.path_params["name"]
        await self._services.database.write(lambda c: weights.delete(c, name))


def shape(row: WeightsRow, link: Link) -> dict[str, Any]:
    """Weights as clients read them."""
    return {
        "name": row.name,
        "sizeBytes": row.size,
        "sha256": row.sha256,
        "updatedAt": timestamp(row.updated_at),
        "url": link(row.sha256, row.name),
    }
