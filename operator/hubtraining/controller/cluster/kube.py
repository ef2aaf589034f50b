"""The few calls to the API server about sessions and their pods."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from kubernetes.aio.client.api_client import ApiClient

from hubtraining.controller.cluster.calls import APPLY, Body, Call, KubeMeter, Requests
from hubtraining.controller.cluster.lists import Page, page, watch
from hubtraining.domain.names import API_VERSION, FIELD_MANAGER, GROUP, KIND, PLURAL, VERSION
from hubtraining.domain.session import Session

CORE = "/api/v1/namespaces/{namespace}"
SESSIONS = f"/apis/{GROUP}/{VERSION}/namespaces/{{namespace}}/{PLURAL}"

CREATE_POD = Call("create", "", "pods", "POST", f"{CORE}/pods")
GET_POD = Call("get", "", "pods", "GET", f"{CORE}/pods/{{name}}")
DELETE_POD = Call("delete", "", "pods", "DELETE", f"{CORE}/pods/{{name}}")
LIST_PODS = Call("list", "", "pods", "GET", f"{CORE}/pods")
WATCH_PODS = Call("watch", "", "pods", "GET", f"{CORE}/pods")
GET_SECRET = Call("get", "", "secrets", "GET", f"{CORE}/secrets/{{name}}")
CREATE_EVENT = Call("create", "", "events", "POST", f"{CORE}/events")
CREATE_CLAIM = Call("create", "", "persistentvolumeclaims", "POST", f"{CORE}/persistentvolumeclaims")
GET_CLAIM = Call("get", "", "persistentvolumeclaims", "GET", f"{CORE}/persistentvolumeclaims/{{name}}")
CREATE_SERVICE = Call("create", "", "services", "POST", f"{CORE}/services")
GET_SERVICE = Call("get", "", "services", "GET", f"{CORE}/services/{{name}}")
GET_SESSION = Call("get", GROUP, PLURAL, "GET", f"{SESSIONS}/{{name}}")
DELETE_SESSION = Call("delete", GROUP, PLURAL, "DELETE", f"{SESSIONS}/{{name}}")
LIST_SESSIONS = Call("list", GROUP, PLURAL, "GET", SESSIONS)
PATCH_STATUS = Call("patch", GROUP, f"{PLURAL}/status", "PATCH", f"{SESSIONS}/{{name}}/status")
REVIEW_TOKEN = Call(
    "create", "authentication.k8s.io", "tokenreviews", "POST", "/apis/authentication.k8s.io/v1/tokenreviews"
)
CALLS = (
    CREATE_POD,
    GET_POD,
    DELETE_POD,
    LIST_PODS,
    WATCH_PODS,
    GET_SECRET,
    CREATE_EVENT,
    CREATE_CLAIM,
    GET_CLAIM,
    CREATE_SERVICE,
    GET_SERVICE,
    GET_SESSION,
    DELETE_SESSION,
    LIST_SESSIONS,
    PATCH_STATUS,
    REVIEW_TOKEN,
)
"""Everything that this module does: the controller's RBAC holds these verbs, and those of kopf's watch."""


class Kube:
    """The API server, as the controller needs it. Every method raises KubeError and nothing else.

    Nothing is written while ``may_write`` says no: then NotLeading is raised.
    """

    def __init__(self, client: ApiClient, meter: KubeMeter, may_write: Callable[[], bool] = lambda: True) -> None:
        self._requests = Requests(client, meter, may_write)

    async def create_pod(self, manifest: Body) -> Body:
        """POST a pod and give it back as the API server stored it."""
        return await self._send(CREATE_POD, namespace=manifest["metadata"]["namespace"], body=manifest)

    async def get_pod(self, namespace: str, name: str) -> Body:
        """The pod as it is now, not as a watch last told."""
        return await self._send(GET_POD, namespace=namespace, name=name)

    async def delete_pod(self, namespace: str, name: str, uid: str, grace_seconds: int | None = None) -> None:
        """Delete this very pod: another of the same name is left alone. None: with its own time to stop."""
        grace = {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}
        await self._send(DELETE_POD, namespace=namespace, name=name, body=_deletion({"uid": uid}, grace))

    async def post(self, call: Call, manifest: Body) -> Body:
        """Create one of the few other kinds."""
        return await self._send(call, namespace=manifest["metadata"]["namespace"], body=manifest)

    async def read(self, call: Call, namespace: str, name: str) -> Body:
        """Any object as it is now, not as a watch last told."""
        return await self._send(call, namespace=namespace, name=name)

    async def delete_session(self, session: Session) -> None:
        """Delete this very session, provided that it is still the one that was read."""
        conditions = {"uid": session.uid, "resourceVersion": session.resource_version}
        body = _deletion(conditions, {"propagationPolicy": "Background"})
        await self._send(DELETE_SESSION, namespace=session.namespace, name=session.name, body=body)

    async def get_secret(self, namespace: str, name: str) -> Mapping[str, str]:
        """The Secret's values, still in base64."""
        secret = await self._send(GET_SECRET, namespace=namespace, name=name)
        return secret.get("data") or {}

    async def create_event(self, event: Body) -> None:
        """POST a core/v1 Event."""
        await self._send(CREATE_EVENT, namespace=event["metadata"]["namespace"], body=event)

    async def write_status(self, session: Session, status: Body) -> Body:
        """Apply the whole status, provided that the session is still the one that was read."""
        identity = {
            "name": session.name,
            "namespace": session.namespace,
            "uid": session.uid,
            "resourceVersion": session.resource_version,
        }
        return await self._send(
            PATCH_STATUS,
            namespace=session.namespace,
            name=session.name,
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            body={"apiVersion": API_VERSION, "kind": KIND, "metadata": identity, "status": status},
            content_type=APPLY,
        )

    async def review_token(self, token: str, audience: str) -> Body:
        """The ``status`` of a TokenReview."""
        spec = {"token": token, "audiences": [audience]}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        review = await self._send(REVIEW_TOKEN, body=body)
        return review.get("status") or {}

    async def sessions(self, namespace: str = "", more: str = "") -> Page:
        """One page of all sessions (of a namespace)."""
        return await page(self._requests, LIST_SESSIONS, namespace, more)

    async def pods(self, selector: str, namespace: str = "", more: str = "") -> Page:
        """One page of the pods that the selector finds."""
        return await page(self._requests, LIST_PODS, namespace, more, {"labelSelector": selector})

    def watch_pods(self, selector: str, version: str, silence: float, namespace: str = "") -> AsyncIterator[Body]:
        """Events about pods since that version; raises KubeUnavailable when nothing comes for ``silence`` seconds.

        It ends by itself when the API server closes the watch.
        """
        return watch(self._requests, WATCH_PODS, version, silence, {"labelSelector": selector}, namespace)

    async def _send(self, call: Call, **request: Any) -> Body:
        return await self._requests.send(call, **request)


def _deletion(preconditions: Body, more: Body) -> Body:
    return {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions, **more}
