"""The hub as its clients call it: one method a call of the protocol, typed in and out.

Every method raises a HubError, never anything of the HTTP library, and never retries: that is ``retry.persist``.
Epochs count from 1 here and from 0 on the wire.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from hubtraining.domain import epochs
from hubtraining.domain.arguments import dataset_link
from hubtraining.hub import answers, downloads, wire
from hubtraining.hub.connection import CALL_SECONDS, UPLOAD_TIMEOUT, Call, Connection, Observe, json_call
from hubtraining.hub.credentials import Provider
from hubtraining.hub.errors import HubConflict, HubNotFound, HubNotReady, HubUnauthorized
from hubtraining.hub.multipart import Progress, file_form
from hubtraining.hub.transport import open_http
from hubtraining.hub.uploads import CheckpointUpload

PAGE = 100
"""Models asked for at once when a list is walked."""


class Fence(msgspec.Struct, frozen=True):
    """Which writer speaks. The hub refuses an older attempt and a foreign session with 409."""

    session_uid: str
    attempt: int | None = None

    def headers(self) -> dict[str, str]:
        """The headers that say so."""
        attempt = {} if self.attempt is None else {wire.HEADER_ATTEMPT: str(self.attempt)}
        return {wire.HEADER_SESSION: self.session_uid, **attempt}


class HubClient:
    """A client of one hub over a connection that it is given; :meth:`open` makes that too."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        credentials: Provider,
        *,
        ca_bundle: str = "",
        guarded: bool = False,
        fence: Fence | None = None,
        seconds: float = CALL_SECONDS,
        observe: Observe | None = None,
    ) -> "AsyncIterator[HubClient]":
        """A client with connections of its own, closed at the end. Trust is loaded only for https.

        ``seconds`` limits each small call; ``credentials`` is asked before each call and again on 401.
        ``guarded`` is for a hub that somebody else chose: loopback and link-local addresses are refused.
        """
        async with open_http(ca_bundle=ca_bundle, guarded=guarded) as http:
            client = cls(Connection(url, credentials, http, seconds=seconds, observe=observe))
            yield client.fenced(fence) if fence else client

    def fenced(self, fence: Fence) -> "HubClient":
        """The same client speaking for one session; connections are shared."""
        return HubClient(self._connection.with_headers(fence.headers()))

    async def auth(self) -> None:
        """Return if the hub knows the credential; HubUnauthorized if not."""
        answer = await self._connection.send(Call("auth", "POST", wire.AUTH))
        answers.raise_for_answer(answer)
        if not answers.envelope(answer).success:
            raise HubUnauthorized("auth: the hub does not know this credential", status=answer.status)

    # Models

    async def read(self, model_id: str) -> wire.Model:
        """The hub's record of a model; HubNotFound if there is none, HubNotReady while its data set is not there."""
        answer = await self._connection.send(Call("read", "GET", wire.model(_part(model_id))))
        try:
            record = answers.data(answer)
        except HubConflict as error:
            raise HubNotReady(str(error), status=error.status) from None
        if not record:
            raise HubNotFound("read: the hub has no such model", status=answer.status)
        return _model(record, "read")

    async def create(self, payload: Mapping[str, Any], *, idempotency_key: str = "", namespace: str = "") -> wire.Model:
        """Create a model and read it. The same ``idempotency_key`` gives the same model again (our hub only).

        ``namespace`` names whose pods may write it; only the controller may say so.
        """
        headers = {wire.HEADER_IDEMPOTENCY: idempotency_key, wire.HEADER_NAMESPACE: namespace}
        said = {name: value for name, value in headers.items() if value}
        answer = await self._connection.send(json_call("create", "POST", wire.MODELS, payload, said))
        return await self.read(answers.decode(answers.of_a_hub(answer), _Created).id)

    async def update(self, model_id: str, changes: Mapping[str, Any]) -> None:
        """Change fields of a model."""
        await self._tell(json_call("update", "PATCH", wire.model(_part(model_id)), changes))

    async def delete(self, model_id: str, *, hard: bool = False) -> None:
        """Delete a model; ``hard`` for ever."""
        await self._tell(Call("delete", "DELETE", wire.model(_part(model_id)), params={"hard": str(hard)}))

    async def models(self, *, query: str = "", public: bool = False) -> AsyncIterator[wire.Model]:
        """Every model that the credential sees, page by page."""
        async for record in self._walk(wire.MODELS, query=query, public=public):
            yield _model(record, "list")

    async def find(self, session_uid: str) -> wire.Model | None:
        """The model whose ``meta.session`` is this UID: created before, its id perhaps never recorded."""
        async for model in self.models():
            if model.meta.get("session") == session_uid:
                return model
        return None

    # Training

    async def heartbeat(self, model_id: str, agent: str, agent_id: str | None) -> str | None:
        """Tell that ``agent`` lives; the id that the hub gives it (it may change at any time)."""
        body = wire.Heartbeat(agent, agent_id)
        answer = await self._connection.send(json_call("heartbeat", "POST", wire.heartbeat(_part(model_id)), body))
        return answers.decode(answer, _Beat).agent_id

    async def send_metrics(self, model_id: str, metrics: epochs.Metrics) -> None:
        """Store metrics by epoch; an epoch that the hub has already is replaced."""
        await self._tell(json_call("metrics", "POST", wire.model(_part(model_id)), epochs.metrics_body(metrics)))

    async def metrics(self, model_id: str) -> dict[int, dict[str, float | None]]:
        """What the hub holds, by epoch and name."""
        answer = await self._connection.send(Call("read-metrics", "GET", wire.metrics(_part(model_id))))
        return _by_epoch(answers.convert(answers.data(answer) or [], list[_Series], answer.op))

    async def upload_checkpoint(
        self, model_id: str, upload: CheckpointUpload, progress: Progress | None = None
    ) -> None:
        """Upload a checkpoint, streamed from disk; returned means that the hub has it.

        Raises OSError where the file cannot be read and FileChanged where it shrinks meanwhile.
        """
        path = wire.upload(_part(model_id))
        await self._upload(
            "upload",
            path,
            upload.path,
            upload.name,
            filename=upload.name,
            fields=upload.fields(),
            sha256=upload.sha256,
            progress=progress,
        )

    async def checkpoints(self, model_id: str) -> list[wire.CheckpointRecord]:
        """Our hub: every checkpoint that was uploaded, newest first."""
        answer = await self._connection.send(Call("checkpoints", "GET", wire.checkpoints(_part(model_id))))
        return answers.decode(answer, list[wire.CheckpointRecord])

    async def claim(self, model_id: str, namespace: str) -> None:
        """Our hub, from the controller: let this client's session write the model; HubConflict while it is in use.

        Pods of ``namespace`` may write it.
        """
        headers = {wire.HEADER_NAMESPACE: namespace}
        await self._tell(Call("claim", "POST", wire.claim(_part(model_id)), headers=headers))

    async def close(self, model_id: str) -> None:
        """Our hub: end this session's claim on the model."""
        await self._tell(Call("close", "POST", wire.close(_part(model_id))))

    # Files

    async def upload_weights(self, name: str, path: Path, progress: Progress | None = None) -> None:
        """Our hub: keep start weights under a file name, such as ``yolo11n.pt``."""
        target = wire.weights(_part(name))
        await self._upload("upload-weights", target, path, "file", filename=name, progress=progress)

    async def create_dataset(self, name: str) -> str:
        """Create an empty data set; its id."""
        answer = await self._connection.send(
            json_call("create-dataset", "POST", wire.DATASETS, {"meta": {"name": name}})
        )
        return answers.decode(answer, _Created).id

    async def upload_dataset(self, dataset_id: str, path: Path, progress: Progress | None = None) -> None:
        """Upload a data set's zip."""
        target = wire.dataset_upload(_part(dataset_id))
        await self._upload("upload-dataset", target, path, path.name, filename=path.name, progress=progress)

    async def dataset_link(self, dataset_id: str) -> str:
        """Where the zip can be downloaded; HubNotFound while there is none."""
        answer = await self._connection.send(Call("read-dataset", "GET", wire.dataset(_part(dataset_id))))
        link = answers.convert(answers.data(answer) or {}, _Linked, answer.op).url
        if not link:
            raise HubNotFound("read-dataset: the data set has no file yet", status=answer.status)
        return link

    async def datasets(self, *, query: str = "") -> AsyncIterator[dict[str, Any]]:
        """Every data set's record."""
        async for record in self._walk(wire.DATASETS, query=query):
            yield answers.convert(record, dict[str, Any], "list")

    async def link(self, model_id: str, kind: str) -> str:
        """A fresh download link for ``best``, ``last``, ``parent`` or ``dataset``; HubNotFound where there is none."""
        model = await self.read(model_id)
        link = {"last": model.resume, "dataset": dataset_link(model)}.get(kind, model.weights)
        if not link:
            raise HubNotFound(f"read: the model has no {kind} to download")
        return link

    async def download(
        self, link: str, path: Path, *, sha256: str = "", max_bytes: int = downloads.MAX_BYTES
    ) -> downloads.Downloaded:
        """Bring a signed link's file to ``path``, whole and verified or not at all; see ``downloads``."""
        return await downloads.download(self._connection.http, link, path, sha256=sha256, max_bytes=max_bytes)

    async def _tell(self, call: Call) -> None:
        answers.acknowledged(await self._connection.send(call))

    async def _upload(
        self,
        op: str,
        path: str,
        file: Path,
        part: str,
        *,
        filename: str,
        fields: Mapping[str, str] | None = None,
        sha256: str = "",
        progress: Progress | None = None,
    ) -> None:
        async with file_form(file, fields or {}, part, filename) as form:
            digest = sha256 or await asyncio.to_thread(form.sha256)
            headers = {**form.headers(), wire.HEADER_SHA256: digest}
            body = partial(form.stream, progress)
            await self._tell(Call(op, "POST", path, headers=headers, body=body, timeout=UPLOAD_TIMEOUT))

    async def _walk(self, path: str, query: str = "", public: bool = False) -> AsyncIterator[Any]:
        """Every record of a list; a hub that repeats a cursor or names none ends it."""
        wanted = {"limit": str(PAGE)} | ({"query": query} if query else {}) | ({"public": "True"} if public else {})
        cursor: str | None = None
        while True:
            params = wanted if cursor is None else {**wanted, "last_doc_id": cursor}
            answer = await self._connection.send(Call("list", "GET", path, params=params))
            page = answers.decode(answers.of_a_hub(answer), wire.Page)
            for record in page.results:
                yield record
            if not page.results or page.last_record_id in (None, cursor):
                return
            cursor = page.last_record_id


def _model(record: Any, op: str) -> wire.Model:
    """A model's record; null and absent mean the same."""
    given = answers.convert(record, dict[str, Any], op)
    return answers.convert({name: value for name, value in given.items() if value is not None}, wire.Model, op)


class _Created(msgspec.Struct):
    id: str


class _Linked(msgspec.Struct):
    url: str | None = None


class _Beat(msgspec.Struct, rename="camel"):
    agent_id: str | None = None


class _Name(msgspec.Struct):
    name: str


class _Series(msgspec.Struct):
    """One metric as it is read back: values by epoch, which is text and counts from 0."""

    meta: _Name
    data: dict[int, float | None]


def _by_epoch(series: list[_Series]) -> dict[int, dict[str, float | None]]:
    found: dict[int, dict[str, float | None]] = {}
    for one in series:
        for epoch, value in one.data.items():
            found.setdefault(epochs.from_wire(epoch), {})[one.meta.name] = value
    return dict(sorted(found.items()))


def _part(name: str) -> str:
    """A piece of a path; nothing in it can lead elsewhere."""
    return quote(name, safe="")
