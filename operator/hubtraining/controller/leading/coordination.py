"""The few calls to the API server about the controllers themselves: who leads, and where reports go."""

from typing import Any

from hubtraining.controller.cluster.calls import APPLY, Body, Call, Requests
from hubtraining.controller.cluster.errors import KubeNotFound
from hubtraining.controller.leading.lease import Lease, read
from hubtraining.domain.names import FIELD_MANAGER

COORDINATION = "coordination.k8s.io"
LEASES = f"/apis/{COORDINATION}/v1/namespaces/{{namespace}}/leases"
DISCOVERY = "discovery.k8s.io"
SLICES = f"/apis/{DISCOVERY}/v1/namespaces/{{namespace}}/endpointslices"

GET_LEASE = Call("get", COORDINATION, "leases", "GET", f"{LEASES}/{{name}}")
CREATE_LEASE = Call("create", COORDINATION, "leases", "POST", LEASES)
UPDATE_LEASE = Call("update", COORDINATION, "leases", "PUT", f"{LEASES}/{{name}}")
GET_SERVICE = Call("get", "", "services", "GET", "/api/v1/namespaces/{namespace}/services/{name}")
GET_SLICE = Call("get", DISCOVERY, "endpointslices", "GET", f"{SLICES}/{{name}}")
APPLY_SLICE = Call("patch", DISCOVERY, "endpointslices", "PATCH", f"{SLICES}/{{name}}")
CALLS = (GET_LEASE, CREATE_LEASE, UPDATE_LEASE, GET_SERVICE, GET_SLICE, APPLY_SLICE)
"""Everything that this module does. Applying what is not there yet needs the verb ``create``, too."""


class LeaseApi:
    """One lease. Every method raises KubeError and nothing else."""

    def __init__(self, requests: Requests, namespace: str, name: str) -> None:
        self._requests = requests
        self._namespace = namespace
        self._name = name

    async def get(self) -> Lease | None:
        """The lease as it is now; None when there is none."""
        try:
            return read(await self._requests.send(GET_LEASE, namespace=self._namespace, name=self._name))
        except KubeNotFound:
            return None

    async def put(self, lease: Lease) -> Lease:
        """Create it, or replace the version that it names. Raises KubeConflict when that is not the newest."""
        call, name = (UPDATE_LEASE, self._name) if lease.version else (CREATE_LEASE, "")
        body = lease.body(self._namespace, self._name)
        return read(await self._requests.send(call, namespace=self._namespace, name=name, body=body))


class SliceApi:
    """EndpointSlices of one namespace. Every method raises KubeError and nothing else."""

    def __init__(self, requests: Requests, namespace: str) -> None:
        self._requests = requests
        self._namespace = namespace

    async def service(self, name: str) -> Body:
        """The Service of this name. Raises KubeNotFound."""
        return await self._send(GET_SERVICE, name)

    async def get(self, name: str) -> Body | None:
        """The slice as it is now; None when there is none."""
        try:
            return await self._send(GET_SLICE, name)
        except KubeNotFound:
            return None

    async def apply(self, body: Body) -> Body:
        """Make it so."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._send(APPLY_SLICE, body["metadata"]["name"], query=query, body=body, content_type=APPLY)

    async def _send(self, call: Call, name: str, **request: Any) -> Body:
        return await self._requests.send(call, namespace=self._namespace, name=name, **request)
