"""Leads reports to the leader: the reports' Service selects no pods, and the leader writes where it goes."""

import asyncio
import logging
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, NamedTuple, Protocol

from hubtraining.controller.cluster.errors import KubeError
from hubtraining.domain.names import GROUP

LOOK_SECONDS = 30.0
"""Between two looks at whether it is still so."""

Body = dict[str, Any]

logger = logging.getLogger("hubtraining.controller.endpoints")


class Place(NamedTuple):
    """Where this controller takes reports, and the Service that should lead there."""

    namespace: str
    service: str
    pod: str
    address: str
    port: int


class Slices(Protocol):
    """Where EndpointSlices are kept."""

    async def service(self, name: str) -> Body:
        """The Service of this name. Raises KubeError."""

    async def get(self, name: str) -> Body | None:
        """None when there is none. Raises KubeError."""

    async def apply(self, body: Body) -> Body:
        """Raises KubeError."""


class ReportsEndpoint:
    """Keeps the EndpointSlice as it should be while this controller leads. Writes only what differs."""

    def __init__(self, slices: Slices, place: Place, backoff: Callable[[int], float]) -> None:
        self._slices = slices
        self._place = place
        self._backoff = backoff

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            try:
                await self._ensure()
                failures = 0
            except KubeError as error:
                failures += 1
                logger.warning("reports cannot be led here: %s", error)
            await asyncio.sleep(self._backoff(failures - 1) if failures else LOOK_SECONDS)

    async def _ensure(self) -> None:
        service = await self._slices.service(self._place.service)
        wanted = endpoint_slice(self._place, service["metadata"]["uid"])
        if not within(wanted, await self._slices.get(self._place.service)):
            await self._slices.apply(wanted)
            logger.info("reports go to %s", self._place.pod)


def endpoint_slice(place: Place, service_uid: str) -> Body:
    """The one slice of the Service; it goes with the Service."""
    owner = {"apiVersion": "v1", "kind": "Service", "name": place.service, "uid": service_uid}
    pod = {"kind": "Pod", "namespace": place.namespace, "name": place.pod}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": place.namespace,
            "name": place.service,
            "labels": {
                "kubernetes.io/service-name": place.service,
                "endpointslice.kubernetes.io/managed-by": f"controller.{GROUP}",
            },
            "ownerReferences": [owner],
        },
        "addressType": f"IPv{ip_address(place.address).version}",
        "endpoints": [{"addresses": [place.address], "conditions": {"ready": True}, "targetRef": pod}],
        "ports": [{"name": "reports", "port": place.port, "protocol": "TCP", "appProtocol": "http"}],
    }


def within(wanted: Any, found: Any) -> bool:
    """Whether everything that is wanted is there; the API server may have added defaults."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(within(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(within, wanted, found))
    return bool(wanted == found)
