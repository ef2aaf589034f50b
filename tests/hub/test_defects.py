"""The defects of the original clients, by their numbers: each test fails if ours came back to it.

Users and teams, D23's other half, are not part of this client. Of D24 the protocol has no more than what a refusal
says: our hub refuses an attempt that is over, and our session tells it.
"""

import asyncio
import math
import signal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from builders.checkpoints import a_checkpoint, an_upload, digest
from builders.recorded_hub import (
    BEAT_PATH,
    KEY,
    MODEL_ID,
    MODEL_PATH,
    UPLOAD_PATH,
    URL,
    RecordedHub,
    a_model,
    ok,
    page,
    refused,
)

from hubtraining.domain.arguments import DatasetNotReady, plan
from hubtraining.domain.identifiers import parse
from hubtraining.hub.client import HubClient
from hubtraining.hub.connection import CALL_SECONDS, UPLOAD_TIMEOUT, Connection
from hubtraining.hub.credentials import fixed
from hubtraining.hub.downloads import TIMEOUT
from hubtraining.hub.errors import HubNotFound, HubProtocolError, HubRateLimited, HubUnauthorized, HubUnavailable
from hubtraining.hub.multipart import CHUNK, FileChanged, file_form
from hubtraining.hub.retry import persist
from hubtraining.hub.session import HubTrainingSession
from hubtraining.hub.state import SessionState

pytestmark = pytest.mark.looptime


def a_session(hub: RecordedHub) -> HubTrainingSession:
    return HubTrainingSession(hub.client(), state=SessionState(model_id=MODEL_ID))


def posted(hub: RecordedHub) -> list[dict[int, Any]]:
    """Each metrics post, by epoch from 1."""
    return [
        {int(key) + 1: msgspec.json.decode(text) for key, text in body["metrics"].items()}
        for body in hub.bodies("POST", MODEL_PATH)
    ]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (httpx.ConnectError("offline"), HubUnavailable),
        (page(), HubProtocolError),
        (page(502), HubUnavailable),
        (httpx.Response(200), HubProtocolError),
    ],
)
async def test_d1_a_login_without_a_hub_is_an_error_of_ours(
    reply: httpx.Response | Exception, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await RecordedHub().on("POST", "/v1/auth", reply).client().auth()


async def test_d2_one_failed_heartbeat_does_not_end_presence() -> None:
    hub = RecordedHub().on("POST", BEAT_PATH, httpx.ReadError("reset"), refused(500), ok({"agentId": "a"}))

    async with a_session(hub):
        await asyncio.sleep(3600)

    assert len(hub.requests("POST", BEAT_PATH)) >= 12


async def test_d3_heartbeats_stop_when_the_training_ends() -> None:
    hub = RecordedHub()

    async with a_session(hub):
        await asyncio.sleep(1)
    before = len(hub.asked)
    await asyncio.sleep(3600)

    assert len(hub.asked) == before


async def test_d4_queued_metrics_are_flushed_at_the_end() -> None:
    hub = RecordedHub()

    async with a_session(hub) as session:
        for epoch in range(1, 10):
            session.add_metrics(epoch, {"loss": float(epoch)})
            await asyncio.sleep(0.5)

    assert posted(hub)[-1].keys() >= {9}
    assert {epoch for post in posted(hub) for epoch in post} == set(range(1, 10))


async def test_d4_a_batch_that_failed_last_is_sent_again_at_the_end() -> None:
    hub = RecordedHub().on("POST", MODEL_PATH, refused(401), ok())

    async with a_session(hub) as session:
        session.add_metrics(1, {"loss": 1.0})
        await asyncio.sleep(1)

    assert posted(hub) == [{1: {"loss": 1.0}}] * 2
    assert not session.state.metrics


@pytest.mark.parametrize(("status", "kind"), [(401, HubUnauthorized), (404, HubNotFound)])
async def test_d5_what_will_not_pass_is_not_retried_blindly(status: int, kind: type[Exception]) -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, refused(status, "the reason"))
    client = hub.client()

    with pytest.raises(kind, match=f"{status}: the reason") as caught:
        await persist(lambda: client.read(MODEL_ID))
    assert len(hub.asked) == 1
    assert caught.value.status == status


async def test_d5_retry_after_is_honoured() -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, refused(429, retry_after="17"), ok(a_model()))
    client = hub.client()

    await persist(lambda: client.read(MODEL_ID))

    assert asyncio.get_running_loop().time() == 17


@pytest.mark.parametrize("train_args", [{"epochs": 3}, {"data": None}, {"data": ""}, {}])
async def test_d6_train_args_without_data_never_start_a_training(train_args: dict[str, Any]) -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, ok(a_model(train_args=train_args)))
    session = a_session(hub)
    model = await session.load_model(MODEL_ID)

    with pytest.raises(DatasetNotReady):
        session.plan(model, parse(MODEL_ID), {})


async def test_d6_a_model_that_cannot_be_loaded_is_told() -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, refused(403))

    with pytest.raises(HubUnauthorized):
        await a_session(hub).load_model(MODEL_ID)


async def test_d7_train_args_of_null_are_no_crash() -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, ok(a_model(train_args=None, epochs=7, data=None)))
    model = await hub.client().read(MODEL_ID)

    with pytest.raises(DatasetNotReady):
        plan(model, {}, parse(MODEL_ID), "link")
    assert plan(model, {"data": "mine.yaml"}, parse(MODEL_ID), "link").epochs == 7


async def test_d8_a_success_clears_only_what_it_acknowledged() -> None:
    hub = RecordedHub().on("POST", MODEL_PATH, refused(401), ok())
    session = a_session(hub)
    session.add_metrics(1, {"loss": 1.0})
    assert not await session.upload_metrics()
    session.add_metrics(2, {"loss": 2.0})

    assert await session.upload_metrics()
    assert posted(hub)[-1] == {1: {"loss": 1.0}, 2: {"loss": 2.0}}


async def test_d8_old_values_never_replace_newer_ones() -> None:
    hub = RecordedHub().on("POST", MODEL_PATH, refused(401), ok())
    session = a_session(hub)
    session.add_metrics(1, {"loss": 1.0})
    await session.upload_metrics()
    session.add_metrics(1, {"loss": 0.5})

    await session.upload_metrics()

    assert posted(hub)[-1] == {1: {"loss": 0.5}}


async def test_d8_values_that_change_while_they_are_sent_are_sent_again() -> None:
    hub = RecordedHub()
    session = a_session(hub)

    def meanwhile(_: httpx.Request) -> httpx.Response:
        if len(hub.requests("POST", MODEL_PATH)) == 1:
            session.add_metrics(1, {"loss": 0.5})
        return ok()

    hub.on("POST", MODEL_PATH, meanwhile)
    session.add_metrics(1, {"loss": 1.0})

    assert await session.upload_metrics()
    assert posted(hub) == [{1: {"loss": 1.0}}, {1: {"loss": 0.5}}]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500, 503])
async def test_d9_failures_that_have_a_response_are_queued_too(status: int) -> None:
    session = a_session(RecordedHub().on("POST", MODEL_PATH, refused(status)))
    session.add_metrics(1, {"loss": 1.0})

    await session.upload_metrics()

    assert session.state.metrics.batch() == {1: {"loss": 1.0}}


async def test_d10_a_retry_sends_the_same_bytes_under_the_same_epoch(tmp_path: Path) -> None:
    hub = RecordedHub().on("POST", UPLOAD_PATH, refused(500), ok())
    path = a_checkpoint(tmp_path / "last.pt")
    expected = digest(path)

    await a_session(hub).upload_model(an_upload(path, 3))

    first, second = hub.requests("POST", UPLOAD_PATH)
    assert first.headers["x-hubtraining-sha256"] == second.headers["x-hubtraining-sha256"] == expected
    assert [path.read_bytes() in request.content for request in (first, second)] == [True, True]


async def test_d10_a_file_that_is_truncated_while_it_is_read_is_never_accepted(tmp_path: Path) -> None:
    path = a_checkpoint(tmp_path / "last.pt", size=4 * CHUNK)

    async with file_form(path, {}, "last.pt", "last.pt") as form:
        path.write_bytes(b"")
        with pytest.raises(FileChanged):
            [piece async for piece in form.stream()]


async def test_d11_an_upload_carries_length_and_checksum_and_comes_in_pieces(tmp_path: Path) -> None:
    sizes: list[int] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        sizes.extend([len(piece) async for piece in request.stream])
        assert int(request.headers["content-length"]) == sum(sizes)
        return ok()

    path = a_checkpoint(tmp_path / "last.pt", size=5 * CHUNK)
    http = httpx.AsyncClient(transport=Streaming(answer))

    await HubClient(Connection(URL, fixed(KEY), http)).upload_checkpoint(MODEL_ID, an_upload(path))

    assert max(sizes) <= CHUNK
    assert len(sizes) > 5


async def test_d12_every_step_of_every_call_has_a_limit() -> None:
    for limits in (UPLOAD_TIMEOUT, TIMEOUT):
        assert None not in (limits.connect, limits.read, limits.write, limits.pool)
    assert CALL_SECONDS <= 30


async def test_d12_a_hub_that_accepts_and_never_answers_is_left() -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1e9)
        return ok()

    http = httpx.AsyncClient(transport=httpx.MockTransport(never))

    with pytest.raises(HubUnavailable):
        await HubClient(Connection(URL, fixed(KEY), http)).heartbeat(MODEL_ID, "a", None)
    assert asyncio.get_running_loop().time() == CALL_SECONDS


async def test_d13_the_end_waits_for_what_is_in_flight() -> None:
    hub = RecordedHub()

    async def slow(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(5)
        return await hub(request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(slow))
    state = SessionState(model_id=MODEL_ID)
    async with HubTrainingSession(HubClient(Connection(URL, fixed(KEY), http)), state=state) as session:
        session.add_metrics(1, {"loss": 1.0})
        await asyncio.sleep(1)

    assert posted(hub) == [{1: {"loss": 1.0}}]


async def test_d13_a_final_upload_can_be_given_up(tmp_path: Path) -> None:
    session = a_session(RecordedHub().on("POST", UPLOAD_PATH, refused(503)))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(120):
            await session.upload_model(an_upload(tmp_path / "best.pt", final=True))
    assert asyncio.get_running_loop().time() == 120


async def test_d14_the_first_checkpoint_does_not_wait_fifteen_minutes() -> None:
    async with a_session(RecordedHub()) as session:
        assert session.checkpoint_due()


async def test_d14_a_failed_upload_does_not_start_the_limit(tmp_path: Path) -> None:
    session = a_session(RecordedHub().on("POST", UPLOAD_PATH, refused(409)))

    with pytest.raises(Exception, match="409"):
        await session.upload_model(an_upload(tmp_path / "last.pt"))
    assert session.checkpoint_due()


async def test_d14_an_old_upload_never_lands_after_a_newer_one(tmp_path: Path) -> None:
    hub = RecordedHub().on("POST", UPLOAD_PATH, refused(503), refused(503), ok())
    session = a_session(hub)

    old = asyncio.create_task(session.upload_model(an_upload(tmp_path / "1.pt", 1)))
    await asyncio.sleep(0.1)
    new = asyncio.create_task(session.upload_model(an_upload(tmp_path / "2.pt", 2)))

    assert (await old, await new) == (False, True)
    hashes = [request.headers["x-hubtraining-sha256"] for request in hub.requests("POST", UPLOAD_PATH)]
    assert hashes[-1] == digest(tmp_path / "2.pt")
    assert hashes.count(digest(tmp_path / "1.pt")) == 1


async def test_d15_signal_handlers_are_left_alone() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    async with a_session(RecordedHub()):
        await asyncio.sleep(1)
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


@pytest.mark.parametrize("reply", [page(), page(404), page(500), httpx.Response(200, content=b"PK\3\4 half a file")])
async def test_d16_an_error_page_is_never_kept_as_weights(tmp_path: Path, reply: httpx.Response) -> None:
    hub = RecordedHub().on("GET", "/last.pt", reply)

    with pytest.raises(Exception, match="download"):
        await hub.client().download(f"{URL}/last.pt", tmp_path / "last.pt")
    assert not (tmp_path / "last.pt").exists()


async def test_d16_a_stale_file_of_the_same_name_is_not_taken_for_the_new_one(tmp_path: Path) -> None:
    stale = a_checkpoint(tmp_path / "last.pt", seed=1).read_bytes()
    fresh = a_checkpoint(tmp_path / "source.pt", seed=2).read_bytes()
    hub = RecordedHub().on("GET", "/last.pt", httpx.Response(200, content=fresh))

    await hub.client().download(f"{URL}/last.pt", tmp_path / "last.pt")

    assert (tmp_path / "last.pt").read_bytes() == fresh != stale


async def test_d17_the_fitness_of_a_final_is_the_callers_whatever_the_task(tmp_path: Path) -> None:
    hub = RecordedHub()

    await a_session(hub).upload_model(msgspec.structs.replace(an_upload(tmp_path / "b", 1, final=True), map=0.875))

    assert b'name="map"\r\n\r\n0.875\r\n' in hub.asked[0].content


async def test_d18_the_session_adds_no_epoch_of_its_own() -> None:
    hub = RecordedHub()

    async with a_session(hub) as session:
        session.add_metrics(1, {"loss": 1.0, "val/loss": 2.0})

    assert posted(hub) == [{1: {"loss": 1.0, "val/loss": 2.0}}]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_d19_nan_and_infinity_go_out_as_null(value: float) -> None:
    hub = RecordedHub()

    async with a_session(hub) as session:
        session.add_metrics(1, {"loss": value})

    assert hub.bodies("POST", MODEL_PATH)[0]["metrics"] == {"0": '{"loss":null}'}


async def test_d20_a_session_that_goes_on_in_another_process_stays_one_agent() -> None:
    hub = RecordedHub().on("POST", BEAT_PATH, ok({"agentId": "the-only-one"}))

    async with a_session(hub) as first:
        await asyncio.sleep(1)
    saved = SessionState.from_json(first.state.to_json())
    async with HubTrainingSession(hub.client(), state=saved):
        await asyncio.sleep(1)

    assert [body["agentId"] for body in hub.bodies("POST", BEAT_PATH)] == [None, "the-only-one"]


async def test_d21_nothing_is_created_that_was_not_asked_for() -> None:
    hub = RecordedHub()

    with pytest.raises(ValueError, match="no model"):
        await HubTrainingSession(hub.client()).__aenter__()
    assert hub.asked == []


async def test_d24_an_attempt_that_the_hub_has_ended_is_told_why() -> None:
    hub = RecordedHub().on("POST", BEAT_PATH, refused(409, "attempt 1 is over: attempt 2 writes the model"))

    async with a_session(hub) as session:
        await asyncio.sleep(1)
        health = session.health

    assert health.refused
    assert "attempt 1 is over" in health.message


@pytest.mark.parametrize("kept", [(), ("X-RateLimit-Limit",), ("X-RateLimit-Limit", "Retry-After")])
async def test_d22_a_rate_limit_without_its_headers_is_told(kept: tuple[str, ...]) -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, httpx.Response(429, headers=dict.fromkeys(kept, "60")))

    with pytest.raises(HubRateLimited, match="rate limit is reached"):
        await hub.client().read(MODEL_ID)


async def test_d23_a_list_without_a_total_is_walked() -> None:
    hub = RecordedHub().on("GET", "/v1/models", ok({"results": [a_model()], "total": None}))

    assert [model.id async for model in hub.client().models()] == [MODEL_ID]


class Streaming(httpx.AsyncBaseTransport):
    """A transport whose other end reads the body in the pieces in which it comes."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange."""
        response: httpx.Response = await self.answer(request)
        return response
