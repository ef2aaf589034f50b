import asyncio
import logging
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from builders.checkpoints import an_upload, digest
from builders.recorded_hub import (
    BEAT_PATH,
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

from hubtraining.domain.arguments import AlreadyTrained, DatasetNotReady, InvalidArguments
from hubtraining.domain.identifiers import parse
from hubtraining.hub.client import HubClient
from hubtraining.hub.connection import Connection
from hubtraining.hub.credentials import Provider, fixed, from_file
from hubtraining.hub.errors import HubConflict, HubNotFound, HubRefused, HubUnauthorized, HubUnavailable
from hubtraining.hub.outbox import Outbox
from hubtraining.hub.pace import RateLimits
from hubtraining.hub.session import AGENT, HubTrainingSession
from hubtraining.hub.state import SessionState
from hubtraining.hub.uploads import CheckpointUpload

pytestmark = pytest.mark.looptime

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
LOADED = SessionState(model_id=MODEL_ID)


def now() -> float:
    return asyncio.get_running_loop().time()


class TimedHub(RecordedHub):
    """Remembers when it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, list[float]] = {}

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.times.setdefault(request.url.path, []).append(now())
        return await super().__call__(request)

    def metrics(self) -> dict[int, dict[str, float | None]]:
        """What has been posted, by epoch from 1; later posts win."""
        held: dict[int, dict[str, float | None]] = {}
        for body in self.bodies("POST", MODEL_PATH):
            held.update({int(key) + 1: msgspec.json.decode(text) for key, text in body["metrics"].items()})
        return held


def a_session(hub: RecordedHub, credentials: Provider | None = None, **options: Any) -> HubTrainingSession:
    options = {"state": LOADED, "clock": lambda: NOON, **options}
    return HubTrainingSession(hub.client(credentials), **options)


def hanging(hub: RecordedHub) -> HubTrainingSession:
    """A session whose hub takes a post and never answers it."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == MODEL_PATH:
            await asyncio.sleep(1e9)
        return await hub(request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return HubTrainingSession(HubClient(Connection(URL, fixed("key"), http)), state=LOADED)


@asynccontextmanager
async def running(session: HubTrainingSession) -> Any:
    """The session, left the hard way: nothing is flushed."""

    async def forever() -> None:
        async with session:
            await asyncio.Event().wait()

    task = asyncio.create_task(forever())
    try:
        yield session
    finally:
        task.cancel()
        await asyncio.wait([task])


# loading and creating


async def test_a_loaded_model_is_the_sessions() -> None:
    session = a_session(RecordedHub(), state=SessionState(), web_url="https://hub.example")

    model = await session.load_model(MODEL_ID)

    assert (model.cfg, session.model_id) == ("yolov8n.yaml", MODEL_ID)
    assert session.model_url == f"https://hub.example/models/{MODEL_ID}"


async def test_loading_persists_while_the_hub_is_away() -> None:
    hub = TimedHub().on("GET", MODEL_PATH, refused(503), httpx.ReadError("reset"), ok(a_model()))

    await a_session(hub, state=SessionState()).load_model(MODEL_ID)

    assert len(hub.times[MODEL_PATH]) == 3


async def test_a_model_that_does_not_exist_is_told_at_once() -> None:
    hub = TimedHub().on("GET", MODEL_PATH, refused(404, "no such model"))

    with pytest.raises(HubNotFound, match="no such model"):
        await a_session(hub, state=SessionState()).load_model(MODEL_ID)
    assert hub.times[MODEL_PATH] == [0]


async def test_a_created_model_is_the_sessions() -> None:
    hub = RecordedHub().on("POST", "/v1/models", ok({"id": MODEL_ID}))
    session = a_session(hub, state=SessionState())

    await session.create_model(parse("yolo11n.pt"), {"data": "a.yaml"}, session_uid="uid-1", namespace="team-a")

    assert session.model_id == MODEL_ID
    assert hub.asked[0].headers["idempotency-key"] == "uid-1"
    assert hub.bodies("POST", "/v1/models")[0]["meta"] == {"name": "yolo11n.pt", "session": "uid-1"}


async def test_creation_that_got_no_answer_is_repeated_with_the_same_key() -> None:
    hub = TimedHub().on("POST", "/v1/models", httpx.ReadTimeout("late"), ok({"id": MODEL_ID}))

    await a_session(hub).create_model(parse("yolo11n.pt"), {"data": "a.yaml"}, session_uid="uid-1")

    asked = hub.requests("POST", "/v1/models")
    assert [request.headers["idempotency-key"] for request in asked] == ["uid-1", "uid-1"]


async def test_nothing_is_created_without_a_data_set() -> None:
    with pytest.raises(InvalidArguments, match="data"):
        await a_session(RecordedHub()).create_model(parse("yolo11n.pt"), {})


async def test_a_plan_is_made_with_the_models_link() -> None:
    session = a_session(RecordedHub(), web_url="https://hub.example")
    model = await session.load_model(MODEL_ID)

    assert session.plan(model, parse(MODEL_ID), {}).arguments["data"] == "coco8.yaml"


async def test_a_trained_model_is_refused_with_its_link() -> None:
    session = a_session(
        RecordedHub().on("GET", MODEL_PATH, ok(a_model(status="trained"))), web_url="https://hub.example"
    )
    model = await session.load_model(MODEL_ID)

    with pytest.raises(AlreadyTrained, match=f"https://hub.example/models/{MODEL_ID}"):
        session.plan(model, parse(MODEL_ID), {})


async def test_a_model_whose_data_set_is_not_ready_is_not_trained() -> None:
    session = a_session(RecordedHub().on("GET", MODEL_PATH, ok(a_model(train_args={}))))
    model = await session.load_model(MODEL_ID)

    with pytest.raises(DatasetNotReady):
        session.plan(model, parse(MODEL_ID), {})


async def test_without_a_model_there_is_nothing_to_report_to() -> None:
    with pytest.raises(ValueError, match="has no model"):
        async with a_session(RecordedHub(), state=SessionState()):
            raise AssertionError("never entered")


# heartbeats


async def test_heartbeats_come_at_once_and_then_at_the_limit() -> None:
    hub = TimedHub()

    async with a_session(hub):
        await asyncio.sleep(901)

    assert hub.times[BEAT_PATH] == [0, 300, 600, 900]


async def test_a_slow_hub_does_not_stretch_the_interval() -> None:
    hub = RecordedHub()
    times: list[float] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        times.append(now())
        await asyncio.sleep(7)
        return await hub(request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))

    async with HubTrainingSession(HubClient(Connection(URL, fixed("key"), http)), state=LOADED):
        await asyncio.sleep(601)

    assert times == [0, 300, 600]


async def test_the_hubs_name_for_the_agent_is_kept_and_given_back() -> None:
    hub = RecordedHub().on("POST", BEAT_PATH, ok({"agentId": "one"}), ok({"agentId": "two"}), ok({}))
    session = a_session(hub)

    async with session:
        await asyncio.sleep(901)

    said = [body["agentId"] for body in hub.bodies("POST", BEAT_PATH)]
    assert said == [None, "one", "two", "two"]
    assert session.agent_id == "two"
    assert {body["agent"] for body in hub.bodies("POST", BEAT_PATH)} == {AGENT}


async def test_a_beat_is_remembered_by_the_wall_clock() -> None:
    session = a_session(RecordedHub())

    async with session:
        await asyncio.sleep(1)

    assert session.health.last_heartbeat == NOON


async def test_after_a_failure_the_next_beat_comes_sooner_than_usual() -> None:
    hub = TimedHub().on("POST", BEAT_PATH, refused(500), refused(500), ok({}))

    async with running(a_session(hub)):
        await asyncio.sleep(310)

    assert hub.times[BEAT_PATH] == [0, 1, 3, 303]


async def test_a_hub_that_asks_for_time_gets_it_from_heartbeats_too() -> None:
    hub = TimedHub().on("POST", BEAT_PATH, refused(429, retry_after="120"), ok({}))

    async with running(a_session(hub)):
        await asyncio.sleep(200)

    assert hub.times[BEAT_PATH] == [0, 120]


async def test_a_hub_that_hangs_is_left_alone_between_two_beats() -> None:
    times: list[float] = []

    async def never(request: httpx.Request) -> httpx.Response:
        times.append(now())
        await asyncio.sleep(1e9)
        raise AssertionError(request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(never))
    client = HubClient(Connection(URL, fixed("key"), http, seconds=10.0))

    async with running(HubTrainingSession(client, state=LOADED)):
        await asyncio.sleep(60)

    assert times == [0, 11, 23, 37, 55]


@pytest.mark.parametrize(
    "reply", [refused(401), refused(404), refused(409), refused(500), page(), httpx.ReadError("x"), RuntimeError("bug")]
)
async def test_no_failure_ends_presence(reply: httpx.Response | Exception) -> None:
    hub = TimedHub().on("POST", BEAT_PATH, reply)

    async with running(a_session(hub)):
        await asyncio.sleep(3600)
        failed = len(hub.times[BEAT_PATH])
        hub.on("POST", BEAT_PATH, ok({"agentId": "back"}))
        await asyncio.sleep(700)

    assert failed >= 12
    assert len(hub.times[BEAT_PATH]) >= failed + 2


async def test_an_error_that_should_not_be_is_logged_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    hub = RecordedHub().on("POST", BEAT_PATH, RuntimeError("bug"))

    async with running(a_session(hub)):
        await asyncio.sleep(1)

    assert "heartbeat: an error that no hub should cause" in caplog.text
    assert "RuntimeError: bug" in caplog.text


async def test_told_to_stop_it_beats_no_more() -> None:
    hub = TimedHub()

    async with a_session(hub) as session:
        await asyncio.sleep(301)
        session.stop()
        await asyncio.sleep(3600)

    assert hub.times[BEAT_PATH] == [0, 300]


# metrics


async def test_metrics_go_at_once_and_then_at_the_limit() -> None:
    hub = TimedHub()

    async with a_session(hub) as session:
        for epoch in range(1, 9):
            session.add_metrics(epoch, {"loss": 1 / epoch})
            await asyncio.sleep(1.01)
        during = hub.times[MODEL_PATH].copy()

    assert during == [0, 3, 6]
    assert hub.metrics() == {epoch: {"loss": 1 / epoch} for epoch in range(1, 9)}


async def test_nothing_is_posted_while_nothing_is_new() -> None:
    hub = TimedHub()

    async with a_session(hub) as session:
        session.add_metrics(1, {"loss": 1.0})
        await asyncio.sleep(10_000)

    assert len(hub.times[MODEL_PATH]) == 1


async def test_the_last_values_of_an_epoch_win() -> None:
    hub = TimedHub()

    async with a_session(hub) as session:
        session.add_metrics(1, {"loss": 1.0})
        await asyncio.sleep(1)
        session.add_metrics(1, {"loss": 2.0})
        session.add_metrics(1, {"loss": 3.0})

    assert len(hub.bodies("POST", MODEL_PATH)) == 2
    assert hub.metrics() == {1: {"loss": 3.0}}


async def test_metrics_can_be_sent_by_hand() -> None:
    hub = TimedHub()
    session = a_session(hub)
    session.add_metrics(1, {"loss": 1.0})

    assert await session.upload_metrics()
    assert hub.metrics() == {1: {"loss": 1.0}}
    assert not session.state.metrics


async def test_with_nothing_queued_nothing_is_sent_by_hand() -> None:
    hub = TimedHub()

    assert await a_session(hub).upload_metrics()
    assert hub.asked == []


async def test_metrics_that_the_hub_did_not_take_are_kept_and_told() -> None:
    session = a_session(RecordedHub().on("POST", MODEL_PATH, refused(401, "unknown key")))
    session.add_metrics(1, {"loss": 1.0})

    assert not await session.upload_metrics()
    assert session.state.metrics == Outbox(failed={1: {"loss": 1.0}})
    assert session.health.message == "metrics: the hub answered 401: unknown key"


async def test_a_hub_that_is_down_for_the_whole_run_gets_everything_when_it_is_back() -> None:
    hub = TimedHub().on("POST", MODEL_PATH, httpx.ConnectError("refused"))

    async with a_session(hub) as session:
        for epoch in range(1, 1201):
            session.add_metrics(epoch, {"loss": float(epoch)})
            await asyncio.sleep(10)
        hub.on("POST", MODEL_PATH, ok())
        await asyncio.sleep(120)

    assert hub.metrics().keys() == set(range(1, 1201))


async def test_a_hub_that_hangs_never_holds_who_reports() -> None:
    session = hanging(TimedHub())

    async with running(session):
        started = now()
        for epoch in range(1, 100):
            session.add_metrics(epoch, {"loss": 1.0})
        assert now() == started
        await asyncio.sleep(600)

    assert len(session.state.metrics) == 99


async def test_an_end_is_not_held_for_long_by_a_hub_that_hangs() -> None:
    async with hanging(TimedHub()) as session:
        session.add_metrics(1, {"loss": 1.0})

    assert now() <= 61
    assert len(session.state.metrics) == 1


async def test_retry_after_is_honoured_between_rounds() -> None:
    hub = TimedHub().on("POST", MODEL_PATH, refused(429, retry_after="90"), ok())

    async with a_session(hub) as session:
        session.add_metrics(1, {"loss": 1.0})
        await asyncio.sleep(200)

    assert hub.times[MODEL_PATH] == [0, 90]


async def test_health_counts_failures_and_forgets_them(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hubtraining.hub.session")
    hub = RecordedHub().on("POST", MODEL_PATH, refused(500), refused(500), ok())
    session = a_session(hub)
    session.add_metrics(1, {"loss": 1.0})

    await session.upload_metrics()

    assert (session.health.failures, session.health.message) == (0, "")
    assert caplog.messages == ["metrics: the hub answered 500", "the hub answers again after 2 failed calls"]


# checkpoints


@pytest.mark.parametrize(("final", "name"), [(False, "last.pt"), (True, "best.pt")])
async def test_a_checkpoint_is_uploaded(tmp_path: Path, final: bool, name: str) -> None:
    hub = RecordedHub()
    session = a_session(hub)

    assert await session.upload_model(an_upload(tmp_path / "snapshot", 4, final=final))
    assert f'filename="{name}"'.encode() in hub.asked[0].content
    assert session.state.uploaded_epoch == 4


async def test_a_missing_checkpoint_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hub = RecordedHub()
    session = a_session(hub)

    assert not await session.upload_model(CheckpointUpload(tmp_path / "absent.pt", 4))
    assert hub.asked == []
    assert "absent.pt of epoch 4 is missing" in caplog.text
    assert session.checkpoint_due()


async def test_an_upload_tells_its_progress(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    upload = an_upload(tmp_path / "last.pt")

    await a_session(RecordedHub()).upload_model(upload, lambda sent, size: seen.append((sent, size)))

    assert seen[-1] == (upload.path.stat().st_size,) * 2


async def test_the_first_checkpoint_goes_at_once_and_the_limit_counts_from_it(tmp_path: Path) -> None:
    session = a_session(RecordedHub())
    upload = an_upload(tmp_path / "last.pt")

    due = [session.checkpoint_due()]
    await session.upload_model(upload)
    due.append(session.checkpoint_due())
    await asyncio.sleep(900)
    due.append(session.checkpoint_due())

    assert due == [True, False, True]


async def test_the_limits_can_be_set(tmp_path: Path) -> None:
    session = a_session(RecordedHub(), limits=RateLimits(checkpoint=60))
    await session.upload_model(an_upload(tmp_path / "last.pt"))

    await asyncio.sleep(60)

    assert session.checkpoint_due()


async def test_an_upload_persists_for_an_hour(tmp_path: Path) -> None:
    hub = TimedHub().on("POST", UPLOAD_PATH, refused(502))
    session = a_session(hub)

    with pytest.raises(HubUnavailable):
        await session.upload_model(an_upload(tmp_path / "last.pt"))
    assert len(hub.times[UPLOAD_PATH]) == 10
    assert session.checkpoint_due()
    assert session.state.uploaded_epoch == 0


async def test_a_refused_key_makes_an_upload_slow_and_not_fail(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("old")

    def answer(request: httpx.Request) -> httpx.Response:
        return ok() if request.headers["x-api-key"] == "new" else refused(401)

    hub = TimedHub().on("POST", UPLOAD_PATH, answer)
    session = a_session(hub, from_file(key))
    uploading = asyncio.create_task(session.upload_model(an_upload(tmp_path / "last.pt")))
    await asyncio.sleep(100)

    key.write_text("new")

    assert await uploading
    assert hub.times[UPLOAD_PATH] == [0, 30, 90, 210]


async def test_a_key_that_stays_refused_is_told_within_the_hour(tmp_path: Path) -> None:
    session = a_session(RecordedHub().on("POST", UPLOAD_PATH, refused(401)))

    with pytest.raises(HubUnauthorized):
        await session.upload_model(an_upload(tmp_path / "last.pt"))
    assert 3000 < now() <= 3600


async def test_a_web_page_instead_of_the_hub_is_tried_again_slowly(tmp_path: Path) -> None:
    hub = TimedHub().on("POST", UPLOAD_PATH, httpx.Response(302, headers={"location": "http://portal/"}), ok())

    assert await a_session(hub).upload_model(an_upload(tmp_path / "last.pt"))
    assert hub.times[UPLOAD_PATH] == [0, 30]


@pytest.mark.parametrize(
    ("reply", "kind"), [(refused(409), HubConflict), (refused(404), HubNotFound), (refused(413), HubRefused)]
)
async def test_other_refusals_of_an_upload_are_told_at_once(
    tmp_path: Path, reply: httpx.Response, kind: type[Exception]
) -> None:
    hub = TimedHub().on("POST", UPLOAD_PATH, reply)

    with pytest.raises(kind):
        await a_session(hub).upload_model(an_upload(tmp_path / "last.pt"))
    assert hub.times[UPLOAD_PATH] == [0]


async def test_a_newer_checkpoint_replaces_one_that_waits_for_the_hub(tmp_path: Path) -> None:
    hub = TimedHub().on("POST", UPLOAD_PATH, refused(503))
    session = a_session(hub)
    older = asyncio.create_task(session.upload_model(an_upload(tmp_path / "1.pt", 1)))
    await asyncio.sleep(300)
    hub.on("POST", UPLOAD_PATH, ok())

    newer = await session.upload_model(an_upload(tmp_path / "2.pt", 2))

    assert (await older, newer) == (False, True)
    assert session.state.uploaded_epoch == 2


async def test_a_best_checkpoint_that_waits_is_not_replaced_by_a_lesser_one(tmp_path: Path) -> None:
    hub = TimedHub().on("POST", UPLOAD_PATH, refused(503), ok())
    session = a_session(hub)

    done = await asyncio.gather(
        session.upload_model(an_upload(tmp_path / "1.pt", 1, best=True)),
        session.upload_model(an_upload(tmp_path / "2.pt", 2)),
    )

    assert done == [True, True]
    hashes = [request.headers["x-hubtraining-sha256"] for request in hub.requests("POST", UPLOAD_PATH)]
    assert hashes == [digest(tmp_path / "1.pt")] * 2 + [digest(tmp_path / "2.pt")]


async def test_metrics_and_heartbeats_flow_while_an_upload_waits(tmp_path: Path) -> None:
    hub = TimedHub().on("POST", UPLOAD_PATH, refused(503))

    async with running(a_session(hub)) as session:
        uploading = asyncio.create_task(session.upload_model(an_upload(tmp_path / "last.pt")))
        session.add_metrics(1, {"loss": 1.0})
        await asyncio.sleep(301)
        uploading.cancel()

    assert len(hub.times[BEAT_PATH]) == 2
    assert hub.metrics() == {1: {"loss": 1.0}}


async def test_the_epochs_of_a_checkpoint_are_there_before_it(tmp_path: Path) -> None:
    """Whoever goes on from it never trains them again, so their metrics would be lost for good with this process."""
    hub = TimedHub()

    async with running(a_session(hub)) as session:
        session.add_metrics(1, {"loss": 1.0})
        await asyncio.sleep(0.5)
        session.add_metrics(2, {"loss": 2.0})
        await session.upload_model(an_upload(tmp_path / "last.pt", 2))

    assert hub.metrics() == {1: {"loss": 1.0}, 2: {"loss": 2.0}}


async def test_a_hub_that_wants_no_metrics_now_is_not_asked_again_for_a_checkpoints_sake(tmp_path: Path) -> None:
    hub = TimedHub().on("POST", MODEL_PATH, httpx.Response(429, headers={"retry-after": "600"}))

    async with running(a_session(hub)) as session:
        session.add_metrics(1, {"loss": 1.0})
        await asyncio.sleep(100)
        asked = list(hub.times[MODEL_PATH])
        assert await session.upload_model(an_upload(tmp_path / "last.pt", 1))

    assert hub.times[MODEL_PATH] == asked


async def test_a_hub_that_hangs_over_metrics_holds_a_checkpoint_for_a_moment_only(tmp_path: Path) -> None:
    hub = RecordedHub()
    session = hanging(hub)
    session.add_metrics(1, {"loss": 1.0})

    assert await session.upload_model(an_upload(tmp_path / "last.pt", 1))

    assert now() <= 10


# saving and going on


async def test_a_session_goes_on_where_a_killed_one_stopped(tmp_path: Path) -> None:
    hub = TimedHub().on("POST", MODEL_PATH, httpx.ConnectError("refused"))
    async with running(a_session(hub)) as first:
        first.add_metrics(1, {"loss": 1.0})
        await asyncio.sleep(100)
        first.add_metrics(2, {"loss": 2.0})
        await first.upload_model(an_upload(tmp_path / "last.pt", 1))
    saved = first.state.to_json()
    hub.on("POST", MODEL_PATH, ok())

    async with a_session(hub, state=SessionState.from_json(saved)) as second:
        await asyncio.sleep(1)

    assert hub.metrics() == {1: {"loss": 1.0}, 2: {"loss": 2.0}}
    assert hub.bodies("POST", BEAT_PATH)[-1]["agentId"] == "agent-1"
    assert (second.model_id, second.state.uploaded_epoch) == (MODEL_ID, 1)


async def test_a_resumed_session_that_has_metrics_sends_them_at_once() -> None:
    hub = TimedHub()
    waiting = SessionState(model_id=MODEL_ID, metrics=Outbox(failed={3: {"loss": 1.0}}))

    async with running(a_session(hub, state=waiting)):
        await asyncio.sleep(1)

    assert hub.times[MODEL_PATH] == [0]


# the end


async def test_an_end_sends_what_is_queued() -> None:
    hub = TimedHub()

    async with a_session(hub) as session:
        session.add_metrics(1, {"loss": 1.0})
        await asyncio.sleep(1)
        session.add_metrics(2, {"loss": 2.0})

    assert hub.metrics() == {1: {"loss": 1.0}, 2: {"loss": 2.0}}
    assert now() < 3


async def test_an_error_of_the_program_passes_through() -> None:
    hub = TimedHub()
    session = a_session(hub)

    async def crash() -> None:
        async with session:
            await asyncio.sleep(1)
            session.add_metrics(1, {"loss": 1.0})
            raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        await crash()
    assert MODEL_PATH not in hub.times
    assert session.state.metrics


async def test_a_cancelled_session_leaves_no_task() -> None:
    session = a_session(RecordedHub())

    async with running(session):
        await asyncio.sleep(1)

    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


@pytest.mark.parametrize("reply", [ok(), refused(404)])
async def test_a_claim_is_ended_where_the_hub_knows_claims(reply: httpx.Response) -> None:
    hub = RecordedHub().on("POST", f"{MODEL_PATH}/close", reply)

    await a_session(hub).close()

    assert len(hub.requests("POST", f"{MODEL_PATH}/close")) == 1
