"""The leader's work put together: which part is given to which, and how they run side by side."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import aiohttp
import kopf
from kubernetes.aio.client.configuration import Configuration

from hubtraining.controller import handlers, manifests
from hubtraining.controller.actor import Actor
from hubtraining.controller.announcer import Announcer
from hubtraining.controller.cluster import connection
from hubtraining.controller.cluster.cache import Key, PodCache, SessionCache
from hubtraining.controller.cluster.informer import PodInformer
from hubtraining.controller.cluster.kube import Kube
from hubtraining.controller.cluster.resync import Resync
from hubtraining.controller.gatherer import Gatherer
from hubtraining.controller.hubs.clients import HubClients
from hubtraining.controller.hubs.questions import Hubs
from hubtraining.controller.leading.coordination import SliceApi
from hubtraining.controller.leading.endpoints import Place, ReportsEndpoint
from hubtraining.controller.metrics import Metrics
from hubtraining.controller.queue import Backoff, WorkQueue
from hubtraining.controller.reconcile import Reconciler
from hubtraining.controller.reporting.mailbox import Mailbox
from hubtraining.controller.session_metrics import SessionCollector
from hubtraining.controller.settings import ControllerSettings
from hubtraining.controller.values.world import Prepared, World
from hubtraining.domain.names import FIELD_MANAGER
from hubtraining.domain.session import Session

SPARE_CONNECTIONS = 16
"""For watches, reviews of tokens and events, beside one for each worker."""


def now() -> datetime:
    """Wall-clock time."""
    return datetime.now(UTC)


IDENTITY: Any = FIELD_MANAGER
"""What kopf calls us (its own type is private). Without it kopf asks for the user's name, and our uid has none."""


class Runtime:
    """What a controller knows, and what it does with it while it leads. Making it does nothing, and it runs once."""

    def __init__(self, settings: ControllerSettings, configuration: Configuration) -> None:
        self._settings = settings
        self._configuration = configuration
        self.metrics = Metrics()
        self.sessions = SessionCache()
        self.pods = PodCache()
        self.mailbox = Mailbox()
        self.queue: WorkQueue[Key] = WorkQueue(self.metrics.queue, Backoff())
        self.metrics.queue.follow(self.queue.__len__, self.queue.longest_running)
        self._watching = False
        self._informers: tuple[PodInformer, ...] = ()
        self.metrics.registry.register(SessionCollector(lambda: self.sessions, self.mailbox.get))

    def filled(self) -> bool:
        """Whether what the API server has is known here: nothing is decided before."""
        return self._watching and all(informer.synced.is_set() for informer in self._informers)

    async def run(self, kube: Kube, slices: SliceApi, clients: HubClients, stop: asyncio.Event) -> None:
        """Watch and reconcile. Ends with kopf: on SIGTERM or ``stop``, or when its watch cannot go on."""
        async with Hubs(self._settings, clients, kube.get_secret, self.queue.add, now) as hubs:
            await self._run(kube, slices, hubs, stop)

    async def _run(self, kube: Kube, slices: SliceApi, hubs: Hubs, stop: asyncio.Event) -> None:
        def drop(session: Session) -> None:
            hubs.forget(session.uid)
            self.mailbox.forget(session.uid)
            self.pods.forget(session.key)

        announcer = Announcer(kube.create_event, now, self.metrics.service.dropped)
        reconciler = Reconciler(
            Gatherer(self.sessions, self.pods, self.mailbox, hubs, kube, now),
            Actor(kube, hubs, self.sessions, self.pods, self._attempt),
            kube,
            self.sessions,
            self.pods,
            announcer,
            drop,
        )
        resync = Resync(kube.sessions, self.sessions, self._settings.namespaces, self.queue.add_after, drop)
        edge = handlers.Edge(self.sessions, self.queue.add, drop)
        self._informers = self._pod_informers(kube)
        async with asyncio.TaskGroup() as tasks:
            ours = [
                *(tasks.create_task(endpoint.run()) for endpoint in self._endpoints(slices)),
                *(tasks.create_task(informer.run()) for informer in self._informers),
                tasks.create_task(announcer.run()),
                tasks.create_task(resync.run()),
                tasks.create_task(self._work(reconciler)),
            ]
            await self._watch(edge, ours, stop)

    async def _work(self, reconciler: Reconciler) -> None:
        """Passes begin only when all pods are known: one that is not known looks lost."""
        for informer in self._informers:
            await informer.synced.wait()
        await self.queue.serve(reconciler, self._settings.workers)

    async def _watch(self, edge: handlers.Edge, others: list[asyncio.Task[None]], stop: asyncio.Event) -> None:
        """Run kopf, and end the others with it."""

        def log_in() -> tuple[str, aiohttp.ClientSession]:
            http = connection.http_session(self._configuration, handlers.WATCH_CONNECTIONS)
            return self._configuration.host, http

        def started() -> None:
            self._watching = True

        def stopping() -> None:
            stop.set()  # kopf waits for whoever waits for it, also when a signal came first
            for task in others:
                task.cancel()

        await kopf.operator(
            registry=handlers.registry(edge, log_in, started, stopping),
            settings=handlers.settings(),
            standalone=True,
            identity=IDENTITY,
            clusterwide=not self._settings.namespaces,
            namespaces=self._settings.namespaces,
            stop_flag=stop,
        )

    def _endpoints(self, slices: SliceApi) -> tuple[ReportsEndpoint, ...]:
        """One, where it is ours to say where reports go."""
        told = self._settings
        if not (told.reports_service and told.pod_name and told.pod_ip):
            return ()
        place = Place(told.namespace, told.reports_service, told.pod_name, told.pod_ip, told.reports_port)
        return (ReportsEndpoint(slices, place, Backoff(base=1.0, limit=30.0)),)

    def _pod_informers(self, kube: Kube) -> tuple[PodInformer, ...]:
        return tuple(
            PodInformer(kube, self.pods, self.queue.add, self.metrics.kube, Backoff(base=1.0, limit=30.0), namespace)
            for namespace in self._settings.namespaces or ("",)
        )

    def _attempt(self, world: World, prepared: Prepared) -> manifests.Attempt:
        spec = world.spec
        if spec is None:
            raise ValueError("an attempt needs a spec that can be used")
        hub = manifests.hub_access(
            spec, self._settings, prepared.model.id, key_in_identifier=prepared.key_in_identifier
        )
        avoid = world.status.avoided_nodes
        return manifests.Attempt(world.session, spec, world.number, prepared.plan, hub, self._settings, avoid)
