"""Connections to hubs, shared by all sessions that use the same hub, and bounded for each."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx

from hubtraining.controller.hubs.access import Access
from hubtraining.controller.hubs.host import Host
from hubtraining.hub.client import HubClient
from hubtraining.hub.connection import Connection, Exchange, translated
from hubtraining.hub.transport import open_http

CALLS = 8
"""At the same time to one host."""

CALL_SECONDS = 10.0

MOST_BYTES = 2 * 1024 * 1024
"""Of one answer: models and pages of them are some kilobytes, and hubs that tenants name share our memory."""

MOST_HOSTS = 64
"""Hubs that stay connected while nobody asks them."""


class HubClients:
    """Opens a client for each hub once. Use with ``async with``: leaving closes them."""

    def __init__(
        self,
        observe: Callable[[Exchange], None],
        connect: Callable[[Access], httpx.AsyncClient] | None = None,
    ) -> None:
        self._observe = observe
        self._connect = connect or _connect
        self._hosts: dict[tuple[Any, ...], Host] = {}

    def __len__(self) -> int:
        """How many hubs are connected."""
        return len(self._hosts)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for host in self._hosts.values():
            await host.close()

    @asynccontextmanager
    async def client(self, way: Access) -> AsyncIterator[HubClient]:
        """A client for one question. Raises HubSpared at once while the hub is spared."""
        host = self._host(way)
        host.users += 1
        try:
            host.spare()  # before its turn, so that nobody queues for nothing
            async with host.turns:
                host.spare()  # and after it: those before may have found the hub down
                with host.judged():
                    yield HubClient(self._connection(way, host))
        finally:
            host.users -= 1
            await self._trim()

    def wait(self, way: Access, who: str, call: Callable[[], None]) -> Callable[[], None]:
        """Have something called once, when it is worth asking a hub again that did not answer.

        Returns how to wait no longer.
        """
        return self._host(way).wait(who, call)

    def _connection(self, way: Access, host: Host) -> Connection:
        return Connection(
            way.url,
            way.provider,
            host.http,
            seconds=CALL_SECONDS,
            observe=self._observe,
            max_answer=MOST_BYTES,
        )

    def _host(self, way: Access) -> Host:
        """The hub's place, which is now the last to be given up. Raises HubRefused."""
        with translated("connect"):
            url = httpx.URL(way.url)
        key = (url.scheme, url.netloc, way.ca_bundle, way.own)
        host = self._hosts.pop(key, None)
        if host is None:
            host = Host(self._connect(way), CALLS)
        self._hosts[key] = host
        return host

    async def _trim(self) -> None:
        """Users name hubs: what they name must not add up for ever."""
        idle = [key for key, host in self._hosts.items() if not host.users]
        given_up = [self._hosts.pop(key) for key in idle[: max(0, len(self._hosts) - MOST_HOSTS)]]
        for host in given_up:
            await host.close()


def _connect(way: Access) -> httpx.AsyncClient:
    """Where a tenant chose the address it is checked; the operator's own may be anywhere."""
    return open_http(ca_bundle=way.ca_bundle, guarded=not way.own, connections=CALLS)
