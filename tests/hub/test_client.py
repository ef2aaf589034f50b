from collections.abc import Awaitable, Callable
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders.checkpoints import a_checkpoint, an_upload, digest
from builders.recorded_hub import (
    BEAT_PATH,
    KEY,
    MODEL_ID,
    MODEL_PATH,
    URL,
    RecordedHub,
    a_model,
    ok,
    page,
    refused,
)

from hubtraining.domain.arguments import create_payload
from hubtraining.domain.identifiers import parse
from hubtraining.hub.client import Fence, HubClient
from hubtraining.hub.connection import Connection
from hubtraining.hub.credentials import fixed
from hubtraining.hub.errors import (
    HubConflict,
    HubNotFound,
    HubNotReady,
    HubProtocolError,
    HubRefused,
    HubUnauthorized,
    HubUnavailable,
)
from hubtraining.hub.uploads import CheckpointUpload


def a_connection(answer: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> Connection:
    return Connection(URL, fixed(KEY), httpx.AsyncClient(transport=httpx.MockTransport(answer)))


def parts(request: httpx.Request) -> dict[str, tuple[str | None, bytes]]:
    """A multipart body: by field name its file name and content."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    parsed = BytesParser().parsebytes(head + request.content)
    return {
        part.get_param("name", header="content-disposition"): (part.get_filename(), part.get_payload(decode=True))
        for part in parsed.walk()
        if not part.is_multipart()
    }


# who we are


async def test_auth_sends_no_body_and_believes_the_answer() -> None:
    hub = RecordedHub().on("POST", "/v1/auth", ok())

    await hub.client().auth()

    assert (hub.asked[0].headers["x-api-key"], hub.asked[0].content) == (KEY, b"")


async def test_a_token_goes_as_a_bearer() -> None:
    hub = RecordedHub().on("POST", "/v1/auth", ok())

    await hub.client(fixed("a-token", "token")).auth()

    assert hub.asked[0].headers["authorization"] == "Bearer a-token"
    assert "x-api-key" not in hub.asked[0].headers


@pytest.mark.parametrize(
    "reply", [httpx.Response(200, json={"success": False}), httpx.Response(200, json={}), refused(401)]
)
async def test_an_unknown_credential_is_told(reply: httpx.Response) -> None:
    with pytest.raises(HubUnauthorized):
        await RecordedHub().on("POST", "/v1/auth", reply).client().auth()


async def test_a_session_says_itself_with_every_call() -> None:
    hub = RecordedHub()
    client = hub.client().fenced(Fence("uid-1", 2))

    await client.read(MODEL_ID)
    await client.heartbeat(MODEL_ID, "a", None)

    assert all(request.headers["x-hubtraining-session"] == "uid-1" for request in hub.asked)
    assert all(request.headers["x-hubtraining-attempt"] == "2" for request in hub.asked)


async def test_a_fence_without_an_attempt_says_none() -> None:
    hub = RecordedHub()

    await hub.client().fenced(Fence("uid-1")).read(MODEL_ID)

    assert "x-hubtraining-attempt" not in hub.asked[0].headers


# models


async def test_a_model_is_read() -> None:
    model = await RecordedHub().client().read(MODEL_ID)

    assert (model.id, model.status, model.cfg) == (MODEL_ID, "new", "yolov8n.yaml")
    assert (model.train_args or {})["data"] == "coco8.yaml"


@pytest.mark.parametrize("reply", [ok(None), ok({}), refused(404)])
async def test_an_empty_record_is_no_model(reply: httpx.Response) -> None:
    with pytest.raises(HubNotFound):
        await RecordedHub().on("GET", MODEL_PATH, reply).client().read(MODEL_ID)


async def test_a_model_that_cannot_be_read_yet_is_not_ready() -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, refused(409, "the data set may still be processing"))

    with pytest.raises(HubNotReady, match="may still be processing") as caught:
        await hub.client().read(MODEL_ID)
    assert caught.value.status == 409


async def test_fields_of_other_hubs_and_nulls_are_no_obstacle() -> None:
    record = a_model(meta=None, has_last_weights=None, something_new={"a": 1}, status=None)

    model = await RecordedHub().on("GET", MODEL_PATH, ok(record)).client().read(MODEL_ID)

    assert (model.meta, model.has_last_weights, model.status) == ({}, False, "new")


@pytest.mark.parametrize(
    "data", ["text", [1], {"status": "new"}, a_model(status="melted"), a_model(has_last_weights=3)]
)
async def test_a_record_that_does_not_fit_is_no_hubs(data: Any) -> None:
    with pytest.raises(HubProtocolError, match="read: the hub's answer does not fit"):
        await RecordedHub().on("GET", MODEL_PATH, ok(data)).client().read(MODEL_ID)


async def test_a_path_in_an_id_leads_nowhere_else() -> None:
    hub = RecordedHub()

    with pytest.raises(HubNotFound):
        await hub.client().read("../auth?x=1#")

    assert hub.asked[0].url.raw_path == b"/v1/models/..%2Fauth%3Fx%3D1%23"


async def test_a_created_model_is_read_back() -> None:
    hub = RecordedHub().on("POST", "/v1/models", ok({"id": MODEL_ID}))
    payload = create_payload(parse("yolo11n.pt"), {"data": "signs.yaml"})

    model = await hub.client().create(payload, idempotency_key="uid-1", namespace="team-a")

    assert model.id == MODEL_ID
    assert hub.bodies("POST", "/v1/models") == [payload]
    assert hub.asked[0].headers["idempotency-key"] == "uid-1"
    assert hub.asked[0].headers["x-hubtraining-namespace"] == "team-a"


async def test_without_a_key_creation_says_none() -> None:
    hub = RecordedHub().on("POST", "/v1/models", ok({"id": MODEL_ID}))

    await hub.client().create({})

    assert not {"idempotency-key", "x-hubtraining-namespace"} & set(hub.asked[0].headers)


@pytest.mark.parametrize("data", [None, {}, {"id": 3}])
async def test_a_creation_without_an_id_is_no_hubs_answer(data: Any) -> None:
    with pytest.raises(HubProtocolError):
        await RecordedHub().on("POST", "/v1/models", ok(data)).client().create({})


async def test_a_model_is_changed_in_part() -> None:
    hub = RecordedHub().on("PATCH", MODEL_PATH, ok())

    await hub.client().update(MODEL_ID, {"meta": {"name": "new name"}})

    assert hub.bodies("PATCH", MODEL_PATH) == [{"meta": {"name": "new name"}}]


@pytest.mark.parametrize("hard", [True, False])
async def test_a_deletion_is_cased_as_hubs_know_it(hard: bool) -> None:
    hub = RecordedHub().on("DELETE", MODEL_PATH, ok())

    await hub.client().delete(MODEL_ID, hard=hard)

    assert hub.asked[0].url.params["hard"] == str(hard)


async def test_a_list_is_walked_page_by_page() -> None:
    pages = [
        ok({"results": [a_model(id="one"), a_model(id="two")], "total": 3, "lastRecordId": "two"}),
        ok({"results": [a_model(id="three")], "total": 3, "lastRecordId": None}),
    ]
    hub = RecordedHub().on("GET", "/v1/models", *pages)

    found = [model.id async for model in hub.client().models(query="yolo", public=True)]

    assert found == ["one", "two", "three"]
    assert [dict(request.url.params) for request in hub.asked] == [
        {"limit": "100", "query": "yolo", "public": "True"},
        {"limit": "100", "query": "yolo", "public": "True", "last_doc_id": "two"},
    ]


@pytest.mark.parametrize("data", [{"results": [], "total": 0}, {}, {"results": [], "total": None, "lastRecordId": "x"}])
async def test_an_empty_list_is_empty(data: dict[str, Any]) -> None:
    assert [model async for model in RecordedHub().on("GET", "/v1/models", ok(data)).client().models()] == []


@pytest.mark.parametrize("reply", [page(404), refused(404, "no such route")])
async def test_models_that_are_not_found_at_all_are_no_hubs(reply: httpx.Response) -> None:
    hub = RecordedHub().on("GET", "/v1/models", reply).on("POST", "/v1/models", reply)

    with pytest.raises(HubProtocolError, match="list: no hub answers there: 404"):
        await hub.client().find("uid")
    with pytest.raises(HubProtocolError, match="create: no hub answers there: 404"):
        await hub.client().create({})


async def test_a_hub_that_repeats_its_cursor_is_left() -> None:
    reply = ok({"results": [a_model()], "lastRecordId": "same"})

    found = [model async for model in RecordedHub().on("GET", "/v1/models", reply).client().models()]

    assert len(found) == 2


async def test_a_model_is_found_by_its_session() -> None:
    records = [a_model(id="one", meta=None), a_model(id="two", meta={"session": "uid-1"})]
    client = RecordedHub().on("GET", "/v1/models", ok({"results": records})).client()

    found = await client.find("uid-1")

    assert found is not None
    assert found.id == "two"
    assert await client.find("uid-2") is None


# training


@pytest.mark.parametrize("agent_id", [None, "agent-0"])
async def test_a_heartbeat_gives_the_name_and_gets_an_id(agent_id: str | None) -> None:
    hub = RecordedHub()

    assert await hub.client().heartbeat(MODEL_ID, "python-3", agent_id) == "agent-1"
    assert hub.bodies("POST", BEAT_PATH) == [{"agent": "python-3", "agentId": agent_id}]


async def test_a_heartbeat_may_bring_no_id() -> None:
    assert await RecordedHub().on("POST", BEAT_PATH, ok({})).client().heartbeat(MODEL_ID, "a", None) is None


async def test_metrics_go_out_as_they_were_recorded() -> None:
    hub = RecordedHub()

    await hub.client().send_metrics(MODEL_ID, {1: {"train/box_loss": 1.0}, 2: {"train/box_loss": None}})

    assert hub.bodies("POST", MODEL_PATH) == [
        {"metrics": {"0": '{"train/box_loss":1.0}', "1": '{"train/box_loss":null}'}, "type": "metrics"}
    ]


async def test_metrics_come_back_by_epoch() -> None:
    series = [
        {"meta": {"name": "train/box_loss"}, "data": {"1": 0.5, "0": 1.0}},
        {"meta": {"name": "metrics/mAP50(B)"}, "data": {"1": None}},
    ]
    client = RecordedHub().on("GET", f"{MODEL_PATH}/metrics", ok(series)).client()

    assert await client.metrics(MODEL_ID) == {
        1: {"train/box_loss": 1.0},
        2: {"train/box_loss": 0.5, "metrics/mAP50(B)": None},
    }


async def test_a_model_without_metrics_has_none() -> None:
    assert await RecordedHub().on("GET", f"{MODEL_PATH}/metrics", ok(None)).client().metrics(MODEL_ID) == {}


@pytest.mark.parametrize("best", [True, False])
async def test_an_epochs_checkpoint_goes_out_as_it_was_recorded(tmp_path: Path, best: bool) -> None:
    hub = RecordedHub()
    path = a_checkpoint(tmp_path / "snapshot-7")

    await hub.client().upload_checkpoint(MODEL_ID, CheckpointUpload(path, 3, is_best=best))

    assert parts(hub.asked[0]) == {
        "epoch": (None, b"2"),
        "type": (None, b"epoch"),
        "isBest": (None, str(best).encode()),
        "last.pt": ("last.pt", path.read_bytes()),
    }


@pytest.mark.parametrize(("fitness", "sent"), [(0.25, b"0.25"), (None, b"0.0"), (float("nan"), b"0.0")])
async def test_a_final_goes_out_as_it_was_recorded(tmp_path: Path, fitness: float | None, sent: bytes) -> None:
    hub = RecordedHub()
    path = a_checkpoint(tmp_path / "snapshot-8")

    await hub.client().upload_checkpoint(MODEL_ID, CheckpointUpload(path, 5, "final", map=fitness))

    assert parts(hub.asked[0]) == {
        "epoch": (None, b"4"),
        "type": (None, b"final"),
        "map": (None, sent),
        "best.pt": ("best.pt", path.read_bytes()),
    }


async def test_an_upload_says_its_length_and_its_hash(tmp_path: Path) -> None:
    hub = RecordedHub()
    path = a_checkpoint(tmp_path / "last.pt")

    await hub.client().upload_checkpoint(MODEL_ID, CheckpointUpload(path, 1))

    assert int(hub.asked[0].headers["content-length"]) == len(hub.asked[0].content)
    assert "transfer-encoding" not in hub.asked[0].headers
    assert hub.asked[0].headers["x-hubtraining-sha256"] == digest(path)


async def test_a_hash_that_is_known_is_not_computed_again(tmp_path: Path) -> None:
    hub = RecordedHub()
    path = a_checkpoint(tmp_path / "last.pt")

    await hub.client().upload_checkpoint(MODEL_ID, CheckpointUpload(path, 1, sha256="a" * 64))

    assert hub.asked[0].headers["x-hubtraining-sha256"] == "a" * 64


async def test_an_upload_tells_its_progress(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = a_checkpoint(tmp_path / "last.pt")

    await (
        RecordedHub()
        .client()
        .upload_checkpoint(MODEL_ID, an_upload(path), progress=lambda sent, size: seen.append((sent, size)))
    )

    assert seen[-1] == (path.stat().st_size, path.stat().st_size)


async def test_an_upload_is_told_to_whoever_counts(tmp_path: Path) -> None:
    seen: list[str] = []
    hub = RecordedHub()

    await hub.client(observe=lambda exchange: seen.append(exchange.op)).upload_checkpoint(
        MODEL_ID, an_upload(tmp_path / "last.pt")
    )

    assert seen == ["upload"]


async def test_the_history_is_typed() -> None:
    records = [
        {"epoch": 4, "type": "final", "isBest": True, "sizeBytes": 9, "sha256": "a", "time": "2026-08-01T00:00:00Z"}
    ]
    client = RecordedHub().on("GET", f"{MODEL_PATH}/checkpoints", ok(records)).client()

    (record,) = await client.checkpoints(MODEL_ID)

    assert (record.epoch, record.type, record.is_best, record.size_bytes) == (4, "final", True, 9)


async def test_a_claim_names_the_session_and_the_namespace() -> None:
    hub = RecordedHub().on("POST", f"{MODEL_PATH}/claim", ok())

    await hub.client().fenced(Fence("uid-1", 1)).claim(MODEL_ID, "team-a")

    assert hub.asked[0].headers["x-hubtraining-session"] == "uid-1"
    assert hub.asked[0].headers["x-hubtraining-namespace"] == "team-a"


async def test_a_model_in_use_is_a_conflict() -> None:
    hub = RecordedHub().on("POST", f"{MODEL_PATH}/claim", refused(409, "in use by another session"))

    with pytest.raises(HubConflict, match="in use by another session"):
        await hub.client().claim(MODEL_ID, "team-a")


async def test_a_session_closes_its_claim() -> None:
    hub = RecordedHub().on("POST", f"{MODEL_PATH}/close", ok())

    await hub.client().close(MODEL_ID)

    assert len(hub.requests("POST", f"{MODEL_PATH}/close")) == 1


# files


async def test_start_weights_are_kept_under_their_name(tmp_path: Path) -> None:
    hub = RecordedHub().on("POST", "/v1/weights/yolo11n.pt", ok())
    path = a_checkpoint(tmp_path / "some file")

    await hub.client().upload_weights("yolo11n.pt", path)

    assert parts(hub.asked[0]) == {"file": ("yolo11n.pt", path.read_bytes())}


async def test_a_data_set_is_created_and_filled(tmp_path: Path) -> None:
    hub = RecordedHub().on("POST", "/v1/datasets", ok({"id": "d1"})).on("POST", "/v1/datasets/d1/upload", ok())
    path = a_checkpoint(tmp_path / "signs.zip")

    await hub.client().upload_dataset(await hub.client().create_dataset("signs"), path)

    assert hub.bodies("POST", "/v1/datasets") == [{"meta": {"name": "signs"}}]
    assert parts(hub.asked[1]) == {"signs.zip": ("signs.zip", path.read_bytes())}


async def test_a_data_sets_link_is_read() -> None:
    hub = RecordedHub().on("GET", "/v1/datasets/d1", ok({"id": "d1", "url": "http://files.test/signs.zip"}))

    assert await hub.client().dataset_link("d1") == "http://files.test/signs.zip"


@pytest.mark.parametrize("data", [None, {}, {"url": None}, {"url": ""}])
async def test_a_data_set_without_a_file_has_no_link(data: Any) -> None:
    with pytest.raises(HubNotFound, match="no file yet"):
        await RecordedHub().on("GET", "/v1/datasets/d1", ok(data)).client().dataset_link("d1")


async def test_data_sets_are_listed() -> None:
    hub = RecordedHub().on("GET", "/v1/datasets", ok({"results": [{"id": "d1"}, {"id": "d2"}]}))

    assert [record["id"] async for record in hub.client().datasets(query="signs")] == ["d1", "d2"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("best", {"weights": "http://files.test/x"}),
        ("parent", {"weights": "http://files.test/x"}),
        ("last", {"resume": "http://files.test/x"}),
        ("dataset", {"data": "http://files.test/x.zip?s=1"}),
        ("dataset", {"train_args": {"data": "http://files.test/x.zip"}}),
    ],
)
async def test_each_kind_of_file_has_its_link(kind: str, fields: dict[str, Any]) -> None:
    link = await RecordedHub().on("GET", MODEL_PATH, ok(a_model(**fields))).client().link(MODEL_ID, kind)

    assert link.startswith("http://files.test/x")


@pytest.mark.parametrize("kind", ["best", "parent", "last", "dataset"])
async def test_a_kind_that_the_model_lacks_is_told(kind: str) -> None:
    with pytest.raises(HubNotFound, match=f"no {kind} to download"):
        await RecordedHub().client().link(MODEL_ID, kind)


async def test_a_file_is_downloaded(tmp_path: Path) -> None:
    content = a_checkpoint(tmp_path / "source.pt").read_bytes()
    hub = RecordedHub().on("GET", "/w/last.pt", httpx.Response(200, content=content))

    got = await hub.client().download("http://files.test/w/last.pt?s=1", tmp_path / "last.pt")

    assert (got.path.read_bytes(), got.size) == (content, len(content))


# every call


def calls(client: HubClient, path: Path) -> dict[str, Any]:
    """One of each call that a hub answers with JSON."""
    return {
        "auth": client.auth,
        "read": lambda: client.read(MODEL_ID),
        "create": lambda: client.create({}),
        "update": lambda: client.update(MODEL_ID, {}),
        "delete": lambda: client.delete(MODEL_ID),
        "find": lambda: client.find("uid"),
        "heartbeat": lambda: client.heartbeat(MODEL_ID, "a", None),
        "send_metrics": lambda: client.send_metrics(MODEL_ID, {}),
        "metrics": lambda: client.metrics(MODEL_ID),
        "upload_checkpoint": lambda: client.upload_checkpoint(MODEL_ID, an_upload(path)),
        "checkpoints": lambda: client.checkpoints(MODEL_ID),
        "claim": lambda: client.claim(MODEL_ID, "n"),
        "close": lambda: client.close(MODEL_ID),
        "upload_weights": lambda: client.upload_weights("x.pt", path),
        "create_dataset": lambda: client.create_dataset("x"),
        "upload_dataset": lambda: client.upload_dataset("d1", path),
        "dataset_link": lambda: client.dataset_link("d1"),
    }


@pytest.mark.parametrize("call", calls(RecordedHub().client(), Path()))
@pytest.mark.parametrize(
    ("reply", "kind"),
    [(refused(503), HubUnavailable), (refused(401), HubUnauthorized), (httpx.ReadTimeout("x"), HubUnavailable)],
)
async def test_every_call_fails_as_the_tree_says(
    tmp_path: Path, call: str, reply: httpx.Response | Exception, kind: type[Exception]
) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await request.aread()
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

    with pytest.raises(kind):
        await calls(HubClient(a_connection(answer)), a_checkpoint(tmp_path / "last.pt"))[call]()


@pytest.mark.parametrize("call", ["auth", "read", "create", "find", "heartbeat", "metrics", "checkpoints"])
async def test_a_web_page_is_never_taken_for_an_answer(tmp_path: Path, call: str) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return page()

    with pytest.raises(HubProtocolError):
        await calls(HubClient(a_connection(answer)), tmp_path)[call]()


# what counts as having it

TOLD: dict[str, tuple[str, Callable[[HubClient], Awaitable[None]]]] = {
    "metrics": (MODEL_PATH, lambda client: client.send_metrics(MODEL_ID, {1: {"loss": 0.5}})),
    "claim": (f"{MODEL_PATH}/claim", lambda client: client.claim(MODEL_ID, "team-a")),
    "close": (f"{MODEL_PATH}/close", lambda client: client.close(MODEL_ID)),
}


@pytest.mark.parametrize("call", TOLD)
async def test_a_page_of_somebody_else_is_no_acknowledgement(call: str) -> None:
    path, tell = TOLD[call]

    with pytest.raises(HubProtocolError, match=r"no hub answers there: 200 with text/html"):
        await tell(RecordedHub().on("POST", path, page()).client())


async def test_a_page_of_somebody_else_does_not_take_a_checkpoint(tmp_path: Path) -> None:
    hub = RecordedHub().on("POST", f"{MODEL_PATH}/upload", page())

    with pytest.raises(HubProtocolError, match="no hub answers there"):
        await hub.client().upload_checkpoint(MODEL_ID, an_upload(tmp_path / "last.pt"))


async def test_a_hub_that_says_no_with_200_has_refused() -> None:
    reply = httpx.Response(200, json={"success": False, "message": "the disk is full"})

    with pytest.raises(HubRefused, match="metrics: the hub answered 200: the disk is full"):
        await RecordedHub().on("POST", MODEL_PATH, reply).client().send_metrics(MODEL_ID, {1: {"loss": 0.5}})


@pytest.mark.parametrize("reply", [httpx.Response(204), httpx.Response(200), httpx.Response(200, json=None), ok()])
async def test_a_hub_need_not_say_more_than_that_it_has_it(reply: httpx.Response) -> None:
    await RecordedHub().on("POST", MODEL_PATH, reply).client().send_metrics(MODEL_ID, {1: {"loss": 0.5}})
