"""The agents' endpoint, as agents see it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from builders.pod import NOON, a_pod
from builders.tokens import NOW, a_pod_token
from builders.world import a_checkpoint, a_report, a_session
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.cluster.cache import Key, PodCache, SessionCache
from hubtraining.controller.cluster.errors import KubeUnavailable
from hubtraining.controller.reporting.mailbox import Mailbox
from hubtraining.controller.reporting.reports import LONGEST, MOST_METRICS, PATH, Desk, create_app
from hubtraining.controller.reporting.tokens import Tokens
from hubtraining.domain.report import HubState, Metric, Report

Body = dict[str, Any]
RUNNING: Body = {"attempt": 1}


@dataclass
class Office:
    """The endpoint with everything behind it; the API server vouches for every token of one of its pods."""

    status: Body = field(default_factory=lambda: RUNNING)
    leading: bool = True
    reachable: bool = True
    now: datetime = NOON
    woken: list[Key] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    mailbox: Mailbox = field(default_factory=Mailbox)
    filled: bool = True

    def __post_init__(self) -> None:
        self.pods, self.sessions = PodCache(), SessionCache()
        self.pods.put(a_pod().view())
        self.pods.put(a_pod(session="cars", uid="pod-2", session_uid="session-2").view())
        if self.filled:
            self.sessions.put(msgspec.structs.replace(a_session(), status=self.status))
        tokens = Tokens(self._review, self.pods, lambda: NOW)
        desk = Desk(
            tokens,
            self.sessions,
            self.mailbox,
            self.woken.append,
            lambda: self.now,
            lambda: self.leading,
            self.counted.append,
        )
        self.app = create_app(desk)

    async def _review(self, token: str, audience: str) -> Body:
        if not self.reachable:
            raise KubeUnavailable("no answer")
        pod = "pod-2" if token == a_pod_token("pod-2") else "pod-1"
        extra = {"authentication.kubernetes.io/pod-uid": [pod]}
        return {"authenticated": True, "audiences": [audience], "user": {"extra": extra}}

    async def post(self, report: Report | bytes | AsyncIterator[bytes] | None = None, **headers: str) -> httpx.Response:
        content = msgspec.json.encode(report or a_report()) if isinstance(report, Report | None) else report
        sent = {"authorization": f"Bearer {a_pod_token()}", **headers}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://controller") as client:
            return await client.post(PATH, content=content, headers=sent)


async def test_a_report_is_taken_kept_and_wakes_its_session() -> None:
    office = Office(now=NOON + timedelta(seconds=7))
    answer = await office.post(a_report(3))
    assert (answer.status_code, answer.content) == (204, b"")
    heard = office.mailbox.get("session-1", 1)
    assert heard is not None
    assert (heard.report, heard.at) == (a_report(3), NOON + timedelta(seconds=7))
    assert (office.woken, office.counted) == ([("team-a", "signs")], ["taken"])


async def test_a_report_that_was_overtaken_is_thanked_for_and_wakes_nobody() -> None:
    office = Office()
    await office.post(a_report(3, sequence=2))
    office.woken.clear()
    assert (await office.post(a_report(2, sequence=1))).status_code == 204
    assert office.woken == []


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz"])
async def test_without_a_bearer_token_nothing_is_taken(header: str) -> None:
    office = Office()
    answer = await office.post(authorization=header)
    assert (answer.status_code, answer.text) == (401, "a bearer token is required\n")
    assert office.counted == ["unauthorized"]


async def test_the_scheme_may_be_written_in_any_case() -> None:
    assert (await Office().post(authorization=f"bEARER  {a_pod_token()}")).status_code == 204


async def test_a_token_of_no_pod_of_ours_is_refused_without_repeating_it() -> None:
    token = a_pod_token("stranger")
    answer = await Office().post(authorization=f"Bearer {token}")
    assert answer.status_code == 401
    assert token not in answer.text


async def test_a_pod_may_not_speak_for_another_session() -> None:
    office = Office()
    answer = await office.post(authorization=f"Bearer {a_pod_token('pod-2')}")
    assert (answer.status_code, answer.text) == (403, "a pod may report its own session and attempt only\n")
    assert len(office.mailbox) == 0


async def test_a_pod_may_not_speak_for_another_attempt() -> None:
    assert (await Office().post(a_report(attempt=2))).status_code == 403


@pytest.mark.parametrize("status", [{"attempt": 2}, {"attempt": 1, "completionTime": "2026-11-23T12:00:00Z"}])
async def test_an_attempt_that_is_over_is_told_so(status: Body) -> None:
    answer = await Office(status=status).post()
    assert (answer.status_code, answer.text) == (409, "the attempt has ended\n")


async def test_the_agent_of_a_session_that_is_gone_is_told_so() -> None:
    office = Office()
    office.sessions.remove(("team-a", "signs"), "session-1")
    answer = await office.post()
    assert (answer.status_code, answer.text) == (409, "the session is no more\n")


async def test_the_agent_of_a_session_that_is_not_known_yet_is_asked_to_come_again() -> None:
    """A new leader hears of pods and of sessions apart: an agent that is told of an end never reports again."""
    office = Office(filled=False)
    answer = await office.post()
    assert (answer.status_code, answer.text) == (503, "the session is not known yet\n")
    assert office.counted == ["unavailable"]


async def test_the_agent_of_an_earlier_session_of_the_name_is_told_so() -> None:
    office = Office()
    office.sessions.put(msgspec.structs.replace(a_session(uid="session-9"), resource_version="99"))
    assert (await office.post()).status_code == 409


async def test_an_agent_that_is_killed_while_it_reports_is_no_error_of_ours() -> None:
    office = Office()
    told = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(told)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {a_pod_token()}".encode())]
    scope: Body = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": headers}
    await office.app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert office.counted == ["invalid"]


async def test_a_controller_that_is_not_ready_asks_to_come_again() -> None:
    office = Office(leading=False)
    assert (await office.post()).status_code == 503
    assert office.counted == ["unavailable"]


async def test_an_api_server_that_cannot_be_asked_is_not_the_agents_fault() -> None:
    answer = await Office(reachable=False).post()
    assert (answer.status_code, answer.text) == (503, "the token cannot be checked now\n")


async def test_a_report_that_is_too_long_is_refused_before_it_is_whole() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * LONGEST:
            sent += 65536
            yield b" " * 65536
            await asyncio.sleep(0)

    answer = await Office().post(endless())
    assert (answer.status_code, answer.text) == (413, f"a report has at most {LONGEST} bytes\n")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not a report: "),
        (b"[]", "not a report: Expected `object`"),
        (b'{"attempt": "one"}', "$.attempt"),
        (b"\xff", "not a report: "),
        (b'{"x": ' + b"[" * 20_000, "not a report: "),
    ],
)
async def test_what_is_no_report_is_refused_with_the_place(body: bytes, why: str) -> None:
    office = Office()
    answer = await office.post(body)
    assert answer.status_code == 400
    assert why in answer.text
    assert office.counted == ["invalid"]


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        (tuple(Metric(f"m{number}", 1.0) for number in range(MOST_METRICS + 1)), "at most 256 are allowed"),
        ((Metric("x" * 129, 1.0),), "length <= 128"),
        ((Metric("loss", 1.0), Metric("loss", 2.0)), "allowed, each once"),
    ],
)
async def test_metrics_have_their_limits(metrics: tuple[Metric, ...], why: str) -> None:
    answer = await Office().post(a_report(metrics=metrics))
    assert answer.status_code == 400
    assert why in answer.text


NAIVE = NOON.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("report", "place"),
    [
        (a_report(time=NAIVE), "$.time"),
        (a_report(latest=msgspec.structs.replace(a_checkpoint(), time=NAIVE)), "$.latest.time"),
        (a_report(hub=HubState(last_heartbeat_time=NAIVE)), "$.hub.lastHeartbeatTime"),
    ],
)
async def test_a_time_without_a_zone_is_refused(report: Report, place: str) -> None:
    answer = await Office().post(report)
    assert answer.status_code == 400
    assert place in answer.text


async def test_only_reports_are_taken_here() -> None:
    office = Office()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(office.app), base_url="http://controller") as client:
        assert (await client.get(PATH)).status_code == 405
        assert (await client.post("/")).status_code == 404


@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(msgspec.json.encode))
def test_any_body_is_answered_and_nothing_is_kept_of_it(body: bytes) -> None:
    office = Office()
    answer = asyncio.run(office.post(body))
    assert answer.status_code == 400
    assert len(office.mailbox) == 0
