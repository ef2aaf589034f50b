"""An API server, a kubelet and a hub of a few lines, in memory and at our command, for one session.

It keeps what the real one promises: versions that conflict, names that are taken, deletions that take time, watches
that tell late. It checks with every creation that no attempt ever meets the pods of another.
"""

import copy
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from builders.pod import NOON, stamp
from builders.session import a_body
from builders.world import MODEL, PLAN

from hubtraining.controller import manifests
from hubtraining.controller.actor import Actor
from hubtraining.controller.cluster import kube
from hubtraining.controller.cluster.cache import PodCache, SessionCache
from hubtraining.controller.cluster.calls import Call
from hubtraining.controller.cluster.errors import (
    AlreadyExists,
    KubeConflict,
    KubeNotFound,
    KubeRefused,
    KubeUnavailable,
)
from hubtraining.controller.gatherer import Gatherer
from hubtraining.controller.reconcile import Reconciler
from hubtraining.controller.reporting.mailbox import Mailbox
from hubtraining.controller.rules.events import Event
from hubtraining.controller.settings import ControllerSettings
from hubtraining.controller.values import pods
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import Asked, Prepared, Problem, Record, World
from hubtraining.domain.layout import HubAccess
from hubtraining.domain.session import Session

Body = dict[str, Any]
Snapshot = tuple[Body | None, dict[str, Body]]
"""A session and the pods, as they were."""

KEY = ("team-a", "signs")
SETTINGS = ControllerSettings(namespace="hubtraining-system", image="registry.example/hubtraining:1")
HUB = HubAccess("http://hub.example", MODEL.id)


class Clock:
    """What time it is."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Api:
    """The API server. ``fault`` is asked before a write is answered: what it returns is raised, the write stands."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._version = 100
        self.session: Body | None = None
        self.pods: dict[str, Body] = {}
        self.shared: dict[str, Body] = {}
        self.told: list[tuple[str, Body]] = []
        """Changes of pods that the watch has not told yet."""
        self.writes = 0
        self.created: list[tuple[int, int, str]] = []
        """Attempt, node index and UID of every pod that there ever was."""
        self.refuses = False
        self.fault: Callable[[], Exception | None] = lambda: None

    def snapshot(self) -> Snapshot:
        """What a list holds now."""
        return copy.deepcopy((self.session, self.pods))

    # as the controller sees it

    async def create_pod(self, manifest: Body) -> Body:
        name = manifest["metadata"]["name"]
        if name in self.pods:
            raise AlreadyExists(f"{name} exists")
        if self.refuses:
            raise KubeRefused("exceeded quota: gpus")
        body = self._new(manifest)
        body["status"] = {"phase": "Pending"}
        self._check_alone(body)
        self.pods[name] = body
        self.created.append((*_fence(body), body["metadata"]["uid"]))
        self._tell("ADDED", body)
        return self._answered(body)

    async def get_pod(self, namespace: str, name: str) -> Body:
        if name not in self.pods:
            raise KubeNotFound(name)
        return copy.deepcopy(self.pods[name])

    async def delete_pod(self, namespace: str, name: str, uid: str, grace_seconds: int | None = None) -> None:
        body = self.pods.get(name)
        if body is None:
            raise KubeNotFound(name)
        if body["metadata"]["uid"] != uid:
            raise KubeConflict("another pod")
        self.ask_to_go(name, grace_seconds)
        self._answered(body)

    async def post(self, call: Call, manifest: Body) -> Body:
        name = f"{call.resource}/{manifest['metadata']['name']}"
        if name in self.shared:
            raise AlreadyExists(name)
        self.shared[name] = self._new(manifest)
        return self._answered(self.shared[name])

    async def read(self, call: Call, namespace: str, name: str) -> Body:
        found = self.session if call is kube.GET_SESSION else self.shared.get(f"{call.resource}/{name}")
        if found is None:
            raise KubeNotFound(name)
        return copy.deepcopy(found)

    async def write_status(self, session: Session, status: Body) -> Body:
        if self.session is None or self.session["metadata"]["uid"] != session.uid:
            raise KubeNotFound(session.name)
        if self.session["metadata"]["resourceVersion"] != session.resource_version:
            raise KubeConflict("the session has changed")
        self.session["status"] = status
        self._touch(self.session)
        return self._answered(self.session)

    async def delete_session(self, session: Session) -> None:
        if self.session is None:
            raise KubeNotFound(session.name)
        if self.session["metadata"]["resourceVersion"] != session.resource_version:
            raise KubeConflict("the session has changed")
        self.collect()

    # as others change it

    def apply(self, spec: Body) -> None:
        """The user's spec, new or changed."""
        if self.session is None:
            self.session = self._new({**a_body("signs"), "spec": spec})
            self.session["metadata"]["namespace"] = KEY[0]
            return
        self.session["spec"] = spec
        self.session["metadata"]["generation"] += 1
        self._touch(self.session)

    def collect(self) -> None:
        """The session is deleted, and the garbage collector takes along what it owns."""
        self.session = None
        for name in list(self.pods):
            self.remove(name)
        self.shared.clear()

    def change(self, name: str, **stanzas: Body) -> None:
        """What a kubelet, a scheduler or somebody else writes into a pod."""
        for stanza, fields in stanzas.items():
            self.pods[name][stanza] = {**self.pods[name].get(stanza, {}), **fields}
        self._touch(self.pods[name])
        self._tell("MODIFIED", self.pods[name])

    def ask_to_go(self, name: str, grace_seconds: int | None) -> None:
        body = self.pods[name]
        left = body["metadata"].get("deletionGracePeriodSeconds")
        if left is not None and (grace_seconds is None or left <= grace_seconds):
            return
        if body["status"]["phase"] in ("Succeeded", "Failed") or not body["spec"].get("nodeName"):
            self.remove(name)
            return
        grace = body["spec"]["terminationGracePeriodSeconds"] if grace_seconds is None else grace_seconds
        end = stamp(self._clock().replace(microsecond=0) + timedelta(seconds=grace))
        self.change(name, metadata={"deletionTimestamp": end, "deletionGracePeriodSeconds": grace})

    def remove(self, name: str) -> None:
        self._tell("DELETED", self.pods.pop(name))

    def _check_alone(self, body: Body) -> None:
        attempt, index = _fence(body)
        others = [other for other in self.pods.values() if _fence(other)[0] != attempt]
        assert not others, f"attempt {attempt} would begin beside {[other['metadata']['name'] for other in others]}"
        known = self.session["status"] if self.session else {}
        assert known.get("attempt") == attempt, "the attempt's number must stand in the status before its pods"
        recorded = known["attempts"][-1].get("podUIDs", ())
        assert not recorded, f"pod {index} of attempt {attempt} had been recorded and is made again"

    def _new(self, body: Body) -> Body:
        made = copy.deepcopy(body)
        made["metadata"] |= {
            "uid": f"uid-{self._version}",
            "generation": 1,
            "creationTimestamp": stamp(self._clock().replace(microsecond=0)),
        }
        self._touch(made)
        return made

    def _touch(self, body: Body) -> None:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)

    def _tell(self, kind: str, body: Body) -> None:
        if kind == "DELETED":
            self._touch(body)
        self.told.append((kind, copy.deepcopy(body)))

    def _answered(self, body: Body) -> Body:
        self.writes += 1
        fault = self.fault()
        if fault is not None:
            raise fault
        return copy.deepcopy(body)


class LittleHub:
    """Questions to a hub, answered when the test says so."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.trained = False
        self.works = True
        self._asked: dict[tuple[str, int, int], Asked] = {}

    def prepared(self, session: Session, attempt: int) -> Asked | None:
        return self._asked.get(("prepare", session.generation, attempt))

    def record(self, session: Session, attempt: int) -> Asked | None:
        return self._asked.get(("record", 0, attempt))

    def prepare(self, session: Session, spec: object, attempt: int) -> None:
        self._asked["prepare", session.generation, attempt] = Asked(self._clock())

    def look_up(self, session: Session, spec: object, attempt: int) -> None:
        self._asked["record", 0, attempt] = Asked(self._clock())

    def answer(self) -> None:
        """Everything that was asked."""
        for question, asked in self._asked.items():
            if asked.answer is None:
                due = None if self.works else self._clock() + timedelta(seconds=5)
                self._asked[question] = Asked(asked.since, self._answer(question[0]), due)

    def forget(self) -> None:
        self._asked.clear()

    def _answer(self, kind: str) -> Prepared | Record | Problem:
        if not self.works:
            return Problem(Reason.HUB_UNAVAILABLE, "The hub does not answer.", 5.0)
        return Prepared(MODEL, PLAN, created=True) if kind == "prepare" else Record(trained=self.trained)


class Announced:
    """Events, as they would be posted."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def announce(self, session: Session, told: tuple[Event, ...]) -> None:
        self.events.extend(told)


class Controller:
    """The real reconciler over the little cluster. A new one is what a restart leaves: nothing but the API server.

    ``old``: its first list is an old one, as from a cache behind a proxy.
    """

    def __init__(self, api: Api, hub: LittleHub, clock: Clock, old: Snapshot | None = None) -> None:
        self._api = api
        self._hub = hub
        self.sessions, self.pods, self.mailbox = SessionCache(), PodCache(), Mailbox()
        self.announced = Announced()
        hubs: Any = hub
        writer: Any = api
        announcer: Any = self.announced
        self.gatherer = Gatherer(self.sessions, self.pods, self.mailbox, hubs, writer, clock)
        self.actor = Actor(writer, hubs, self.sessions, self.pods, attempt)
        self.reconcile = Reconciler(self.gatherer, self.actor, writer, self.sessions, self.pods, announcer, self._drop)
        if old is None:
            self.relist()
        else:
            self._take(*old)

    def relist(self) -> None:
        """What a list of the API server holds, all of it; what it does not hold is gone."""
        self._api.told.clear()
        self.hear_of_session()
        self._take(None, self._api.pods)
        present = {body["metadata"]["uid"] for body in self._api.pods.values()}
        for pod in self.pods:
            if pod.uid not in present:
                self.pods.remove(pod.uid)

    def _take(self, session: Body | None, listed: dict[str, Body]) -> None:
        if session is not None:
            self.sessions.put(Session.from_body(copy.deepcopy(session)))
        for body in listed.values():
            self.pods.put(pods.view(copy.deepcopy(body)))

    def hear_of_session(self) -> None:
        known = self.sessions.get(KEY)
        if self._api.session is not None:
            self.sessions.put(Session.from_body(copy.deepcopy(self._api.session)))
        elif known is not None:
            self.sessions.remove(KEY, known.uid)
            self._drop(known)

    def hear_of_pods(self, most: int = 10_000) -> None:
        """The next changes that the watch has to tell."""
        for _ in range(min(most, len(self._api.told))):
            kind, body = self._api.told.pop(0)
            self.pods.put(pods.view(body))
            if kind == "DELETED":
                self.pods.remove(body["metadata"]["uid"])

    def _drop(self, session: Session) -> None:
        self.mailbox.forget(session.uid)
        self.pods.forget(session.key)


def attempt(world: World, prepared: Prepared) -> manifests.Attempt:
    """What the runtime would build from."""
    assert world.spec is not None
    avoid = world.status.avoided_nodes
    return manifests.Attempt(world.session, world.spec, world.number, prepared.plan, HUB, SETTINGS, avoid)


def unanswered() -> Exception:
    """The write was heard, and its answer was lost."""
    return KubeUnavailable("the API server does not answer")


def _fence(body: Body) -> tuple[int, int]:
    labels = body["metadata"]["labels"]
    return int(labels["hubtraining.dev/attempt"]), int(labels["hubtraining.dev/node-index"])
