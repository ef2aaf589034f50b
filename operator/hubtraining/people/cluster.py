"""The cluster as people's commands need it, with the rights of whoever types them."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from hubtraining.controller.cluster import connection
from hubtraining.controller.cluster.calls import Body, Call, Requests, unreachable
from hubtraining.controller.cluster.errors import KubeError
from hubtraining.controller.cluster.lists import Page, endless, page, watch
from hubtraining.domain.names import API_VERSION, GROUP, KIND, LABEL_SESSION, PLURAL, VERSION
from hubtraining.people.errors import PeopleError, explained
from hubtraining.people.place import Where
from hubtraining.people.story import EVENT, POD, SESSION

CONNECTIONS = 100
"""At the same time: each container whose log is followed takes one."""
SILENCE_SECONDS = 90.0
"""Bookmarks come about once a minute: a watch that is silent for longer is dead."""
OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

_CORE = "/api/v1/namespaces/{namespace}"
_SESSIONS = f"/apis/{GROUP}/{VERSION}/namespaces/{{namespace}}/{PLURAL}"
LIST_SESSIONS = Call("list", GROUP, PLURAL, "GET", _SESSIONS)
CREATE_SESSION = Call("create", GROUP, PLURAL, "POST", _SESSIONS)
LIST_EVENTS = Call("list", "", "events", "GET", f"{_CORE}/events")
LIST_PODS = Call("list", "", "pods", "GET", f"{_CORE}/pods")
GET_POD = Call("get", "", "pods", "GET", f"{_CORE}/pods/{{name}}")
GET_LOG = Call("get", "", "pods/log", "GET", f"{_CORE}/pods/{{name}}/log")
CREATE_SECRET = Call("create", "", "secrets", "POST", f"{_CORE}/secrets")
GET_SECRET = Call("get", "", "secrets", "GET", f"{_CORE}/secrets/{{name}}")
PATCH_SECRET = Call("patch", "", "secrets", "PATCH", f"{_CORE}/secrets/{{name}}")
DELETE_SECRET = Call("delete", "", "secrets", "DELETE", f"{_CORE}/secrets/{{name}}")


class Objects(msgspec.Struct, frozen=True):
    """Objects of one kind that a selector finds, to be followed."""

    what: str
    call: Call
    requests: Requests
    namespace: str
    selector: Mapping[str, str]

    async def page(self, more: str = "") -> Page:
        """One page of the list."""
        return await page(self.requests, self.call, self.namespace, more, self.selector)

    def watch(self, version: str) -> AsyncIterator[Body]:
        """Events since that version."""
        call = self.call._replace(verb="watch")
        return watch(self.requests, call, version, SILENCE_SECONDS, self.selector, self.namespace)


class Cluster:
    """One namespace of a cluster. Every method raises KubeError and nothing else."""

    def __init__(self, requests: Requests, namespace: str) -> None:
        self._requests = requests
        self.namespace = namespace

    def session(self, name: str) -> Objects:
        """The session of that name."""
        return self._objects(SESSION, LIST_SESSIONS, {"fieldSelector": f"metadata.name={name}"})

    def sessions(self) -> Objects:
        """All sessions of the namespace."""
        return self._objects(SESSION, LIST_SESSIONS, {})

    def events(self, name: str) -> Objects:
        """Events about sessions of that name."""
        about = f"involvedObject.kind={KIND},involvedObject.name={name}"
        return self._objects(EVENT, LIST_EVENTS, {"fieldSelector": about})

    def pods(self, session: str) -> Objects:
        """The pods of a session's attempts."""
        return self._objects(POD, LIST_PODS, {"labelSelector": f"{LABEL_SESSION}={session}"})

    async def get_pod(self, name: str) -> Body:
        """The pod as it is now."""
        return await self._requests.send(GET_POD, namespace=self.namespace, name=name)

    async def create_session(self, body: Body, *, dry_run: bool = False) -> Body:
        """POST a session; unknown fields are refused. ``dry_run``: only ask whether it would be taken."""
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        return await self._requests.send(CREATE_SESSION, namespace=self.namespace, query=query, body=body)

    async def create_secret(self, name: str, labels: Mapping[str, str], key: str, value: str) -> Body:
        """POST a Secret with one key."""
        metadata = {"name": name, "labels": dict(labels)}
        data = {key: base64.b64encode(value.encode()).decode()}
        body = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data}
        return await self._requests.send(CREATE_SECRET, namespace=self.namespace, body=body)

    async def get_secret(self, name: str) -> Body:
        """The Secret."""
        return await self._requests.send(GET_SECRET, namespace=self.namespace, name=name)

    async def own_secret(self, secret: Body, owner: Body) -> None:
        """Have this very Secret deleted with its owner."""
        metadata = {"uid": secret["metadata"]["uid"], "ownerReferences": [_reference(owner)]}
        await self._requests.send(
            PATCH_SECRET,
            namespace=self.namespace,
            name=secret["metadata"]["name"],
            body={"metadata": metadata},
            content_type="application/merge-patch+json",
        )

    async def delete_secret(self, secret: Body) -> None:
        """Delete this very Secret."""
        metadata = secret["metadata"]
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": metadata["uid"]}}
        await self._requests.send(DELETE_SECRET, namespace=self.namespace, name=metadata["name"], body=options)

    async def log(self, pod: str, query: Mapping[str, str], silence: float) -> AsyncIterator[bytes]:
        """A container's log, piece by piece. Raises KubeUnavailable where nothing comes for ``silence`` seconds."""
        response = await self._requests.open(
            GET_LOG, namespace=self.namespace, name=pod, query=query, limit=endless(silence)
        )
        try:
            async for piece in response.content.iter_any():
                yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error) from error
        finally:
            response.close()

    def _objects(self, what: str, call: Call, selector: Mapping[str, str]) -> Objects:
        return Objects(what, call, self._requests, self.namespace, selector)


@asynccontextmanager
async def connected(where: Where, environ: Mapping[str, str]) -> AsyncIterator[Cluster]:
    """The cluster that kubectl would speak to. Raises PeopleError, also for what goes wrong while it is used."""
    try:
        configuration, namespace = await _found(where, environ)
        configuration.connection_pool_maxsize = CONNECTIONS
        client = ApiClient(configuration)
    except (connection.NoCluster, OSError) as error:
        raise PeopleError(f"{error}. Name another with --kubeconfig or KUBECONFIG, or a --context of it") from None
    chosen = where.namespace or namespace
    async with client as api:
        try:
            yield Cluster(Requests(api, _Unmetered()), chosen)
        except KubeError as error:
            raise explained(error, configuration.host, chosen) from None


async def _found(where: Where, environ: Mapping[str, str]) -> tuple[Configuration, str]:
    files = where.kubeconfig or environ.get("KUBECONFIG", "")
    if "KUBERNETES_SERVICE_HOST" in environ and not files and not connection.is_there(files):
        return connection.from_service_account(), _own_namespace()
    return await connection.from_kubeconfig(files, where.context)


def _own_namespace() -> str:
    return OWN_NAMESPACE.read_text().strip()


def _reference(owner: Body) -> dict[str, Any]:
    metadata = owner["metadata"]
    return {"apiVersion": API_VERSION, "kind": KIND, "name": metadata["name"], "uid": metadata["uid"]}


class _Unmetered:
    """Nobody scrapes a command."""

    def requested(self, verb: str, resource: str, code: str, seconds: float) -> None:
        """Not counted."""
