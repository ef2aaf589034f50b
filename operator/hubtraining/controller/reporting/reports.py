"""The agents' endpoint: takes a report from the pod that it is about, and wakes its session.

204 taken · 400 not a report · 401 no token · 403 not this pod's report · 409 superseded · 413 too long · 503 not now
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hubtraining.controller.cluster.cache import Key, SessionCache
from hubtraining.controller.cluster.errors import KubeError
from hubtraining.controller.reporting.mailbox import Mailbox
from hubtraining.controller.reporting.tokens import TokenRefused, Tokens
from hubtraining.controller.values.pods import PodView
from hubtraining.domain.report import Report
from hubtraining.domain.session import Session

PATH = "/v1/reports"
LONGEST = 256 * 1024
"""Bytes of a report."""
MOST_METRICS = 256


class Refused(Exception):
    """An answer that is not 204."""

    def __init__(self, code: int, result: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.result = result


@dataclass(frozen=True)
class Desk:
    """What the endpoint works with."""

    tokens: Tokens
    sessions: SessionCache
    mailbox: Mailbox
    wake: Callable[[Key], None]
    now: Callable[[], datetime]
    leading: Callable[[], bool]
    count: Callable[[str], None]
    """Told how each report was answered."""


def create_app(desk: Desk) -> Starlette:
    """The ASGI application."""

    async def take(request: Request) -> Response:
        try:
            session, report = await _admitted(desk, request)
        except Refused as refusal:
            desk.count(refusal.result)
            return PlainTextResponse(f"{refusal}\n", refusal.code)
        desk.count("taken")
        if desk.mailbox.put(report, desk.now()):
            desk.wake(session.key)
        return Response(status_code=204)

    return Starlette(routes=[Route(PATH, take, methods=["POST"])])


async def _admitted(desk: Desk, request: Request) -> tuple[Session, Report]:
    if not desk.leading():
        raise Refused(503, "unavailable", "the controller is not ready")
    pod = await _pod(desk, request)
    report = _read(await _body(request))
    return _session(desk, pod, report), report


async def _pod(desk: Desk, request: Request) -> PodView:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(401, "unauthorized", "a bearer token is required")
    try:
        return await desk.tokens.pod(token.strip())
    except TokenRefused as error:
        raise Refused(401, "unauthorized", str(error)) from None
    except KubeError:
        raise Refused(503, "unavailable", "the token cannot be checked now") from None


def _session(desk: Desk, pod: PodView, report: Report) -> Session:
    """The session that the report is about, if this pod may speak for it."""
    if (pod.session_uid, pod.attempt) != (report.session_uid, report.attempt):
        raise Refused(403, "forbidden", "a pod may report its own session and attempt only")
    session = desk.sessions.get(pod.key)
    if session is None and not desk.sessions.is_gone(report.session_uid):
        raise Refused(503, "unavailable", "the session is not known yet")  # pods and sessions are heard of apart
    if session is None or session.uid != report.session_uid:
        raise Refused(409, "superseded", "the session is no more")
    if session.status.get("attempt", 0) > report.attempt or session.status.get("completionTime"):
        raise Refused(409, "superseded", "the attempt has ended")
    return session


def _read(body: bytes) -> Report:
    try:
        report = msgspec.json.decode(body, type=Report)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(400, "invalid", f"not a report: {error}") from None
    names = [metric.name for metric in report.metrics]
    if len(names) > MOST_METRICS or len(set(names)) < len(names):
        raise Refused(400, "invalid", f"metrics: at most {MOST_METRICS} are allowed, each once")
    return report


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > LONGEST:
                raise Refused(413, "invalid", f"a report has at most {LONGEST} bytes")
    except ClientDisconnect:
        raise Refused(400, "invalid", "not a report: it broke off") from None
    return bytes(body)
