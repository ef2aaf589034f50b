"""The part of an API server that passes use, in memory and in the loop's own time, with faults on demand."""

import asyncio
import base64
import copy
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from builders.pod import PodBuilder

from hubtraining.controller.cluster.calls import Call
from hubtraining.controller.cluster.errors import AlreadyExists, KubeConflict, KubeError, KubeNotFound, KubeUnavailable
from hubtraining.controller.cluster.kube import GET_SESSION
from hubtraining.domain.session import Session

Body = dict[str, Any]
Key = tuple[str, str]
Hear = Callable[[str, str, Body], None]
"""Kind of change, resource and body."""

UNHEARD = KubeUnavailable("the request never arrived")
UNANSWERED = KubeUnavailable("the request was carried out, and the answer lost")


class ClusterApi:
    """Sessions, pods, Secrets and events with versions and UIDs; every request takes a moment.

    ``writes`` holds what was changed, such as ``create pods signs-1-0``.
    """

    def __init__(self) -> None:
        self.sessions: dict[Key, Body] = {}
        self.pods: dict[Key, Body] = {}
        self.secrets: dict[Key, Mapping[str, str]] = {}
        self.events: list[Body] = []
        self.calls: list[str] = []
        self.lag = 0.0
        """How long a watch takes to tell a change."""
        self._version = 100
        self._hearers: list[Hear] = []
        self._faults: dict[str, list[KubeError]] = defaultdict(list)
        self._last: tuple[int, bool] = (0, False)
        self.cut = asyncio.Event()
        """Set when :meth:`cut_off` has happened."""

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("get ")]

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Have every change told; what is given ends that."""
        self._hearers.append(hear)
        return lambda: self._hearers.remove(hear)

    def fail(self, call: str, *errors: KubeError) -> None:
        """Answer the next requests that begin so, such as ``create pods``, with these."""
        self._faults[call] += errors

    def cut_off(self, after: int, *, carried_out: bool) -> None:
        """Never answer request number ``after``, nor any later one of whoever asks now."""
        self._last = after, carried_out
        self.cut.clear()

    # what people, the kubelet and the garbage collector do

    def apply(self, body: Body, namespace: str = "team-a") -> None:
        """Create a session, or change its spec."""
        name = body["metadata"]["name"]
        known = self.sessions.get((namespace, name))
        if known is None:
            metadata = {**body["metadata"], "namespace": namespace, "uid": f"uid-{self._version}", "generation": 1}
            self._keep("ADDED", "sessions", {**body, "metadata": metadata})
        else:
            metadata = {**known["metadata"], "generation": known["metadata"]["generation"] + 1}
            self._keep("MODIFIED", "sessions", {**known, "metadata": metadata, "spec": body["spec"]})

    def delete(self, name: str, namespace: str = "team-a") -> None:
        """Delete a session with its pods."""
        gone = self.sessions.pop((namespace, name))
        self._tell("DELETED", "sessions", gone)
        for key, pod in list(self.pods.items()):
            if pod["metadata"]["ownerReferences"][0]["uid"] == gone["metadata"]["uid"]:
                self.lose(key[1], namespace)

    def kubelet(self, name: str, change: Callable[[PodBuilder], PodBuilder], namespace: str = "team-a") -> None:
        """Let the kubelet, or the scheduler, tell something of a pod."""
        self._keep("MODIFIED", "pods", change(PodBuilder(self.pods[namespace, name])).body())

    def lose(self, name: str, namespace: str = "team-a") -> None:
        """A pod is gone."""
        self._tell("DELETED", "pods", self.pods.pop((namespace, name)))

    def secret(self, name: str, namespace: str = "team-a", **values: str) -> None:
        self.secrets[namespace, name] = {
            key.replace("_", "-"): base64.b64encode(value.encode()).decode() for key, value in values.items()
        }

    def status(self, name: str = "signs", namespace: str = "team-a") -> Body:
        return dict(self.sessions[namespace, name].get("status") or {})

    def condition(self, kind: str, name: str = "signs") -> Body:
        return next((each for each in self.status(name).get("conditions", ()) if each["type"] == kind), {})

    # what the controller does

    async def create_pod(self, manifest: Body) -> Body:
        metadata = manifest["metadata"]
        key = metadata["namespace"], metadata["name"]

        def create() -> Body:
            if key in self.pods:
                raise AlreadyExists(f'pods "{key[1]}" already exists')
            given = {**metadata, "uid": f"uid-{self._version}", "creationTimestamp": "2026-11-23T12:00:00Z"}
            return self._keep("ADDED", "pods", {**manifest, "metadata": given, "status": {"phase": "Pending"}})

        return await self._answer(f"create pods {key[1]}", create)

    async def get_pod(self, namespace: str, name: str) -> Body:
        return await self._answer(f"get pods {name}", lambda: self._found(self.pods, (namespace, name)))

    async def delete_pod(self, namespace: str, name: str, uid: str, grace_seconds: int | None = None) -> None:
        def delete() -> Body:
            pod = self._found(self.pods, (namespace, name))
            if pod["metadata"]["uid"] != uid:
                raise KubeConflict("the UID in the precondition does not match")
            self.lose(name, namespace)
            return pod

        await self._answer(f"delete pods {name}", delete)

    async def write_status(self, session: Session, status: Body) -> Body:
        def write() -> Body:
            known = self._found(self.sessions, session.key)
            if (
                known["metadata"]["uid"] != session.uid
                or known["metadata"]["resourceVersion"] != session.resource_version
            ):
                raise KubeConflict("the object has been modified")
            if known.get("status") == status:
                return known
            return self._keep("MODIFIED", "sessions", {**known, "status": status})

        return await self._answer(f"patch status {session.name}", write)

    async def read(self, call: Call, namespace: str, name: str) -> Body:
        assert call is GET_SESSION, "sessions here have one pod and no claim"
        return await self._answer(f"get sessions {name}", lambda: self._found(self.sessions, (namespace, name)))

    async def post(self, call: Call, manifest: Body) -> Body:
        raise AssertionError("sessions here have one pod and no claim")

    async def delete_session(self, session: Session) -> None:
        await self._answer(f"delete sessions {session.name}", lambda: self.delete(session.name, session.namespace))

    async def get_secret(self, namespace: str, name: str) -> Mapping[str, str]:
        return await self._answer(f"get secrets {name}", lambda: self._found(self.secrets, (namespace, name)))

    async def create_event(self, event: Body) -> None:
        await self._answer(f"create events {event['reason']}", lambda: self.events.append(event))

    async def _answer(self, call: str, act: Callable[[], Any]) -> Any:
        self.calls.append(call)
        number = len(self.calls)
        await asyncio.sleep(0.01)
        last, carried_out = self._last
        if 0 < last <= number:
            if last == number and carried_out:
                act()
            self.cut.set()
            await asyncio.sleep(3600)
        fault = next(
            (faults.pop(0) for start, faults in self._faults.items() if faults and call.startswith(start)), None
        )
        if fault is not None and fault is not UNANSWERED:
            raise fault
        result = copy.deepcopy(act())
        if fault is UNANSWERED:
            raise fault
        return result

    def _found(self, objects: Mapping[Key, Any], key: Key) -> Any:
        if key not in objects:
            raise KubeNotFound(f'"{key[1]}" not found')
        return objects[key]

    def _keep(self, kind: str, resource: str, body: Body) -> Body:
        self._version += 1
        kept = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}}
        objects = self.sessions if resource == "sessions" else self.pods
        objects[kept["metadata"]["namespace"], kept["metadata"]["name"]] = kept
        self._tell(kind, resource, kept)
        return kept

    def _tell(self, kind: str, resource: str, body: Body) -> None:
        if kind == "DELETED":
            self._version += 1
            body = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}}
        for hear in self._hearers:
            asyncio.get_running_loop().call_later(self.lag, hear, kind, resource, copy.deepcopy(body))
