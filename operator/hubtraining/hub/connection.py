"""One call to a hub: credentials, time limit, bounded answer, and every failure as a HubError.

Nothing here retries, except once when a 401 finds that the key has changed meanwhile; nothing logs.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec

from hubtraining.hub.answers import Answer
from hubtraining.hub.credentials import Credential, Provider
from hubtraining.hub.errors import HubError, HubProtocolError, HubRefused, HubUnavailable, HubUntrusted

MAX_ANSWER = 32 * 1024 * 1024
"""Bytes of an answer that we are willing to hold."""

CALL_SECONDS = 10.0
"""A small call's time, from connecting to the answer's last byte."""

UPLOAD_TIMEOUT = httpx.Timeout(10.0, read=600.0, write=60.0)
"""An upload has no total limit of its own; each step has. The hub verifies the file before it answers."""


class Exchange(msgspec.Struct, frozen=True):
    """One finished call, for whoever counts. ``status`` is None where no answer came."""

    op: str
    status: int | None
    seconds: float


Observe = Callable[[Exchange], None]


class Call(msgspec.Struct, frozen=True):
    """A request before it has credentials. ``body`` makes the stream anew for each time that it is sent."""

    op: str
    method: str
    path: str
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: Callable[[], AsyncIterator[bytes]] | bytes | None = None
    timeout: httpx.Timeout | None = None
    """None: the connection's own limit for small calls."""


def json_call(op: str, method: str, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Call:
    """A call that sends JSON."""
    typed = {"content-type": "application/json", **(headers or {})}
    return Call(op, method, path, headers=typed, body=msgspec.json.encode(body))


class Connection:
    """How a client reaches one hub."""

    def __init__(
        self,
        url: str,
        credentials: Provider,
        http: httpx.AsyncClient,
        *,
        headers: Mapping[str, str] | None = None,
        seconds: float = CALL_SECONDS,
        observe: Observe | None = None,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        self.url = url.rstrip("/")
        self.http = http
        self._credentials = credentials
        self._headers = dict(headers or {})
        self._seconds = seconds
        self._observe = observe
        self._max_answer = max_answer

    def with_headers(self, headers: Mapping[str, str]) -> "Connection":
        """The same connection, saying more with each call."""
        together = {**self._headers, **headers}
        return Connection(
            self.url,
            self._credentials,
            self.http,
            headers=together,
            seconds=self._seconds,
            observe=self._observe,
            max_answer=self._max_answer,
        )

    async def send(self, call: Call) -> Answer:
        """Send a call, read its answer to the end. Raises HubError only where there is no answer."""
        credential = await self._credentials()
        answer = await self._send(call, credential)
        if answer.status != 401 or (renewed := await self._credentials()) == credential:
            return answer
        return await self._send(call, renewed)

    async def _send(self, call: Call, credential: Credential) -> Answer:
        loop = asyncio.get_running_loop()
        started, status = loop.time(), None
        try:
            answer = await self._exchange(call, credential)
            status = answer.status
        finally:
            if self._observe is not None:
                self._observe(Exchange(call.op, status, loop.time() - started))
        return answer

    async def _exchange(self, call: Call, credential: Credential) -> Answer:
        limit = self._seconds if call.timeout is None else None
        with translated(call.op):
            async with asyncio.timeout(limit):
                request = self._request(call, credential)
                response = await self.http.send(request, stream=True)
                try:
                    body = await _drain(call.op, response, self._max_answer)
                finally:
                    await response.aclose()
        return Answer(call.op, response.status_code, response.headers, body, credential.secret)

    def _request(self, call: Call, credential: Credential) -> httpx.Request:
        return self.http.build_request(
            call.method,
            f"{self.url}{call.path}",
            params=dict(call.params) or None,
            headers={
                "accept": "application/json",
                "accept-encoding": "identity",
                **self._headers,
                **call.headers,
                **credential.headers(),
            },
            content=call.body() if callable(call.body) else call.body,
            timeout=call.timeout or httpx.Timeout(self._seconds),
        )


@contextmanager
def translated(op: str) -> Iterator[None]:
    """Raise a HubError for whatever the library raises. Library texts are not repeated: they may quote headers."""
    try:
        yield
    except TimeoutError:
        raise HubUnavailable(f"{op}: no answer from the hub in time") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise translate(op, error) from None


def translate(op: str, error: Exception) -> HubError:
    """The HubError that says the same as a library's error."""
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        return HubUntrusted(f"{op}: no connection to the hub{_reason(error)}")
    for kinds, ours, text in _MEANINGS:
        if isinstance(error, kinds):
            return ours(f"{op}: {text}{_reason(error)}")
    return HubUnavailable(f"{op}: the connection to the hub failed{_reason(error)}")


_MEANINGS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], type[HubError], str], ...] = (
    ((httpx.InvalidURL, httpx.UnsupportedProtocol), HubRefused, "the hub's address is no http or https URL"),
    (httpx.LocalProtocolError, HubProtocolError, "the request cannot be sent as HTTP"),
    ((httpx.DecodingError, httpx.TooManyRedirects), HubProtocolError, "the answer cannot be read"),
    (httpx.ConnectTimeout, HubUnavailable, "no connection to the hub in time"),
    (httpx.TimeoutException, HubUnavailable, "no answer from the hub in time"),
    (httpx.ConnectError, HubUnavailable, "no connection to the hub"),
    (httpx.RemoteProtocolError, HubUnavailable, "the hub broke off its answer"),
)


def _reason(error: BaseException) -> str:
    """The system's own words at the bottom of the chain, such as "Connection refused"."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f": the certificate is not trusted ({cause.verify_message})"
        if isinstance(cause, OSError) and cause.strerror:
            return f": {cause.strerror}"
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what led to it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


async def _drain(op: str, response: httpx.Response, most: int) -> bytes:
    """The whole body: hubs commit an upload when their answer has been read to its end."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > most:
            raise HubProtocolError(f"{op}: the answer is longer than {most} bytes", status=response.status_code)
    return bytes(body)
