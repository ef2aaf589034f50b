"""Whatever is sent to whatever address: never a 500, always the envelope, and nothing written where it is refused."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from builders.hub import Hub, a_checkpoint, a_creation, a_dataset, a_hub, a_posting
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from hubtraining.hub import wire
from hubtraining.hub.settings import HubSettings
from hubtraining.hub.store.keys import key_hash
from hubtraining.hub.web.cookies import NAME

SETTINGS = HubSettings(min_free_bytes=0, max_json_bytes=20_000, max_upload_bytes=50_000, max_dataset_bytes=50_000)
PLAIN = ("/metrics", "/style.css")
"""No envelope there: Prometheus and browsers read it."""
BODILESS = (wire.FILES,)
"""Nor here: clients would keep it as the file."""


class Site:
    """A hub with one of everything, and what it holds."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        self.folder = folder
        self.hub = hub
        self.ids: dict[str, list[str]] = {}

    async def fill(self) -> None:
        """A model with metrics and a checkpoint, a data set, a project, start weights."""
        model = await self.hub.model()
        await self.hub.post(model, {0: {"loss": 1.0}})
        uploaded = await self.hub.upload(model, a_checkpoint(seed=1))
        item = (await self.hub.data("POST", wire.DATASETS, json={"name": "signs"}))["id"]
        project = (await self.hub.data("POST", wire.PROJECTS, json={"name": "p"}))["id"]
        await self.hub.data("POST", wire.weights("a.pt"), files={"file": ("a.pt", a_checkpoint(seed=2))})
        link = (await self.hub.data("GET", wire.model(model)))["resume"]
        _, permit, name = link.rsplit("/", 2)
        self.ids = {
            "model": [model],
            "item": [item, project],
            "id": [model],
            "name": ["a.pt", name],
            "sha256": [uploaded.json()["data"]["sha256"]],
            "permit": [permit],
        }

    def routes(self) -> list[Route]:
        """Every address that there is."""
        return [route for route in self.hub.app.routes if isinstance(route, Route)]

    async def state(self) -> tuple[list[str], list[str]]:
        """Every row and every file."""
        rows = await self.hub.services.database.read(lambda connection: list(connection.iterdump()))
        files = [str(file) for part in ("blobs", "incoming") for file in sorted((self.folder / part).iterdir())]
        return rows, files


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def site(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One hub for all examples: what one leaves is where the next begins."""
    folder, stack = tmp_path_factory.mktemp("hub"), AsyncExitStack()

    async def opened() -> Site:
        site = Site(folder, await stack.enter_async_context(a_hub(folder, SETTINGS)))
        await site.fill()
        return site

    yield runner.run(opened())
    runner.run(stack.aclose())


TEXTS = st.text(max_size=30) | st.sampled_from(
    [
        "",
        "None",
        "True",
        "-1",
        "1e999",
        "../../etc/passwd",
        "..\\..",
        "a/b",
        "\0",
        "a" * 5000,
        "%2e%2e%2f",
        "'; --",
        "🚀",
    ]
)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
GOOD: dict[str, Any] = {
    wire.MODELS: a_creation(),
    wire.model("{model}"): a_posting({0: {"loss": 1.0}, 7: {"map": 0.5}}),
    wire.heartbeat("{model}"): {"agent": "python", "agentId": None},
    wire.DATASETS: {"meta": {"name": "x"}, "datasetId": "y", "projectId": "z"},
    wire.PROJECTS: {"name": "signs"},
}
"""What belongs to an address."""


@st.composite
def damaged(draw: st.DrawFn, good: Any) -> Any:
    """A good body, mostly with one piece of it replaced by anything."""
    body = json.loads(json.dumps(good))
    place = body if draw(st.integers(0, 3)) else None
    while isinstance(place, dict) and place:
        key = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or draw(st.booleans()):
            place[key] = draw(JSONS)
            break
        place = place[key]
    return body


def as_json(value: Any) -> tuple[bytes, str]:
    return json.dumps(value).encode(errors="surrogatepass"), "application/json"


def form(fields: dict[str, str], name: str, content: bytes) -> tuple[bytes, str]:
    request = httpx.Request("POST", "http://h", data=fields, files={name: (name, content)})
    return request.read(), request.headers["content-type"]


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "epoch": st.sampled_from(["0", "3", "-1", "1.5", "x", "9" * 30]) | TEXTS,
        "type": st.sampled_from(["epoch", "final", "other", ""]),
        "isBest": st.sampled_from(["True", "False", "maybe"]),
        "map": st.sampled_from(["0.5", "nan", "None", "high", "1e999"]),
    },
)
CONTENTS = st.sampled_from([a_checkpoint(100, seed=3), a_dataset(), b"", b"PK\3\4 torn", a_checkpoint(60_000)])
FORMS = st.builds(form, FIELDS, st.sampled_from(["last.pt", "best.pt", "../x.zip", "file", ""]), CONTENTS)
BODIES = (
    st.builds(as_json, JSONS)
    | st.builds(lambda raw: (raw, "application/json"), st.binary(max_size=200))
    | FORMS
    | st.builds(lambda whole, cut: (whole[0][: int(len(whole[0]) * cut)], whole[1]), FORMS, st.floats(0, 1))
    | st.builds(
        lambda raw, kind: (raw, kind),
        st.binary(max_size=300),
        st.sampled_from(["", "multipart/form-data", "multipart/form-data; boundary=x", "text/plain"]),
    )
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        wire.HEADER_SESSION: st.sampled_from(["s1", "s2", "", "a b", "x" * 300]),
        wire.HEADER_ATTEMPT: st.sampled_from(["1", "2", "-1", "1e3", "", "9" * 30]),
        wire.HEADER_NAMESPACE: st.sampled_from(["team", "", "../x"]),
        wire.HEADER_IDEMPOTENCY: st.sampled_from(["k1", "k2", "", "k" * 300]),
        wire.HEADER_SHA256: st.sampled_from(["0" * 64, "x", ""]),
        "content-length": st.sampled_from(["0", "5", "-1", "99999999999999999999", "x"]),
        "range": st.sampled_from(["bytes=0-3", "bytes=9-3", "bytes=a", "items=0-1", "bytes=0-1,3-4"]),
        "host": st.sampled_from(["", "evil.example", "[::1", "a b", "hub:99999"]),
    },
)
CREDENTIALS = st.sampled_from(["key", "key", "key", "key", "cookie", "cookie", "wrong", "token", "none"])
METHODS = st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "TRACE", "X"])
UPLOADS = (wire.upload("{model}"), wire.dataset_upload("{item}"), wire.weights("{name}"))
QUERIES = st.dictionaries(
    st.sampled_from(["limit", "perPage", "last_doc_id", "query", "public", "hard", "page"]), TEXTS, max_size=3
)


@st.composite
def requests(draw: st.DrawFn, site: Site) -> tuple[str, str, dict[str, Any]]:
    """Method, path and the rest of one request."""
    route = draw(st.sampled_from([*site.routes(), Route("/{id}/{name}", lambda _: None)]))

    def value(found: re.Match[str]) -> str:
        known = site.ids.get(found[1], [""])
        return quote(draw(st.sampled_from(known) if draw(st.integers(0, 9)) else TEXTS), safe="/%.")

    fitting = FORMS if route.path in UPLOADS else damaged(GOOD.get(route.path, GOOD[wire.MODELS])).map(as_json)
    body, kind = draw(fitting if draw(st.booleans()) else BODIES)
    headers = draw(HEADERS) if draw(st.booleans()) else {}
    options = {"params": draw(QUERIES), "content": body, "headers": {"content-type": kind, **headers}}
    secret = {
        "key": {wire.HEADER_KEY: site.hub.key},
        "wrong": {wire.HEADER_KEY: draw(st.sampled_from(["x", "é", " " * 9, site.hub.key[:-1]])).encode("utf-8")},
        "token": {"authorization": draw(st.sampled_from(["Bearer ", "Bearer a.b.c", "Basic x", "bearer"]))},
        "cookie": {"cookie": f"{NAME}={site.hub.services.sign_ins.cookie(key_hash(site.hub.key), time.time())}"},
        "none": {},
    }[draw(CREDENTIALS)]
    options["headers"] |= secret
    method = draw(st.sampled_from(sorted(route.methods or ())) if draw(st.integers(0, 9)) else METHODS)
    return method, re.sub(r"{(\w+)}", value, route.path), options


@given(data=st.data())
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_every_request_gets_a_proper_answer_and_a_refused_one_writes_nothing(
    site: Site, runner: asyncio.Runner, data: st.DataObject
) -> None:
    method, path, options = data.draw(requests(site))

    async def one() -> None:
        before = await site.state()
        async with site.hub.stranger() as client:
            answer = await client.request(method, path, **options)
        assert answer.status_code < 500 or answer.status_code == 501, answer.text
        if answer.status_code >= 400:
            assert await site.state() == before
        check_shape(method, path, answer)
        if method == "DELETE" and answer.is_success:
            await site.fill()

    runner.run(one())


def check_shape(method: str, path: str, answer: httpx.Response) -> None:
    assert "Traceback" not in answer.text
    if method == "HEAD" or path.startswith(PLAIN):
        return
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        return
    if answer.status_code == 303:
        assert answer.headers["location"] in ("/", f"/models/{path.rpartition('/')[2]}")
        return
    if path.startswith(BODILESS) and not answer.content.startswith(b"{"):
        assert answer.is_success or answer.content == b"" or answer.status_code in (400, 416)
        return
    envelope = answer.json()
    assert set(envelope) == {"success", "message", "data"}
    assert envelope["success"] is answer.is_success
    assert answer.is_success or envelope["message"]
