"""Who is it? Keys and tokens come in, a Caller comes out."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from starlette.datastructures import Headers

from hubtraining.hub import wire
from hubtraining.hub.callers import Caller, Writer
from hubtraining.hub.refusals import Forbidden, Invalid, Unauthorized
from hubtraining.hub.server.tokens import Reviewer
from hubtraining.hub.store import keys
from hubtraining.hub.store.database import Database

KEY_SECONDS = 5.0
"""How long a key is trusted without looking: a revoked key works no longer than that."""
MAX_REMEMBERED = 10_000
ATTEMPT = re.compile(r"[0-9]{1,6}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
BEARER = "bearer "


@dataclass(frozen=True)
class _Known:
    caller: Caller
    until: float


class Gate:
    """Lets callers in. Without a ``reviewer`` tokens are refused: there is no cluster to ask."""

    def __init__(self, database: Database, reviewer: Reviewer | None, clock: Callable[[], float]) -> None:
        self._database = database
        self._reviewer = reviewer
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def identify(self, headers: Headers) -> Caller:
        """The caller behind a request's headers; raises Unauthorized, Forbidden, Invalid or Later."""
        authorization = headers.get("authorization", "")
        if authorization[: len(BEARER)].lower() == BEARER:
            return _with_headers(await self._by_token(authorization[len(BEARER) :].strip()), headers)
        if key := headers.get(wire.HEADER_KEY):
            return _with_headers(await self._by_key(key), headers)
        raise Unauthorized(f"no credentials: send an API key in {wire.HEADER_KEY}, or a token in authorization")

    async def _by_token(self, token: str) -> Caller:
        if self._reviewer is None:
            raise Unauthorized("this hub takes API keys only")
        return await self._reviewer.review(token)

    async def _by_key(self, key: str) -> Caller:
        known, now = self._known.get(key), self._clock()
        if known is not None and now < known.until:
            return known.caller
        name = await self._database.read(lambda connection: keys.holder(connection, key))
        if name is None:
            raise Unauthorized("this API key is not known here")
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[key] = _Known(Caller(name=f"key:{name}"), now + KEY_SECONDS)
        return self._known[key].caller


def _with_headers(caller: Caller, headers: Headers) -> Caller:
    """Add what the headers say of the session; a pod may only repeat what its token says."""
    session, attempt = headers.get(wire.HEADER_SESSION), headers.get(wire.HEADER_ATTEMPT)
    namespace = headers.get(wire.HEADER_NAMESPACE)
    if session is None and attempt is None and namespace is None:
        return caller
    writer = _writer(session, attempt)
    if caller.pod is not None:
        _check_same(caller, session, attempt, namespace)
        return caller
    return replace(caller, writer=writer, namespace=_name(wire.HEADER_NAMESPACE, namespace or ""))


def _check_same(caller: Caller, session: str | None, attempt: str | None, namespace: str | None) -> None:
    own = caller.writer
    said = (session, attempt, namespace)
    allowed = (own and own.session_uid, own and str(own.attempt), caller.namespace)
    if any(word is not None and word != truth for word, truth in zip(said, allowed, strict=True)):
        raise Forbidden("the headers name another session, attempt or namespace than the token's pod")


def _writer(session: str | None, attempt: str | None) -> Writer | None:
    if session is None:
        return None
    if attempt is not None and not ATTEMPT.fullmatch(attempt):
        raise Invalid(f"{wire.HEADER_ATTEMPT} is {attempt[:20]!a}: a whole number of at most 6 digits is allowed")
    return Writer(_name(wire.HEADER_SESSION, session), int(attempt or 0))


def _name(header: str, value: str) -> str:
    if value and not NAME.fullmatch(value):
        raise Invalid(f"{header} is {value[:60]!a}: letters, digits, dots and dashes are allowed")
    return value
