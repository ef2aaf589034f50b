"""Questions to hubs: against our own hub as it is, and against hubs that misbehave."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from builders.hub import ROOT, Hub, a_checkpoint, a_hub, session_headers
from builders.pod import NOON
from builders.recorded_hub import KEY, MODEL_ID, MODEL_PATH, RecordedHub, a_model, ok, page, refused
from builders.session import a_session

from hubtraining.controller.cluster.cache import Key
from hubtraining.controller.cluster.errors import KubeNotFound, KubeUnavailable
from hubtraining.controller.hubs.access import Access
from hubtraining.controller.hubs.clients import HubClients
from hubtraining.controller.hubs.questions import LONGEST_SECONDS, Answer, Hubs
from hubtraining.controller.settings import ControllerSettings
from hubtraining.controller.values.messages import LONGEST
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import Asked, Prepared, Problem, Record
from hubtraining.domain.session import Session, parse
from hubtraining.hub import wire

pytestmark = pytest.mark.looptime

FOREIGN = "https://hub.example"
REF = {"name": "hub-key", "key": "api-key"}
Connect = Callable[[Access], httpx.AsyncClient]


@dataclass
class Scene:
    """The questions of one controller; ``woken`` are the sessions that got an answer."""

    settings: ControllerSettings
    connect: Connect | None
    secrets: dict[str, str] = field(default_factory=dict)
    away: bool = False
    woken: list[Key] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        return NOON + timedelta(seconds=asyncio.get_running_loop().time())

    async def get_secret(self, namespace: str, name: str) -> Mapping[str, str]:
        if self.away:
            raise KubeUnavailable("no answer")
        if name not in self.secrets:
            raise KubeNotFound("no such secret")
        return {"api-key": base64.b64encode(self.secrets[name].encode()).decode()}

    @asynccontextmanager
    async def hubs(self) -> AsyncIterator["Asker"]:
        async with (
            HubClients(lambda _: None, self.connect) as clients,
            Hubs(self.settings, clients, self.get_secret, self._wake, self.now) as hubs,
        ):
            yield Asker(self, hubs)

    def _wake(self, key: Key) -> None:
        self.woken.append(key)
        self.answered.set()


@dataclass
class Asker:
    scene: Scene
    hubs: Hubs

    async def prepare(self, session: Session) -> Asked:
        self.hubs.prepare(session, parse(session.spec), 1)
        return await self._answered(lambda: self.hubs.prepared(session, 1))

    async def look_up(self, session: Session) -> Asked:
        self.hubs.look_up(session, parse(session.spec), 1)
        return await self._answered(lambda: self.hubs.record(session, 1))

    async def prepared(self, session: Session) -> Prepared:
        answer = (await self.prepare(session)).answer
        assert isinstance(answer, Prepared), answer
        return answer

    async def problem(self, session: Session) -> Problem:
        answer = (await self.prepare(session)).answer
        assert isinstance(answer, Problem), answer
        return answer

    async def _answered(self, look: Callable[[], Asked | None]) -> Asked:
        self.scene.answered.clear()
        async with asyncio.timeout(1000):
            await self.scene.answered.wait()
        asked = look()
        assert asked is not None
        assert asked.answer is not None
        return asked


@asynccontextmanager
async def with_our_hub(folder: Path) -> AsyncIterator[tuple[Hub, Asker]]:
    """Our own hub, known to the controller as the operator's own."""
    async with a_hub(folder / "hub", threaded=False) as hub:
        file = folder / "key"
        file.write_text(hub.key)
        settings = ControllerSettings(
            namespace="s",
            image="i",
            hub_url=ROOT,
            hub_web_url="https://own.example",
            hub_auth="key",
            hub_credential_file=str(file),
        )
        scene = Scene(settings, lambda _: httpx.AsyncClient(transport=httpx.ASGITransport(hub.app)))
        async with scene.hubs() as asker:
            yield hub, asker


def with_hub(hub: RecordedHub | Callable[[httpx.Request], Any], **secrets: str) -> Scene:
    """A foreign hub that is what the test says, and a Secret with a key for it."""
    settings = ControllerSettings(namespace="s", image="i")
    known = {"hub-key": KEY, **secrets}
    return Scene(settings, lambda _: httpx.AsyncClient(transport=httpx.MockTransport(hub)), known)


def last_of(hubs: list[RecordedHub]) -> Callable[[httpx.Request], Any]:
    """A hub that is another one when the last of the list is taken away."""

    async def answer(request: httpx.Request) -> httpx.Response:
        return await hubs[-1](request)

    return answer


def a_foreign_session(url: str = FOREIGN, **stanzas: Any) -> Session:
    return a_session(hub={"url": url, "credentialsSecretRef": REF}, **{"model": MODEL_ID, **stanzas})


def told(session: Session, answer: Answer | None) -> Session:
    """The session once its status names the model."""
    assert isinstance(answer, Prepared)
    return msgspec.structs.replace(session, status={"model": msgspec.to_builtins(answer.model)})


# our own hub


async def test_a_model_is_created_for_the_session_and_planned(tmp_path: Path) -> None:
    async with with_our_hub(tmp_path) as (hub, asker):
        answer = await asker.prepared(a_session())
        model = await hub.data("GET", wire.model(answer.model.id))
    assert (answer.created, answer.key_in_identifier) == (True, False)
    assert answer.model.url == f"https://own.example/models/{answer.model.id}"
    assert (answer.model.parent, answer.model.dataset, answer.model.resumed) == ("yolov8n.yaml", "signs.yaml", False)
    assert (answer.plan.model, answer.plan.epochs) == ("yolov8n.yaml", 3)
    assert model["meta"]["session"] == a_session().uid


async def test_asked_twice_a_hub_makes_one_model(tmp_path: Path) -> None:
    """The controller may end between the creation and the status that names the model."""
    async with with_our_hub(tmp_path) as (hub, asker):
        first = await asker.prepared(a_session())
        asker.hubs.forget(a_session().uid)
        again = await asker.prepared(a_session())
        models = await hub.data("GET", wire.MODELS)
    assert again.model.id == first.model.id
    assert again.created
    assert len(models["results"]) == 1


async def test_a_model_that_the_status_names_is_used_again(tmp_path: Path) -> None:
    async with with_our_hub(tmp_path) as (_, asker):
        session = a_session()
        first = await asker.prepared(session)
        again = await asker.prepared(msgspec.structs.replace(told(session, first), generation=2))
    assert again.model.id == first.model.id
    assert again.created, "it was made for this session, now as before"


async def test_a_model_that_the_hub_holds_is_loaded_with_its_own_arguments(tmp_path: Path) -> None:
    async with with_our_hub(tmp_path) as (hub, asker):
        model_id = await hub.model()
        answer = await asker.prepared(a_session(model=model_id, train={"args": {"epochs": 9, "data": "x.yaml"}}))
    assert (answer.created, answer.model.id, answer.model.parent) == (False, model_id, "")
    assert (answer.plan.epochs, answer.model.overridden) == (300, ("data", "epochs"))


async def test_a_model_that_another_session_writes_is_in_use(tmp_path: Path) -> None:
    async with with_our_hub(tmp_path) as (hub, asker):
        model_id = await hub.model()
        await asker.prepared(a_session(uid="session-a", model=model_id))
        asked = await asker.prepare(a_session(name="other", uid="session-b", model=model_id))
    assert isinstance(asked.answer, Problem)
    assert asked.answer.reason is Reason.MODEL_IN_USE
    assert asked.due is not None


async def test_a_model_that_does_not_exist_is_not_found(tmp_path: Path) -> None:
    async with with_our_hub(tmp_path) as (_, asker):
        problem = await asker.problem(a_session(model=MODEL_ID))
    assert problem.reason is Reason.MODEL_NOT_FOUND


async def test_a_model_that_is_trained_is_trained(tmp_path: Path) -> None:
    async with with_our_hub(tmp_path) as (hub, asker):
        model_id = await hub.model()
        assert (await hub.upload(model_id, a_checkpoint(), name="best.pt", type="final")).status_code == 200
        problem = await asker.problem(a_session(model=model_id))
    assert (problem.reason, problem.retry_seconds) == (Reason.ALREADY_TRAINED, None)
    assert f"https://own.example/models/{model_id}" in problem.message


async def test_a_key_that_the_hub_does_not_know_is_named_and_not_shown(tmp_path: Path) -> None:
    async with with_our_hub(tmp_path) as (_, asker):
        (tmp_path / "key").write_text("wrong" * 8)
        problem = await asker.problem(a_session())
    assert problem.reason is Reason.UNAUTHORIZED
    assert problem.message.endswith("It was asked with the operator's own credentials.")
    assert "wrong" not in problem.message


async def test_a_credential_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    async with with_our_hub(tmp_path) as (hub, asker):
        (tmp_path / "key").unlink()
        problem = await asker.problem(a_session())
        assert (problem.reason, problem.retry_seconds) == (Reason.UNAUTHORIZED, 30.0)
        (tmp_path / "key").write_text(hub.key)
        await asker.prepared(a_session())


async def test_what_the_hub_holds_of_a_session_whose_pod_is_gone(tmp_path: Path) -> None:
    async with with_our_hub(tmp_path) as (hub, asker):
        session = a_session()
        known = told(session, await asker.prepared(session))
        assert (await asker.look_up(known)).answer == Record(trained=False)
        asker.hubs.forget(session.uid)
        headers = session_headers(session.uid, 1)
        upload = await hub.upload(
            str(known.status["model"]["id"]), a_checkpoint(), name="best.pt", headers=headers, type="final"
        )
        assert upload.status_code == 200, upload.text
        assert (await asker.look_up(known)).answer == Record(trained=True)


async def test_a_final_that_another_session_wrote_is_not_this_ones(tmp_path: Path) -> None:
    async with with_our_hub(tmp_path) as (hub, asker):
        model_id = await hub.model()
        answer = await asker.prepared(a_session(model=model_id))
        await hub.client.post(wire.close(model_id))
        headers = session_headers("another", 1)
        upload = await hub.upload(model_id, a_checkpoint(), name="best.pt", headers=headers, type="final")
        assert upload.status_code == 200, upload.text
        asked = await asker.look_up(told(a_session(model=model_id), answer))
    assert asked.answer == Record(trained=False)


async def test_a_session_that_never_had_a_model_trained_nothing(tmp_path: Path) -> None:
    async with with_our_hub(tmp_path) as (_, asker):
        assert (await asker.look_up(a_session())).answer == Record(trained=False)


# foreign hubs


async def test_a_hub_without_claims_is_used_without() -> None:
    async with with_hub(RecordedHub()).hubs() as asker:
        assert (await asker.prepared(a_foreign_session())).model.id == MODEL_ID


async def test_a_model_that_was_made_for_the_session_before_is_found_in_a_hub_that_repeats_creations() -> None:
    session = a_foreign_session(model="yolov8n.yaml")
    mine = a_model(meta={"name": "yolov8n.yaml", "session": session.uid})
    listed = {"results": [a_model(id="x" * 20), mine], "lastRecordId": None}
    hub = RecordedHub().on("GET", "/v1/models", ok(listed))
    async with with_hub(hub).hubs() as asker:
        answer = await asker.prepared(session)
    assert answer.model.id == MODEL_ID
    assert hub.requests("POST", "/v1/models") == []


async def test_a_link_to_a_data_set_that_carries_its_authorisation_is_not_told() -> None:
    link = "https://files.example/signs.zip?signature=secret"
    hub = RecordedHub().on("GET", MODEL_PATH, ok(a_model(train_args={"data": link, "epochs": 5})))
    async with with_hub(hub).hubs() as asker:
        answer = await asker.prepared(a_foreign_session(train={"args": {}}))
    assert answer.model.dataset == ""


async def test_a_status_never_holds_more_of_a_hubs_words_than_a_person_reads() -> None:
    """No API server takes a status of a megabyte, and the session would wait for ever without a word."""
    hub = RecordedHub().on("GET", MODEL_PATH, ok(a_model(train_args={"data": "x" * 10**6, "epochs": 5})))
    async with with_hub(hub).hubs() as asker:
        answer = await asker.prepared(a_foreign_session(train={"args": {}}))
    assert len(answer.model.dataset) == LONGEST


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(401), Reason.UNAUTHORIZED),
        (refused(403), Reason.UNAUTHORIZED),
        (refused(404), Reason.MODEL_NOT_FOUND),
        (refused(409), Reason.DATASET_NOT_READY),
        (refused(500), Reason.HUB_UNAVAILABLE),
        (refused(422), Reason.HUB_REFUSED),
        (page(200), Reason.HUB_REFUSED),
        (ok({"id": 5}), Reason.HUB_REFUSED),
        (ok(a_model(id="x" * 10**6)), Reason.HUB_REFUSED),
        (ok([]), Reason.MODEL_NOT_FOUND),
        (ok(a_model(train_args=[1])), Reason.HUB_REFUSED),
        (ok(a_model(train_args={"epochs": {"a": 1}})), Reason.MODEL_INCOMPLETE),
        (ok(a_model(train_args={"epochs": 3}, data=None)), Reason.DATASET_NOT_READY),
        (ok(a_model(cfg=None)), Reason.MODEL_INCOMPLETE),
        (httpx.ConnectError("refused"), Reason.HUB_UNAVAILABLE),
    ],
)
async def test_whatever_a_hub_answers_becomes_a_reason_and_a_sentence(
    reply: httpx.Response | Exception, reason: Reason
) -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, reply)
    async with with_hub(hub).hubs() as asker:
        problem = await asker.problem(a_foreign_session(train={"args": {}}))
    assert problem.reason is reason
    assert problem.message.endswith(".")
    assert KEY not in problem.message


async def test_a_model_with_arguments_that_nobody_can_use_is_asked_for_again() -> None:
    """They are the hub's: whoever mends them there does not touch the session."""
    hub = RecordedHub().on("GET", MODEL_PATH, ok(a_model(train_args={"epochs": {"a": 1}})))
    async with with_hub(hub).hubs() as asker:
        asked = await asker.prepare(a_foreign_session(train={"args": {}}))
        assert asked.due is not None
        assert isinstance(asked.answer, Problem)
        assert asked.answer.message.startswith("The hub's train_args.epochs is dict; a scalar")
        hub.on("GET", MODEL_PATH, ok(a_model()))
        await asker.prepared(a_foreign_session(train={"args": {}}))


async def test_a_hub_that_says_nothing_is_waited_for_ten_seconds() -> None:
    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    async with with_hub(silent).hubs() as asker:
        problem = await asker.problem(a_foreign_session())
        assert 10 <= asyncio.get_running_loop().time() < 11
    assert problem.reason is Reason.HUB_UNAVAILABLE


async def test_a_hub_whose_list_has_no_end_is_left_after_a_while() -> None:
    """Each page comes in time; the model that was made before is looked for among all of them."""
    pages = iter(range(10**9))

    async def listing(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1)
        return ok({"results": [a_model(id="x" * 20)], "lastRecordId": f"page-{next(pages)}"})

    async with with_hub(listing).hubs() as asker:
        problem = await asker.problem(a_foreign_session(model="yolov8n.yaml"))
    assert problem.reason is Reason.HUB_UNAVAILABLE
    assert problem.message == f"Ask: no answer from the hub in time. spec.hub.url is {FOREIGN}."


@pytest.mark.parametrize(
    "url",
    [
        "https://[",
        "https://[::1",
        "https://hub.example:99999999",
        "https://hub.example:port",
        "https://a..b",
        f"https://{'a' * 300}.example",
        "https://\u2100.example",
        "https://hub\u0000.example",
        "https://127.0.0.1",
    ],
)
async def test_an_address_that_leads_nowhere_is_said_and_not_swallowed(url: str) -> None:
    """Whatever goes wrong, the question is answered: an unanswered one would leave the session waiting for ever."""
    async with Scene(ControllerSettings(namespace="s", image="i"), None, {"hub-key": KEY}).hubs() as asker:
        problem = await asker.problem(a_foreign_session(url))
    assert problem.message


async def test_a_failure_that_nobody_thought_of_is_logged_and_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise RuntimeError(f"a bug, with {KEY} in its text")

    async with with_hub(broken).hubs() as asker:
        asked = await asker.prepare(a_foreign_session())
    assert isinstance(asked.answer, Problem)
    assert asked.answer.reason is Reason.HUB_UNAVAILABLE
    assert asked.due is not None
    assert KEY not in asked.answer.message
    assert "RuntimeError" in caplog.text


# secrets


async def test_a_missing_secret_is_waited_for_and_then_used() -> None:
    scene = with_hub(RecordedHub())
    key = scene.secrets.pop("hub-key")
    async with scene.hubs() as asker:
        asked = await asker.prepare(a_foreign_session())
        assert isinstance(asked.answer, Problem)
        assert asked.answer.reason is Reason.SECRET_NOT_FOUND
        assert asked.due is not None
        assert asked.due - scene.now() <= timedelta(seconds=15)
        scene.secrets["hub-key"] = key
        await asker.prepared(a_foreign_session())


async def test_an_api_server_that_does_not_give_the_secret_is_asked_again_soon() -> None:
    scene = with_hub(RecordedHub())
    scene.away = True
    async with scene.hubs() as asker:
        problem = await asker.problem(a_foreign_session())
    assert (problem.reason, problem.retry_seconds) == (Reason.CONNECTING, 5.0)


# when and how often


async def test_an_answer_wakes_its_session_and_is_kept() -> None:
    scene = with_hub(RecordedHub())
    async with scene.hubs() as asker:
        asked = await asker.prepare(a_foreign_session())
        assert scene.woken == [("team-a", "signs")]
        assert asker.hubs.prepared(a_foreign_session(), 1) == asked
        assert asked.due is None


async def test_a_question_that_is_open_is_not_asked_again() -> None:
    hub = RecordedHub()
    async with with_hub(hub).hubs() as asker:
        session = a_foreign_session()
        asker.hubs.prepare(session, parse(session.spec), 1)
        await asker.prepare(session)
    assert len(hub.requests("GET", MODEL_PATH)) == 1


async def test_an_answer_to_an_old_spec_is_none() -> None:
    async with with_hub(RecordedHub()).hubs() as asker:
        await asker.prepare(a_foreign_session())
        changed = msgspec.structs.replace(a_foreign_session(), generation=2)
        assert asker.hubs.prepared(changed, 1) is None
        await asker.prepare(changed)
        assert asker.hubs.prepared(changed, 1) is not None


@pytest.mark.parametrize(
    ("reply", "first"),
    [(refused(503), 5), (refused(409, "the data set may still be processing"), 10), (ok(a_model(train_args={})), 10)],
    ids=["down", "data set processing", "no data set"],
)
async def test_a_hub_that_is_not_ready_is_asked_more_and_more_rarely_and_never_too_rarely(
    reply: httpx.Response, first: float
) -> None:
    scene = with_hub(RecordedHub().on("GET", MODEL_PATH, reply))
    waits: list[float] = []
    async with scene.hubs() as asker:
        for _ in range(12):
            asked = await asker.prepare(a_foreign_session(train={"args": {}}))
            assert asked.due is not None
            waits.append((asked.due - scene.now()).total_seconds())
            await asyncio.sleep(LONGEST_SECONDS)
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(first, abs=1)
    assert waits[1] == pytest.approx(2 * first, abs=1)
    assert waits[-1] == pytest.approx(LONGEST_SECONDS, abs=1)


async def test_whoever_hears_a_hub_again_wakes_all_who_wait_for_it() -> None:
    """A hub was away for two minutes: nobody waits another five because it was spared meanwhile."""
    hubs = [RecordedHub(), RecordedHub().on("GET", MODEL_PATH, refused(503))]
    scene = with_hub(last_of(hubs))
    sessions = [msgspec.structs.replace(a_foreign_session(), uid=f"uid-{n}", name=f"signs-{n}") for n in range(20)]
    async with scene.hubs() as asker:

        async def ask_those_that_are_due() -> None:
            for session in sessions:
                asked = asker.hubs.prepared(session, 1)
                if asked is None or (asked.due is not None and scene.now() >= asked.due):
                    asker.hubs.prepare(session, parse(session.spec), 1)
            await asyncio.sleep(1)

        for _ in range(120):
            await ask_those_that_are_due()
        hubs.pop()
        for _ in range(35):
            await ask_those_that_are_due()
        answers = [asker.hubs.prepared(session, 1) for session in sessions]
    assert all(asked and isinstance(asked.answer, Prepared) for asked in answers)


def several(count: int) -> list[Session]:
    return [msgspec.structs.replace(a_foreign_session(), uid=f"uid-{n}", name=f"signs-{n}") for n in range(count)]


async def test_a_hub_that_has_nothing_to_train_with_answers_all_the_same() -> None:
    """Who asks first after an outage may have a model without a data set: the others must not wait for another."""
    bare = RecordedHub().on("GET", MODEL_PATH, ok(a_model(train_args={})))
    hubs = [bare, RecordedHub().on("GET", MODEL_PATH, refused(503))]
    scene = with_hub(last_of(hubs))
    async with scene.hubs() as asker:
        for session in several(5):
            await asker.problem(session)
        hubs.pop()
        await asyncio.sleep(35)
        scene.woken.clear()
        first = msgspec.structs.replace(a_foreign_session(train={"args": {}}), uid="bare", name="bare")
        assert (await asker.problem(first)).reason is Reason.DATASET_NOT_READY
    waiting = several(5)[1:]  # the first of them was sent after the rest
    assert scene.woken == [*(session.key for session in waiting), first.key]


async def test_those_who_do_not_wait_any_more_are_not_sent_in_place_of_those_who_do() -> None:
    """A rest is spent on one session: not on one that has its answer, or is gone."""
    down, up = RecordedHub().on("GET", MODEL_PATH, refused(503)), RecordedHub()
    hubs = [up, down]
    scene = with_hub(last_of(hubs))
    *early, last = several(6)
    async with scene.hubs() as asker:
        for session in early:
            hubs.append(down)
            await asker.problem(session)
            hubs.append(up)
            await asker.prepared(session)
        asker.hubs.forget(early[0].uid)
        hubs.append(down)
        for _ in range(5):
            await asker.problem(last)
        scene.woken.clear()
        await asyncio.sleep(31)
    assert scene.woken == [last.key]


async def test_a_hub_that_named_a_time_is_not_asked_before_it_though_it_answers_others() -> None:
    busy = httpx.Response(503, headers={"Retry-After": "200"})
    hubs = [RecordedHub(), RecordedHub().on("GET", MODEL_PATH, busy)]
    scene = with_hub(last_of(hubs))
    async with scene.hubs() as asker:
        told = await asker.prepare(a_foreign_session())
        for number in range(5):
            await asker.prepare(msgspec.structs.replace(a_foreign_session(), uid=f"uid-{number}"))
        await asyncio.sleep(31)
        hubs.pop()
        await asker.prepared(msgspec.structs.replace(a_foreign_session(), uid="another"))
        assert asker.hubs.prepared(a_foreign_session(), 1) == told
    assert told.due is not None
    assert (told.due - NOON).total_seconds() == pytest.approx(200, abs=1)


async def test_a_session_that_is_gone_is_not_asked_about_any_more() -> None:
    begun = asyncio.Event()

    async def slow(_: httpx.Request) -> httpx.Response:
        begun.set()
        await asyncio.sleep(5)
        raise AssertionError("nobody waits for this answer")

    scene = with_hub(slow)
    async with scene.hubs() as asker:
        session = a_foreign_session()
        asker.hubs.prepare(session, parse(session.spec), 1)
        await begun.wait()
        asker.hubs.forget(session.uid)
        await asyncio.sleep(60)
        assert asker.hubs.prepared(session, 1) is None
    assert scene.woken == []


async def test_leaving_ends_what_runs() -> None:
    async def slow(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(5)
        raise AssertionError("nobody waits for this answer")

    async with with_hub(slow).hubs() as asker:
        session = a_foreign_session()
        asker.hubs.prepare(session, parse(session.spec), 1)
        await asyncio.sleep(1)
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("hub ")] == []
