"""One request to the API server, over real HTTP: every answer, and every way in which none comes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.responses import HTMLResponse, JSONResponse, Response
from support.recorded_api import BROKEN, Meter, RecordedApi, a_broken_server, a_client, failure

from hubtraining.controller.cluster import kube
from hubtraining.controller.cluster.calls import Call, Requests, applied
from hubtraining.controller.cluster.errors import (
    AlreadyExists,
    KubeConflict,
    KubeError,
    KubeExpired,
    KubeNotFound,
    KubeRefused,
    KubeUnavailable,
    NotLeading,
)
from hubtraining.controller.leading import coordination

ALL = (*kube.CALLS, *coordination.CALLS)
QUESTIONS = {"get", "list", "watch"}
POD = "/api/v1/namespaces/team-a/pods/signs-1-0"
A_POD = {"metadata": {"name": "signs-1-0"}}


@asynccontextmanager
async def at(url: str, meter: Meter | None = None, seconds: float = 15.0) -> AsyncIterator[Requests]:
    async with a_client(url) as client:
        yield Requests(client, meter or Meter(), seconds=seconds)


@asynccontextmanager
async def serving(api: RecordedApi, meter: Meter | None = None) -> AsyncIterator[Requests]:
    async with api.served() as url, at(url, meter) as requests:
        yield requests


def get_pod(requests: Requests) -> Awaitable[Any]:
    return requests.send(kube.GET_POD, namespace="team-a", name="signs-1-0")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (failure(400, "BadRequest", "no"), KubeRefused),
        (failure(401, "Unauthorized", "no"), KubeRefused),
        (failure(403, "Forbidden", "no"), KubeRefused),
        (failure(404, "NotFound", "no"), KubeNotFound),
        (failure(409, "Conflict", "no"), KubeConflict),
        (failure(409, "AlreadyExists", "no"), AlreadyExists),
        (failure(410, "Expired", "no"), KubeExpired),
        (failure(422, "Invalid", "no"), KubeRefused),
        (failure(429, "TooManyRequests", "no", Retry_After="7"), KubeUnavailable),
        (failure(500, "InternalError", "no"), KubeUnavailable),
        (failure(503, "ServiceUnavailable", "no"), KubeUnavailable),
    ],
)
async def test_every_refusal_is_sorted_by_what_to_do(answer: Response, kind: type[KubeError]) -> None:
    meter = Meter()
    async with serving(RecordedApi().on(POD, answer), meter) as requests:
        with pytest.raises(kind) as refused:
            await get_pod(requests)
    assert type(refused.value) is kind
    assert str(refused.value) == "no"
    assert refused.value.status == answer.status_code
    assert meter.seen == [("get", "pods", str(answer.status_code))]


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("", None), ("-1", None)])
async def test_a_wait_that_is_asked_for_is_told(header: str, seconds: float | None) -> None:
    async with serving(RecordedApi().on(POD, failure(429, Retry_After=header))) as requests:
        with pytest.raises(KubeUnavailable) as later:
            await get_pod(requests)
    assert later.value.retry_after == seconds


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (HTMLResponse("<html>bad gateway</html>", 502), "the API server answered 502"),
        (HTMLResponse("<html>welcome</html>", 200), "the API server's answer is not JSON"),
        (JSONResponse([1, 2]), "the API server's answer is not an object"),
        (Response(b"", 200), "the API server's answer is not JSON"),
        (Response(b"\xff", 503), "the API server answered 503"),
    ],
)
async def test_what_no_api_server_says_comes_from_something_in_between(answer: Response, words: str) -> None:
    async with serving(RecordedApi().on(POD, answer)) as requests:
        with pytest.raises(KubeUnavailable) as later:
            await get_pod(requests)
    assert str(later.value) == words


async def test_a_redirect_is_not_followed_with_our_token() -> None:
    elsewhere = RecordedApi()
    async with elsewhere.served() as other:
        api = RecordedApi().on(POD, Response(status_code=307, headers={"location": f"{other}/api/v1/x"}))
        async with serving(api) as requests:
            with pytest.raises(KubeError):
                await get_pod(requests)
    assert all("authorization" not in request.headers for request in elsewhere.asked)


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
async def test_an_answer_that_breaks_off_is_no_answer(sent: bytes) -> None:
    async with a_broken_server(sent) as url, at(url) as requests:
        with pytest.raises(KubeUnavailable, match="the API server does not answer"):
            await get_pod(requests)


async def test_an_api_server_that_is_not_there_does_not_answer() -> None:
    async with a_broken_server(b"") as url:
        pass
    meter = Meter()
    async with at(url, meter) as requests:
        with pytest.raises(KubeUnavailable, match="the API server does not answer: ClientConnectorError"):
            await get_pod(requests)
    assert meter.seen == [("get", "pods", "error")]


async def test_an_api_server_that_never_answers_is_waited_for_so_long() -> None:
    async with a_broken_server(None) as url, at(url, seconds=0.2) as requests:
        began = time.monotonic()
        with pytest.raises(KubeUnavailable, match="TimeoutError"):
            await get_pod(requests)
        assert time.monotonic() - began < 15


async def test_many_requests_share_their_connections_and_none_is_lost() -> None:
    api = RecordedApi().on(POD, JSONResponse(A_POD))
    async with serving(api) as requests:
        found = await asyncio.gather(*(get_pod(requests) for _ in range(50)))
    assert found == [A_POD] * 50


@asynccontextmanager
async def asking(may_write: Callable[[], bool]) -> AsyncIterator[tuple[Requests, RecordedApi]]:
    """An API server that does everything, asked by one who may or may not write."""
    api = RecordedApi(otherwise=JSONResponse({"kind": "Status"}))
    async with api.served() as url, a_client(url) as client:
        yield Requests(client, Meter(), may_write), api


@pytest.mark.parametrize("call", ALL, ids=lambda call: f"{call.verb} {call.resource}")
async def test_who_does_not_lead_asks_and_changes_nothing(call: Call) -> None:
    async with asking(lambda: False) as (sender, api):
        if call.verb in QUESTIONS or call is kube.REVIEW_TOKEN:
            await sender.send(call, namespace="team", name="x")
            assert [request.method for request in api.asked] == [call.method]
        else:
            with pytest.raises(NotLeading, match=f"{call.verb} {call.resource}: not done"):
                await sender.send(call, namespace="team", name="x", body={})
            assert api.asked == []


async def test_the_right_to_write_is_asked_for_each_time() -> None:
    answers = [True, False, True]
    async with asking(lambda: answers.pop(0)) as (sender, api):
        await sender.send(kube.CREATE_POD, namespace="team", body={})
        with pytest.raises(NotLeading):
            await sender.send(kube.CREATE_POD, namespace="team", body={})
        await sender.send(kube.CREATE_POD, namespace="team", body={})
    assert [request.path for request in api.asked] == ["/api/v1/namespaces/team/pods"] * 2


async def test_a_call_without_a_namespace_is_about_all_of_them() -> None:
    async with asking(lambda: True) as (sender, api):
        await sender.send(kube.LIST_PODS)
        await sender.send(kube.LIST_PODS, namespace="team")
    assert [request.path for request in api.asked] == ["/api/v1/pods", "/api/v1/namespaces/team/pods"]


@given(st.text())
@example("\U0001f680 \\ud83d \x7f\x80\x85\ufeff\ufffe\uffff")
def test_any_text_of_a_trainers_can_be_applied(text: str) -> None:
    """Ultralytics says goodbye with a rocket: in ASCII that is two halves, which no YAML knows."""
    assert yaml.safe_load(applied({"status": {"logTail": text}})) == {"status": {"logTail": text}}


def test_half_a_character_is_shown_as_one_that_is_missing() -> None:
    assert yaml.safe_load(applied({"a": "x\ud83dy"})) == {"a": "x\ufffdy"}
