"""What every endpoint has in common: who calls, how often, and the envelope around the answer."""

import asyncio
import errno
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hubtraining.hub import wire
from hubtraining.hub.callers import Caller
from hubtraining.hub.refusals import Forbidden, NoSpace, Refusal
from hubtraining.hub.server.services import Services

Handle = Callable[[Request, Caller], Awaitable[Any]]
"""From a request and its caller to the envelope's ``data``; raises Refusal."""
Endpoint = Callable[[Request], Awaitable[Response]]

NOT_FOUND = 404
FULL = (errno.ENOSPC, errno.EDQUOT)
log = logging.getLogger("hubtraining.hub")


def endpoint(services: Services, operation: str, handle: Handle) -> Endpoint:
    """An endpoint for authenticated callers; ``operation`` is its name in metrics and logs."""

    async def answer(request: Request) -> Response:
        async def handled() -> Response:
            caller = await services.gate.identify(request.headers)
            services.limits.count(caller.name)
            return reply(await handle(request, caller))

        return await measured(services, operation, handled)

    return answer


async def measured(services: Services, operation: str, handled: Callable[[], Awaitable[Response]]) -> Response:
    """The answer or refusal of ``handled``, counted by operation and code."""
    clock = asyncio.get_running_loop().time
    begun, code = clock(), 500
    try:
        response = await refusing(handled)
        code = response.status_code
        return response
    finally:
        services.metrics.requests.labels(operation, code).inc()
        services.metrics.seconds.labels(operation).observe(clock() - begun)


async def refusing(handled: Callable[[], Awaitable[Response]]) -> Response:
    """The answer of ``handled``; refusals and a full disk become answers, too."""
    try:
        return await handled()
    except Refusal as refusal:
        return refused(refusal)
    except (OSError, sqlite3.OperationalError) as error:
        if not disk_is_full(error):
            raise
        log.error("the disk is full")
        return refused(NoSpace("the hub's disk is full; nothing that was accepted before is lost"))


def disk_is_full(error: Exception) -> bool:
    """Does the error mean that there is no space?"""
    if isinstance(error, OSError):
        return error.errno in FULL
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def reply(data: Any, *, status: int = 200, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """``data`` in the envelope."""
    envelope = wire.Envelope(success=status < 400, message=message, data=data)
    return Response(msgspec.json.encode(envelope), status, dict(headers or {}), "application/json")


def refused(refusal: Refusal) -> Response:
    """The answer that a refusal stands for."""
    return reply(None, status=refusal.status, message=refusal.message, headers=refusal.headers)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Unknown paths and methods, in the envelope like everything else."""
    if not isinstance(error, HTTPException):
        raise error
    message = (
        "there is nothing at this path" if error.status_code == NOT_FOUND else f"{request.method} is not offered here"
    )
    return reply(None, status=error.status_code, message=message, headers=error.headers)


async def on_failure(request: Request, error: Exception) -> Response:
    """Our own mistake; the server logs the traceback, the caller sees none."""
    return reply(None, status=500, message="the hub failed; its log says why")


def require_account(caller: Caller) -> None:
    """Raise Forbidden for pods: they have their model, and nothing else."""
    if caller.pod is not None:
        raise Forbidden("a session's token may only use its own model")
