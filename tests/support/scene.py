"""Sessions and their pods on a real API server, with the kubelet's part played by hand, step by step."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from builders.pod import PodBuilder
from builders.session import a_body
from support.api_server import Body, Namespace, until

from hubtraining.domain.names import API_VERSION, AUDIENCE_CONTROLLER, PLURAL, pod_name

MERGE = {"Content-Type": "application/merge-patch+json"}


@dataclass
class Scene:
    """One namespace and what a person, a scheduler and a kubelet do there."""

    namespace: Namespace
    _seen: dict[str, Body] = field(default_factory=dict)

    @property
    def node(self) -> str:
        return f"node-{self.namespace.name}"

    # a person

    def post(self, name: str, **stanzas: Any) -> None:
        answer = self.namespace.post(PLURAL, a_body(name, **stanzas), group=API_VERSION)
        assert answer.status_code == 201, answer.text

    def session(self, name: str) -> Body:
        return self._read(self._session_path(name))

    def status(self, name: str) -> Body:
        return dict(self.session(name).get("status") or {})

    def condition(self, name: str, kind: str) -> Body:
        return next((each for each in self.status(name).get("conditions", ()) if each["type"] == kind), {})

    def delete(self, name: str) -> None:
        self.namespace.api.http.delete(self._session_path(name)).raise_for_status()

    def describe(self, name: str) -> str:
        """What kubectl shows, in one line."""
        return " ".join(self.namespace.kubectl("describe", "hts", name).split())

    def events(self, name: str) -> list[str]:
        """Reasons of the session's events."""
        items = self._read(self.namespace.path("events"))["items"]
        return sorted(item["reason"] for item in items if item["involvedObject"]["name"] == name)

    def messages(self, name: str) -> list[str]:
        """Sentences of the session's events."""
        items = self._read(self.namespace.path("events"))["items"]
        return [item["message"] for item in items if item["involvedObject"]["name"] == name]

    def sessions(self) -> list[str]:
        return [item["metadata"]["name"] for item in self._read(self.namespace.path(PLURAL, API_VERSION))["items"]]

    def described(self, name: str, condition: str, reason: str, event: str, status: str = "False") -> str:
        """The condition's sentence, which `kubectl describe` shows, as it shows the warning."""
        told = self.until_condition(name, condition, reason)
        assert told["status"] == status
        until(f"the event {event}", lambda: event in self.events(name))
        shown = self.describe(name)
        assert " ".join(told["message"].split()) in shown
        assert f"Warning {event}" in shown
        return str(told["message"])

    # the kubelet

    def pod(self, session: str) -> Body:
        return self._read(self._pod_path(session))

    def pods(self) -> list[str]:
        return [item["metadata"]["name"] for item in self._read(self.namespace.path("pods"))["items"]]

    def become(self, session: str, change: Callable[[PodBuilder], PodBuilder]) -> None:
        """The session's pod is on the node, and the kubelet tells this of it."""
        pod = self.pod(session)
        if not pod["spec"].get("nodeName"):
            target = {"apiVersion": "v1", "kind": "Node", "name": self.node}
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod["metadata"]["name"]}}
            self.namespace.api.http.post(
                f"{self._pod_path(session)}/binding", json={**binding, "target": target}
            ).raise_for_status()
        status = change(PodBuilder(pod)).body()["status"]
        self.namespace.api.http.patch(
            f"{self._pod_path(session)}/status", json={"status": status}, headers=MERGE
        ).raise_for_status()

    def end(self, session: str) -> None:
        """The pod was asked to go, and goes."""
        answer = self.namespace.api.http.request("DELETE", self._pod_path(session), json={"gracePeriodSeconds": 0})
        assert answer.is_success or answer.status_code == 404, answer.text

    def token(self, session: str) -> str:
        """What the kubelet would mount for the agent: bound to the pod, for the controller."""
        pod = self.pod(session)
        bound = {"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
        spec = {"audiences": [AUDIENCE_CONTROLLER], "expirationSeconds": 3600, "boundObjectRef": bound}
        path = f"{self.namespace.path('serviceaccounts')}/{pod['spec'].get('serviceAccountName', 'default')}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = self.namespace.api.http.post(path, json=body).raise_for_status()
        return str(answer.json()["status"]["token"])

    # waiting

    def until_phase(self, name: str, phase: str) -> Body:
        return self.until(f"{name} is {phase}", lambda: self.status(name).get("phase") == phase, name)

    def until_condition(self, name: str, kind: str, reason: str) -> Body:
        what = f"{name}: {kind} says {reason}"
        self.until(what, lambda: self.condition(name, kind).get("reason") == reason, name)
        return self.condition(name, kind)

    def until_pod(self, name: str) -> None:
        """The session's pod is there, and its status says so."""
        self.until(f"the pod of {name}", lambda: self.status(name).get("attempts", [{}])[-1].get("podUIDs"), name)

    def until(self, what: str, look: Callable[[], Any], name: str) -> Body:
        try:
            until(what, look)
        except AssertionError as error:
            raise AssertionError(f"{error}; status: {self.status(name)}") from None
        return self.status(name)

    def _read(self, path: str) -> Body:
        answer = self.namespace.api.http.get(path)
        return dict(answer.raise_for_status().json())

    def _session_path(self, name: str) -> str:
        return f"{self.namespace.path(PLURAL, API_VERSION)}/{name}"

    def _pod_path(self, session: str) -> str:
        return f"{self.namespace.path('pods')}/{pod_name(session, 1)}"


@contextmanager
def a_scene(namespace: Namespace, **capacity: str) -> Iterator[Scene]:
    """A node that nothing of others is scheduled to, while the context lasts."""
    scene = Scene(namespace)
    http: httpx.Client = namespace.api.http
    taint = {"key": "hubtraining.dev/test", "value": scene.node, "effect": "NoSchedule"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": scene.node}, "spec": {"taints": [taint]}}
    http.post("/api/v1/nodes", json=node).raise_for_status()
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    status = {"capacity": capacity, "allocatable": capacity, "conditions": [ready]}
    http.patch(f"/api/v1/nodes/{scene.node}/status", json={"status": status}, headers=MERGE).raise_for_status()
    try:
        yield scene
    finally:
        http.delete(f"/api/v1/nodes/{scene.node}")
