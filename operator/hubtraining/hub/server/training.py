"""What a running training sends: metrics, checkpoints, heartbeats."""

from functools import partial
from pathlib import PurePosixPath
from typing import Any, cast, get_args

from starlette.requests import Request
from starlette.routing import Route

from hubtraining.hub import wire
from hubtraining.hub.callers import Caller
from hubtraining.hub.checkpoint_check import check_checkpoint
from hubtraining.hub.model_view import checkpoint_record
from hubtraining.hub.refusals import Invalid
from hubtraining.hub.server import bodies, numbers, payloads, uploads
from hubtraining.hub.server.endpoint import endpoint
from hubtraining.hub.server.services import Services
from hubtraining.hub.store import agents, checkpoints, metrics, models
from hubtraining.hub.store.checkpoints import CheckpointRow, Upload

BEST = "best.pt"


class Training:
    """Endpoints that write a model while it is trained."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Where they are."""
        at = partial(endpoint, self._services)
        return [
            Route(wire.model("{model}"), at("post-metrics", self.post_metrics), methods=["POST"]),
            Route(wire.heartbeat("{model}"), at("heartbeat", self.heartbeat), methods=["POST"]),
            Route(wire.upload("{model}"), at("upload-checkpoint", self.upload), methods=["POST"]),
            Route(wire.metrics("{model}"), at("read-metrics", self.read_metrics), methods=["GET"]),
        ]

    async def post_metrics(self, request: Request, caller: Caller) -> None:
        """Metrics of some epochs."""
        model, now = request.path_params["model"], self._services.clock()
        epochs = payloads.epochs(payloads.decode(await self._body(request), payloads.Posting))

        def work(connection: models.Connection) -> None:
            row = self._open(connection, model, caller, now)
            metrics.put(connection, model, epochs, now)
            if row.status == "new" and epochs:
                models.update(connection, model, {"status": "training"}, now)

        await self._services.database.write(work)
        self._services.metrics.epochs.inc(len(epochs))

    async def read_metrics(self, request: Request, caller: Caller) -> Any:
        """All metrics, one item for each name."""
        model = request.path_params["model"]

        def work(connection: models.Connection) -> Any:
            models.get(connection, model, caller)
            return metrics.series(connection, model)

        return await self._services.database.read(work)

    async def heartbeat(self, request: Request, caller: Caller) -> dict[str, str]:
        """A sign of life, answered with the agent's id."""
        model, now = request.path_params["model"], self._services.clock()
        beat = payloads.heartbeat(await self._body(request))

        def work(connection: models.Connection) -> str:
            self._open(connection, model, caller, now)
            return agents.beat(connection, model, beat.agent_id, beat.agent, caller.writer, now)

        return {"agentId": await self._services.database.write(work)}

    async def upload(self, request: Request, caller: Caller) -> wire.CheckpointRecord:
        """A checkpoint: refused early if it may not be written, and looked at again when it is there."""
        model, database, clock = request.path_params["model"], self._services.database, self._services.clock
        claim, limit = self._services.settings.claim_seconds, self._services.settings.max_upload_bytes
        await database.read(lambda c: models.check_open_for(c, model, caller, clock(), claim))
        async with uploads.receive(self._services, request, limit, check_checkpoint) as received:
            upload = upload_of(received)
            await received.keep()

        def work(connection: models.Connection) -> CheckpointRow:
            row = self._open(connection, model, caller, clock())
            return checkpoints.add(connection, row, upload, caller.writer, clock())

        added = await database.write(work)
        self._services.metrics.uploaded.labels("checkpoint").inc(received.size)
        return checkpoint_record(added)

    def _open(self, connection: models.Connection, model: str, caller: Caller, now: float) -> models.ModelRow:
        return models.open_for(connection, model, caller, now, self._services.settings.claim_seconds)

    async def _body(self, request: Request) -> bytes:
        settings = self._services.settings
        return await bodies.read(request, settings.max_json_bytes, settings.body_seconds)


def upload_of(received: uploads.Received) -> Upload:
    """The form's fields, read. A ``best.pt`` that is no final is the best state so far, not the newest."""
    fields = received.fields
    kind = fields.get("type", "epoch")
    if kind not in get_args(wire.UploadType):
        raise Invalid(f"type is {numbers.shown(kind)}: epoch or final is allowed")
    best = PurePosixPath(received.file_name.replace("\\", "/")).name == BEST
    return Upload(
        type=cast("wire.UploadType", kind),
        epoch=numbers.epoch("epoch", fields.get("epoch", "")),
        is_best=best or kind == "final" or numbers.flag("isBest", fields.get("isBest", "False")),
        is_last=not best and kind == "epoch",
        size=received.size,
        sha256=received.sha256,
        map=_map(fields.get("map")),
    )


def _map(text: str | None) -> float | None:
    value = None if text in (None, "", "None") else numbers.finite("map", text)
    return None if value is None else float(value)
