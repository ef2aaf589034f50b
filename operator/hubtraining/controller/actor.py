"""The only one who acts: carries out what was decided, and tells what came of it as a new world."""

import logging
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from hubtraining.controller import manifests
from hubtraining.controller.cluster import kube
from hubtraining.controller.cluster.cache import PodCache, SessionCache
from hubtraining.controller.cluster.calls import Call
from hubtraining.controller.cluster.errors import AlreadyExists, KubeConflict, KubeNotFound, KubeRefused
from hubtraining.controller.hubs.questions import Hubs
from hubtraining.controller.values import pods
from hubtraining.controller.values.decisions import (
    Action,
    AskHub,
    AskRecord,
    Confirm,
    CreateClaim,
    CreatePod,
    CreateService,
    DeletePod,
    DeleteSession,
)
from hubtraining.controller.values.messages import foreign, short
from hubtraining.controller.values.world import Prepared, World
from hubtraining.domain.names import ANNOTATION_MANIFEST
from hubtraining.domain.session import Session

Body = dict[str, Any]
Build = Callable[[World, Prepared], manifests.Attempt]
"""Puts together what the manifests of the world's attempt are made from."""

logger = logging.getLogger("hubtraining.controller.actor")


class Writer(Protocol):
    """What acting needs of the API server."""

    async def create_pod(self, manifest: Body) -> Body:
        """Raises AlreadyExists, KubeRefused."""

    async def get_pod(self, namespace: str, name: str) -> Body:
        """Raises KubeNotFound."""

    async def delete_pod(self, namespace: str, name: str, uid: str, grace_seconds: int | None = None) -> None:
        """Raises KubeNotFound; KubeConflict when it is another pod."""

    async def post(self, call: Call, manifest: Body) -> Body:
        """Raises AlreadyExists, KubeRefused."""

    async def read(self, call: Call, namespace: str, name: str) -> Body:
        """Raises KubeNotFound."""

    async def delete_session(self, session: Session) -> None:
        """Raises KubeNotFound; KubeConflict when it has changed."""


class Actor:
    """Every action may be repeated without harm."""

    def __init__(self, writer: Writer, hubs: Hubs, sessions: SessionCache, cache: PodCache, build: Build) -> None:
        self._writer = writer
        self._hubs = hubs
        self._sessions = sessions
        self._cache = cache
        self._build = build

    async def act(self, actions: tuple[Action, ...], world: World) -> World:
        """Do these in order, up to the first that is refused; returns the world as it is then. Raises KubeError."""
        for action in actions:
            if world.refusal:
                break
            world = await self._do(action, world)
        return world

    async def _do(self, action: Action, world: World) -> World:
        match action:
            case AskHub() | AskRecord():
                return self._ask(action, world)
            case Confirm():
                return await self._confirm(world)
            case CreateClaim() | CreateService() | CreatePod():
                return await self._create(action, world)
            case DeletePod():
                await self._delete(action)
            case DeleteSession():
                await self._delete_session(world.session)
        return world

    def _ask(self, action: AskHub | AskRecord, world: World) -> World:
        session, spec = world.session, world.spec
        if spec is None:
            return world
        if isinstance(action, AskRecord):
            self._hubs.look_up(session, spec, world.status.attempt)
            return msgspec.structs.replace(world, record=self._hubs.record(session, world.status.attempt))
        self._hubs.prepare(session, spec, world.number)
        return msgspec.structs.replace(world, prepared=self._hubs.prepared(session, world.number))

    async def _confirm(self, world: World) -> World:
        """Raises KubeConflict when the session is not as we know it: the pass begins anew."""
        session = Session.from_body(await self._writer.read(kube.GET_SESSION, *world.session.key))
        self._sessions.put(session, sure=True)
        if session.resource_version != world.session.resource_version:
            raise KubeConflict("the session is not as the watch told")
        return msgspec.structs.replace(world, sure=True)

    async def _create(self, action: CreateClaim | CreateService | CreatePod, world: World) -> World:
        answer = world.prepared.answer if world.prepared else None
        if world.spec is None or not isinstance(answer, Prepared):
            return world
        attempt = self._build(world, answer)
        try:
            if isinstance(action, CreatePod):
                return await self._create_pod(manifests.pod(attempt, action.node_index), world)
            if isinstance(action, CreateClaim):
                return await self._create_shared(kube.CREATE_CLAIM, kube.GET_CLAIM, manifests.claim(attempt), world)
            return await self._create_shared(kube.CREATE_SERVICE, kube.GET_SERVICE, manifests.service(attempt), world)
        except KubeRefused as error:
            return _refused(world, f"The API server refuses {_what(action)}: {error}")

    async def _create_pod(self, manifest: Body, world: World) -> World:
        try:
            pod = pods.view(await self._writer.create_pod(manifest))
        except AlreadyExists:
            return await self._recognise(manifest, world)
        self._cache.put(pod)
        return _with(world, pod)

    async def _recognise(self, manifest: Body, world: World) -> World:
        """Something of the pod's name is there: take it if we made it, else say so."""
        metadata = manifest["metadata"]
        try:
            pod = pods.view(await self._writer.get_pod(metadata["namespace"], metadata["name"]))
        except KubeNotFound:
            return world
        if pod.session_uid != world.session.uid:
            return _refused(world, foreign("pod", pod.name))
        if pod.manifest_hash != metadata["annotations"][ANNOTATION_MANIFEST]:
            # Made by us from a spec that has changed since; nobody has counted on it yet.
            await self._delete(DeletePod(pod))
            return world
        self._cache.put(pod)
        return _with(world, pod)

    async def _create_shared(self, create: Call, get: Call, manifest: Body, world: World) -> World:
        """What outlives an attempt: it may be there already, but only if it is the session's."""
        metadata = manifest["metadata"]
        try:
            await self._writer.post(create, manifest)
        except AlreadyExists:
            there = await self._writer.read(get, metadata["namespace"], metadata["name"])
            if pods.controller_uid(there["metadata"]) != world.session.uid:
                return _refused(world, foreign(manifest["kind"], metadata["name"]))
        return world

    async def _delete(self, action: DeletePod) -> None:
        pod = action.pod
        try:
            await self._writer.delete_pod(pod.namespace, pod.name, pod.uid, action.grace_seconds)
        except (KubeNotFound, KubeConflict):
            logger.debug("the pod %s/%s is gone already", pod.namespace, pod.name)

    async def _delete_session(self, session: Session) -> None:
        try:
            await self._writer.delete_session(session)
        except KubeNotFound:
            logger.debug("the session %s/%s is gone already", session.namespace, session.name)


def _with(world: World, pod: pods.PodView) -> World:
    there = (*(each for each in world.pods if each.uid != pod.uid), pod)
    return msgspec.structs.replace(world, pods=tuple(sorted(there, key=lambda each: each.node_index)))


def _refused(world: World, message: str) -> World:
    return msgspec.structs.replace(world, refusal=short(message))


def _what(action: CreateClaim | CreateService | CreatePod) -> str:
    names = {CreateClaim: "the claim of the workspace", CreateService: "the Service of the nodes"}
    return names.get(type(action), "the pod")
