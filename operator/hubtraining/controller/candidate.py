"""One controller process: it serves from its start, and does the leader's work while it leads."""

import asyncio
import secrets
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from starlette.applications import Starlette

from hubtraining.controller import observability
from hubtraining.controller.cluster import connection
from hubtraining.controller.cluster.calls import Requests
from hubtraining.controller.cluster.kube import Kube
from hubtraining.controller.hubs.clients import HubClients
from hubtraining.controller.leading.coordination import LeaseApi, SliceApi
from hubtraining.controller.leading.elector import Elector
from hubtraining.controller.reporting import reports
from hubtraining.controller.reporting.tokens import Tokens
from hubtraining.controller.runtime import Runtime, now
from hubtraining.controller.serving import server
from hubtraining.controller.settings import ControllerSettings

ELECTION_CONNECTIONS = 2

boot_time = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
"""Seconds that never jump, and that pass while the machine sleeps."""


class Candidate:
    """Making it does nothing; :meth:`run` runs it until it is told to stop.

    ``lost`` is called when another may lead while this one still works. It must end the process.
    """

    def __init__(
        self, settings: ControllerSettings, configuration: Configuration, lost: Callable[[str], NoReturn]
    ) -> None:
        self._settings = settings
        self._configuration = configuration
        self._lost = lost
        self._runtime = Runtime(settings, configuration)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve, wait for the lease, lead. Ends on SIGTERM or ``stop``, or when kopf's watch cannot go on."""
        own = connection.apart(self._configuration, ELECTION_CONNECTIONS)
        async with (
            ApiClient(self._configuration) as api,
            ApiClient(own) as election,
            HubClients(self._runtime.metrics.service.asked) as clients,
        ):
            elector = self._elector(election)
            self._runtime.metrics.follow_leader(elector.valid)
            kube = Kube(api, self._runtime.metrics.kube, elector.valid)
            slices = SliceApi(Requests(api, self._runtime.metrics.kube, elector.valid), self._settings.namespace)
            async with asyncio.TaskGroup() as tasks:
                servers = self._serve(tasks, kube, elector)
                await elector.lead(partial(self._runtime.run, kube, slices, clients, stop), stop)
                for each in servers:
                    each.cancel()

    def _elector(self, client: ApiClient) -> Elector:
        terms = self._settings.terms
        requests = Requests(client, self._runtime.metrics.kube, seconds=terms.request)
        store = LeaseApi(requests, self._settings.namespace, self._settings.lease_name)
        name = self._settings.pod_name or socket.gethostname()
        return Elector(store, f"{name}_{secrets.token_hex(4)}", terms, boot_time, now, self._lost)

    def _serve(self, tasks: asyncio.TaskGroup, kube: Kube, elector: Elector) -> list[asyncio.Task[None]]:
        runtime, settings = self._runtime, self._settings

        def ready() -> bool:
            return runtime.filled() if elector.valid() else elector.heard

        def leading() -> bool:
            return elector.valid() and runtime.filled()

        health = observability.create_app(runtime.metrics.registry, runtime.queue.longest_running, ready)
        return [
            tasks.create_task(server(health, settings.metrics_port).serve()),
            tasks.create_task(server(self._reports(kube, leading), settings.reports_port).serve()),
        ]

    def _reports(self, kube: Kube, leading: Callable[[], bool]) -> Starlette:
        runtime = self._runtime
        desk = reports.Desk(
            Tokens(kube.review_token, runtime.pods, time.time),
            runtime.sessions,
            runtime.mailbox,
            runtime.queue.add,
            now,
            leading,
            runtime.metrics.service.reported,
        )
        return reports.create_app(desk)
