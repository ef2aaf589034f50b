import asyncio
import ssl
from collections.abc import AsyncIterator
from inspect import isclass

import httpx
import pytest
from builders.recorded_hub import KEY, MODEL_PATH, URL, RecordedHub, ok, page, refused

from hubtraining.hub import connection
from hubtraining.hub.connection import Call, Connection, Exchange, translate
from hubtraining.hub.credentials import Credential, fixed, from_file
from hubtraining.hub.errors import HubError, HubProtocolError, HubRefused, HubUnavailable, HubUntrusted

READ = Call("read", "GET", MODEL_PATH)


def subclasses(kind: type[Exception]) -> list[type[Exception]]:
    return [found for found in vars(httpx).values() if isclass(found) and issubclass(found, kind)]


def connect(hub: RecordedHub, seconds: float = 10.0, url: str = URL) -> Connection:
    return Connection(url, fixed(KEY), httpx.AsyncClient(transport=httpx.MockTransport(hub)), seconds=seconds)


def chained(outer: Exception, cause: BaseException) -> Exception:
    outer.__cause__ = cause
    return outer


# errors


@pytest.mark.parametrize("kind", subclasses(httpx.TransportError))
async def test_every_transport_error_is_ours(kind: type[httpx.TransportError]) -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, kind(f"x-api-key: {KEY}"))

    with pytest.raises(HubError) as caught:
        await connect(hub).send(READ)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind in subclasses(httpx.RequestError) if kind is not httpx.HTTPStatusError])
def test_every_request_error_has_a_meaning(kind: type[httpx.RequestError]) -> None:
    assert isinstance(translate("read", kind("x")), HubError)


@pytest.mark.parametrize(
    "kind", [httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError]
)
def test_a_network_that_fails_may_work_later(kind: type[httpx.TransportError]) -> None:
    assert all(type(translate("read", one("x"))) is HubUnavailable for one in subclasses(kind))


@pytest.mark.parametrize("url", ["ftp://hub.test", "hub.test", "", "http://", "http://hub.test:port"])
async def test_an_address_that_is_none_is_refused_for_good(url: str) -> None:
    http = httpx.AsyncClient(trust_env=False)

    with pytest.raises(HubRefused, match="the hub's address is no http or https URL"):
        await Connection(url, fixed(KEY), http).send(READ)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "no connection to the hub: Connection refused"),
        (OSError("no number"), "no connection to the hub"),
    ],
)
def test_the_systems_own_words_are_told(cause: Exception, words: str) -> None:
    assert str(translate("read", chained(httpx.ConnectError("x"), cause))) == f"read: {words}"


def test_a_certificate_that_is_not_trusted_is_told() -> None:
    cause = ssl.SSLCertVerificationError()
    cause.verify_message = "self-signed certificate"

    told = translate("read", chained(httpx.ConnectError("x"), cause))

    assert isinstance(told, HubUntrusted)
    assert str(told) == "read: no connection to the hub: the certificate is not trusted (self-signed certificate)"


# time


@pytest.mark.looptime
async def test_a_hub_that_never_answers_is_left_after_the_limit() -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1e9)
        raise AssertionError(request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(never))

    with pytest.raises(HubUnavailable, match="no answer from the hub in time"):
        await Connection(URL, fixed(KEY), http, seconds=7.0).send(READ)
    assert asyncio.get_running_loop().time() == 7


@pytest.mark.looptime
async def test_a_hub_that_dribbles_is_left_after_the_limit() -> None:
    async def dribble() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(1)

    hub = RecordedHub().on("GET", MODEL_PATH, lambda _: httpx.Response(200, content=dribble()))

    with pytest.raises(HubUnavailable):
        await connect(hub, seconds=7.0).send(READ)
    assert asyncio.get_running_loop().time() == 7


async def test_each_step_of_an_upload_is_limited_too() -> None:
    limits = connection.UPLOAD_TIMEOUT

    assert None not in (limits.connect, limits.read, limits.write, limits.pool)


# what is sent


async def test_a_call_carries_the_credential_and_asks_for_plain_json() -> None:
    hub = RecordedHub()

    await connect(hub).send(READ)

    assert hub.asked[0].headers["x-api-key"] == KEY
    assert hub.asked[0].headers["accept-encoding"] == "identity"


async def test_a_root_with_a_path_and_a_slash_keeps_its_path() -> None:
    hub = RecordedHub().on("GET", f"/api{MODEL_PATH}", ok())

    assert (await connect(hub, url=f"{URL}/api/").send(READ)).status == 200


async def test_more_headers_are_said_on_the_same_connection() -> None:
    hub = RecordedHub()

    await connect(hub).with_headers({"x-a": "1"}).with_headers({"x-b": "2"}).send(READ)

    assert (hub.asked[0].headers["x-a"], hub.asked[0].headers["x-b"]) == ("1", "2")


# what comes back


async def test_an_answer_without_end_is_refused() -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, httpx.Response(200, content=b"x" * 1001))
    http = httpx.AsyncClient(transport=httpx.MockTransport(hub))

    with pytest.raises(HubProtocolError, match="longer than 1000 bytes"):
        await Connection(URL, fixed(KEY), http, max_answer=1000).with_headers({"x": "y"}).send(READ)


async def test_no_redirect_is_followed() -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, httpx.Response(302, headers={"location": "http://169.254.169.254/"}))

    assert (await connect(hub).send(READ)).status == 302
    assert len(hub.asked) == 1


@pytest.mark.parametrize("reply", [ok(), refused(500), page(), httpx.Response(204)])
async def test_every_answer_is_read_to_its_end(reply: httpx.Response) -> None:
    ended: list[bool] = []

    async def body() -> AsyncIterator[bytes]:
        yield reply.content[:5]
        yield reply.content[5:]
        ended.append(True)

    hub = RecordedHub().on("GET", MODEL_PATH, lambda _: httpx.Response(reply.status_code, content=body()))

    assert (await connect(hub).send(READ)).body == reply.content
    assert ended == [True]


# a key that changes


class Rotating:
    """A provider that gives each key in turn; the last one stays."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)

    async def __call__(self) -> Credential:
        return await fixed(self.keys.pop(0) if len(self.keys) > 1 else self.keys[0])()


async def test_a_refused_key_that_has_changed_meanwhile_is_tried_at_once() -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, refused(401), ok())
    http = httpx.AsyncClient(transport=httpx.MockTransport(hub))

    assert (await Connection(URL, Rotating("old", "new"), http).send(READ)).status == 200
    assert [request.headers["x-api-key"] for request in hub.asked] == ["old", "new"]


async def test_a_refused_key_that_is_still_the_same_is_not_tried_again() -> None:
    hub = RecordedHub().on("GET", MODEL_PATH, refused(401))

    assert (await connect(hub).send(READ)).status == 401
    assert len(hub.asked) == 1


async def test_a_body_is_streamed_anew_with_the_new_key() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"some"
        yield b"thing"

    hub = RecordedHub().on("POST", "/x", refused(401), ok())
    http = httpx.AsyncClient(transport=httpx.MockTransport(hub))

    await Connection(URL, Rotating("old", "new"), http).send(Call("x", "POST", "/x", body=body))

    assert [request.content for request in hub.asked] == [b"something", b"something"]


async def test_without_a_credential_nothing_is_sent() -> None:
    hub = RecordedHub()
    http = httpx.AsyncClient(transport=httpx.MockTransport(hub))

    with pytest.raises(HubError):
        await Connection(URL, from_file("/nonexistent/key"), http).send(READ)
    assert hub.asked == []


# watching


@pytest.mark.parametrize(("reply", "status"), [(ok(), 200), (refused(503), 503), (httpx.ReadError("x"), None)])
async def test_every_call_is_told_to_whoever_counts(reply: httpx.Response | Exception, status: int | None) -> None:
    seen: list[Exchange] = []
    hub = RecordedHub().on("GET", MODEL_PATH, reply)
    http = httpx.AsyncClient(transport=httpx.MockTransport(hub))

    try:
        await Connection(URL, fixed(KEY), http, observe=seen.append).send(READ)
    except HubError:
        assert status is None

    assert [(exchange.op, exchange.status) for exchange in seen] == [("read", status)]
    assert seen[0].seconds >= 0
