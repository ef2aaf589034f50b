"""A whole hub in this process, and what goes into it."""

import io
import json
import secrets
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hubtraining.hub import wire
from hubtraining.hub.server import create_app
from hubtraining.hub.server.services import Services, open_services
from hubtraining.hub.server.tokens import Reviewer
from hubtraining.hub.settings import HubSettings
from hubtraining.hub.store import keys

ROOT = "http://hub.test"
SMALL = HubSettings(min_free_bytes=0)
JSON = dict[str, Any]


class Clock:
    """Unix seconds that only move when a test says so."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Hub:
    """A running hub, a key for it, and a client that uses the key."""

    services: Services
    key: str
    client: httpx.AsyncClient
    app: Any

    def stranger(self, headers: Mapping[str, str] = {}) -> httpx.AsyncClient:
        """A client without the key."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=ROOT, headers=headers)

    async def data(self, method: str, path: str, **options: Any) -> Any:
        """The ``data`` of an answer that must be good."""
        answer = await self.client.request(method, path, **options)
        assert answer.status_code == 200, answer.text
        assert answer.json()["success"] is True
        return answer.json()["data"]

    async def model(self, headers: Mapping[str, str] = {}, **changes: Any) -> str:
        """A new model's id."""
        created = await self.data("POST", wire.MODELS, json=a_creation(**changes), headers=headers)
        return str(created["id"])

    async def post(self, model: str, epochs: Mapping[int, Mapping[str, float]], headers: Mapping[str, str] = {}) -> int:
        """The status code of a metrics post."""
        answer = await self.client.post(wire.model(model), json=a_posting(epochs), headers=headers)
        return answer.status_code

    async def upload(
        self, model: str, content: bytes, *, name: str = "last.pt", headers: Mapping[str, str] = {}, **fields: Any
    ) -> httpx.Response:
        """The answer to a checkpoint upload."""
        form = {"epoch": "0", "type": "epoch", "isBest": "False", **{key: str(value) for key, value in fields.items()}}
        return await self.client.post(wire.upload(model), data=form, files={name: (name, content)}, headers=headers)


@asynccontextmanager
async def a_hub(
    folder: Path,
    settings: HubSettings = SMALL,
    *,
    clock: Callable[[], float] = time.time,
    reviewer: Reviewer | None = None,
    threaded: bool = True,
) -> AsyncIterator[Hub]:
    """A hub on ``folder`` while the context lasts; ``threaded=False`` for virtual time."""
    async with open_services(folder, settings, reviewer=reviewer, clock=clock, threaded=threaded) as services:
        key = await services.database.write(lambda connection: keys.create(connection, "test", clock()))
        app = create_app(services)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=ROOT, headers={wire.HEADER_KEY: key}) as client:
            yield Hub(services, key, client, app)


def a_creation(**changes: Any) -> JSON:
    """The body of a creation as clients send it."""
    body: JSON = {
        "config": {
            "batchSize": -1,
            "epochs": 300,
            "imageSize": 640,
            "patience": 100,
            "device": "",
            "cache": "ram",
        },
        "dataset": {"name": "coco8.yaml"},
        "lineage": {"architecture": {"name": "yolov8n"}, "parent": {}},
        "meta": {"name": "yolov8n.yaml"},
    }
    return {**body, **changes}


def a_posting(epochs: Mapping[int, Mapping[str, float]]) -> JSON:
    """Metrics as clients send them: JSON inside JSON."""
    return {"metrics": {str(epoch): json.dumps(values) for epoch, values in epochs.items()}, "type": "metrics"}


def a_checkpoint(size: int = 1000, seed: int | None = None) -> bytes:
    """The bytes of a whole checkpoint, another one each time unless ``seed`` is given."""
    content = secrets.token_bytes(size) if seed is None else bytes([seed % 256]) * size
    return a_zip({"last/data.pkl": b"\x80\x02}q\x00.", "last/data/0": content})


def a_dataset(name: str = "signs") -> bytes:
    """The bytes of a data set's zip."""
    return a_zip({f"{name}/data.yaml": b"nc: 1\n", f"{name}/images/1.png": secrets.token_bytes(100)})


def a_zip(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def session_headers(session: str, attempt: int | None = None, namespace: str | None = None) -> dict[str, str]:
    """What a client of ours sends along."""
    headers = {wire.HEADER_SESSION: session}
    if attempt is not None:
        headers[wire.HEADER_ATTEMPT] = str(attempt)
    if namespace is not None:
        headers[wire.HEADER_NAMESPACE] = namespace
    return headers
