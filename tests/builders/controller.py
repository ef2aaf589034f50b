"""A controller without kopf and sockets: caches, queue, passes and hub questions, on an API server in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from builders.hub import ROOT, Hub, a_hub
from builders.pod import NOON, Body
from builders.world import a_report
from support.cluster_api import ClusterApi

from hubtraining.controller import manifests
from hubtraining.controller.actor import Actor
from hubtraining.controller.announcer import Announcer
from hubtraining.controller.cluster.cache import Key, PodCache, SessionCache
from hubtraining.controller.gatherer import Gatherer
from hubtraining.controller.handlers import Edge
from hubtraining.controller.hubs.access import Access
from hubtraining.controller.hubs.clients import HubClients
from hubtraining.controller.hubs.questions import Hubs
from hubtraining.controller.metrics import Metrics
from hubtraining.controller.queue import Backoff, WorkQueue
from hubtraining.controller.reconcile import Reconciler
from hubtraining.controller.reporting.mailbox import Mailbox
from hubtraining.controller.settings import ControllerSettings
from hubtraining.controller.values import pods
from hubtraining.controller.values.world import Prepared, World
from hubtraining.domain.report import Report
from hubtraining.domain.session import Session


def now() -> datetime:
    """Noon, and what has passed on the loop's clock since."""
    return NOON + timedelta(seconds=asyncio.get_running_loop().time())


@dataclass
class Controller:
    """One life of a controller: what it knows is gone with it."""

    api: ClusterApi
    sessions: SessionCache
    pods: PodCache
    mailbox: Mailbox
    queue: WorkQueue[Key]

    def report(self, report: Report) -> None:
        """What the reports' endpoint does with one that it admits."""
        if self.mailbox.put(report, now()):
            session = next(session for session in self.sessions if session.uid == report.session_uid)
            self.queue.add(session.key)


@asynccontextmanager
async def a_controller(
    api: ClusterApi, hub: httpx.AsyncBaseTransport, settings: ControllerSettings
) -> AsyncIterator[Controller]:
    """A controller that works while the context lasts; then it is dead, whatever it was doing."""
    known, cache, mailbox, metrics = SessionCache(), PodCache(), Mailbox(), Metrics()
    queue: WorkQueue[Key] = WorkQueue(metrics.queue, Backoff(chance=lambda: 0.0))

    def connect(_: Access) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=hub)

    async with (
        HubClients(metrics.service.asked, connect) as clients,
        Hubs(settings, clients, api.get_secret, queue.add, now) as hubs,
    ):

        def drop(session: Session) -> None:
            hubs.forget(session.uid)
            mailbox.forget(session.uid)
            cache.forget(session.key)

        def build(world: World, prepared: Prepared) -> manifests.Attempt:
            assert world.spec is not None
            access = manifests.hub_access(
                world.spec, settings, prepared.model.id, key_in_identifier=prepared.key_in_identifier
            )
            return manifests.Attempt(world.session, world.spec, world.number, prepared.plan, access, settings)

        announcer = Announcer(api.create_event, now, metrics.service.dropped)
        gatherer = Gatherer(known, cache, mailbox, hubs, api, now)
        actor = Actor(api, hubs, known, cache, build)
        reconciler = Reconciler(gatherer, actor, api, known, cache, announcer, drop)
        edge = Edge(known, queue.add, drop)
        stop = api.listen(_hearer(edge, cache, queue))
        _list(api, edge, cache)
        tasks = [asyncio.create_task(queue.serve(reconciler, 4)), asyncio.create_task(announcer.run())]
        try:
            yield Controller(api, known, cache, mailbox, queue)
        finally:
            stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _list(api: ClusterApi, edge: Edge, cache: PodCache) -> None:
    """What informers know before the first pass."""
    for body in api.pods.values():
        cache.put(pods.view(body))
    for body in api.sessions.values():
        edge.hear(None, body)


def _hearer(edge: Edge, cache: PodCache, queue: WorkQueue[Key]):  # noqa: ANN202 - support.cluster_api.Hear
    def hear(kind: str, resource: str, body: Body) -> None:
        if resource == "sessions":
            edge.hear(kind, body)
            return
        pod = pods.view(body)
        cache.put(pod)
        if kind == "DELETED":
            cache.remove(pod.uid)
        queue.add(pod.key)

    return hear


@dataclass
class Site:
    """An API server and a hub, on which controllers come and go."""

    api: ClusterApi
    hub: Hub
    transport: httpx.AsyncBaseTransport
    settings: ControllerSettings

    @asynccontextmanager
    async def controller(self) -> AsyncIterator[Controller]:
        async with a_controller(self.api, self.transport, self.settings) as controller:
            yield controller

    def phase(self) -> str:
        return str(self.api.status().get("phase", ""))

    def uid(self) -> str:
        return str(self.api.sessions["team-a", "signs"]["metadata"]["uid"])

    def told(self) -> list[str]:
        return [event["reason"] for event in self.api.events]

    def report(self, controller: Controller, epoch: int, **more: Any) -> None:
        controller.report(a_report(epoch, session_uid=self.uid(), sequence=epoch, **more))


@asynccontextmanager
async def a_site(folder: Path) -> AsyncIterator[Site]:
    """An empty cluster whose operator has our own hub, for virtual time."""
    async with a_hub(folder / "hub", threaded=False) as hub:
        file = folder / "key"
        file.write_text(hub.key)
        settings = ControllerSettings(
            namespace="system",
            image="example/hubtraining:1",
            hub_url=ROOT,
            hub_web_url=ROOT,
            hub_auth="key",
            hub_credential_file=str(file),
            reports_url="http://controller:8081/v1/reports",
        )
        yield Site(ClusterApi(), hub, httpx.ASGITransport(hub.app), settings)


async def settle(seconds: float = 10.0) -> None:
    """Let everybody do what they want to do."""
    await asyncio.sleep(seconds)
