"""One request to the API server: sent, counted, and every failure as a KubeError.

Requests go through the generic half of the official client, with plain dictionaries: its typed half would drop a field
that it does not know before the API server could refuse it, and costs 28 MB of models.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import aiohttp
import msgspec
from kubernetes.aio.client.api_client import ApiClient

from hubtraining.controller.cluster.errors import KubeError, KubeUnavailable, NotLeading, error_of

Body = dict[str, Any]
REQUEST_SECONDS = 15.0
APPLY = "application/apply-patch+yaml; charset=utf-8"
"""With its charset: for the bare name the client would write JSON of its own; see :func:`applied`."""
NOT_IN_YAML = re.compile("[^\\x20-\\x7e\\u00a0-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff]")


class Call(NamedTuple):
    """One kind of request: what RBAC must grant, and where it goes."""

    verb: str
    group: str
    resource: str
    method: str
    path: str

    @property
    def writes(self) -> bool:
        """Whether it changes what the API server keeps; a review is created and not kept."""
        return self.method != "GET" and not self.resource.endswith("reviews")


class KubeMeter(Protocol):
    """Where requests are counted."""

    def requested(self, verb: str, resource: str, code: str, seconds: float) -> None:
        """A request was answered with this code; ``error`` when it was not answered."""


class Requests:
    """Sends calls. Every method raises KubeError and nothing else.

    ``may_write`` is asked right before each write, so that a controller that slept through the end of its lease
    changes nothing when it wakes.
    """

    def __init__(
        self,
        client: ApiClient,
        meter: KubeMeter,
        may_write: Callable[[], bool] = lambda: True,
        seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._client = client
        self._meter = meter
        self._may_write = may_write
        self._limit = aiohttp.ClientTimeout(total=seconds)

    async def send(self, call: Call, **request: Any) -> Body:
        """The answer's body; takes what :meth:`open` takes."""
        response = await self.open(call, **request)
        return decode(await _read(response))

    async def open(
        self,
        call: Call,
        *,
        namespace: str = "",
        name: str = "",
        query: Mapping[str, str] | None = None,
        body: Body | None = None,
        content_type: str = "application/json",
        limit: aiohttp.ClientTimeout | None = None,
    ) -> aiohttp.ClientResponse:
        """An answer below 400 whose body has not been read yet."""
        began, code = time.monotonic(), "error"
        try:
            prepared = await self._client.param_serialize(
                call.method,
                call.path if namespace else call.path.replace("/namespaces/{namespace}", ""),
                path_params={"namespace": namespace, "name": name},
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": content_type},
                body=applied(body) if body and content_type == APPLY else body,
                auth_settings=["BearerToken"],
            )
            self._guard(call)
            answer = await self._client.call_api(*prepared, _request_timeout=limit or self._limit)
            response: aiohttp.ClientResponse = answer.response
            code = str(answer.status)
            if answer.status >= 400:
                raise await _refusal(response)
            return response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error) from error
        finally:
            self._meter.requested(call.verb, call.resource, code, time.monotonic() - began)

    def _guard(self, call: Call) -> None:
        if call.writes and not self._may_write():
            raise NotLeading(f"{call.verb} {call.resource}: not done, because this controller does not lead")


def applied(body: Body) -> str:
    """An object as YAML: JSON, but for a rocket, which JSON in ASCII writes as two halves that YAML does not know."""
    return NOT_IN_YAML.sub(_escaped, json.dumps(body, ensure_ascii=False))


def _escaped(found: "re.Match[str]") -> str:
    half = "\ud800" <= found[0] <= "\udfff"
    return "\\ufffd" if half else f"\\u{ord(found[0]):04x}"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise unreachable(error) from error


async def _refusal(response: aiohttp.ClientResponse) -> KubeError:
    text = await _read(response)
    try:
        body = decode(text)
    except KubeUnavailable:
        body = {}
    wait = response.headers.get("Retry-After", "")
    return error_of(response.status, body, float(wait) if wait.isdecimal() else None)


def decode(text: bytes) -> Body:
    """An object in JSON. Raises KubeUnavailable: something stands between us and the API server."""
    try:
        body = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise KubeUnavailable("the API server's answer is not JSON") from error
    if not isinstance(body, dict):
        raise KubeUnavailable("the API server's answer is not an object")
    return body


def unreachable(error: BaseException) -> KubeUnavailable:
    """What a broken connection means."""
    return KubeUnavailable(f"the API server does not answer: {type(error).__name__}: {error}".rstrip(": "))
