"""Connections to hubs: no proxies, no .netrc, trust loaded only when TLS is spoken, and local addresses refused
where somebody else chose the hub."""

import asyncio
import ipaddress
import socket
import ssl
from typing import Any

import httpcore
import httpx

from hubtraining.hub.errors import HubRefused
from hubtraining.hub.unpacking import unpacked

KEEPALIVE = 30.0
"""Seconds that an idle connection is kept."""


def open_http(*, ca_bundle: str = "", guarded: bool = False, connections: int = 10) -> httpx.AsyncClient:
    """A client for one hub; use it with ``async with``. ``ca_bundle`` is PEM, trusted instead of the image's own.

    ``guarded`` refuses loopback and link-local addresses, whatever name leads there.
    """
    transport = HubTransport(ca_bundle, guarded, connections)
    return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)


class HubTransport(httpx.AsyncBaseTransport):
    """Plain HTTP at once; the transport for HTTPS is made at its first request: loading trust costs memory and time."""

    def __init__(self, ca_bundle: str = "", guarded: bool = False, connections: int = 10) -> None:
        self._ca_bundle = ca_bundle
        self._guarded = guarded
        self._connections = connections
        self._plain = self._transport(_untrusting())
        self._secure: httpx.AsyncHTTPTransport | None = None
        self._making = asyncio.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send by the scheme of the URL."""
        transport = await self._for_https() if request.url.scheme == "https" else self._plain
        return await unpacked(await transport.handle_async_request(request), request)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._plain.aclose()
        if self._secure is not None:
            await self._secure.aclose()

    async def _for_https(self) -> httpx.AsyncHTTPTransport:
        async with self._making:
            if self._secure is None:
                self._secure = self._transport(await asyncio.to_thread(trust, self._ca_bundle))
            return self._secure

    def _transport(self, context: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
        kind = _GuardedTransport if self._guarded else httpx.AsyncHTTPTransport
        limits = httpx.Limits(max_connections=self._connections, keepalive_expiry=KEEPALIVE)
        return kind(verify=context, limits=limits, trust_env=False)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """The library's transport over a pool whose connections are checked."""

    def __init__(self, verify: ssl.SSLContext, limits: httpx.Limits, trust_env: bool) -> None:
        super().__init__(verify=verify, limits=limits, trust_env=trust_env)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=verify,
            max_connections=limits.max_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=GuardedBackend(),
        )


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was checked, so a name cannot change its mind in between."""

    def __init__(self) -> None:
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        """Connect to the first of the host's addresses that answers. Raises HubRefused if one of them is local."""
        failure: Exception = httpcore.ConnectError("no address")
        for address in await _addresses(host, port):
            try:
                return await self._network.connect_tcp(address, port, *args, **options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait, for the library's own retries."""
        await asyncio.sleep(seconds)


def is_local(address: str) -> bool:
    """Whether an IP address means this machine or this link, where a hub has no business."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast


def trust(ca_bundle: str) -> ssl.SSLContext:
    """A context that trusts the bundle alone, or the image's own authorities. Raises HubRefused for no PEM."""
    if not ca_bundle:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cadata=ca_bundle)
    except (ssl.SSLError, TypeError, ValueError):
        raise HubRefused("the hub's caBundle holds no certificate in PEM") from None


async def _addresses(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # the latter for names that no name server could know
        raise httpcore.ConnectError from error
    addresses = [str(info[4][0]) for info in found]
    if any(is_local(address) for address in addresses):
        raise HubRefused("the hub's address leads to this machine or this link, which is not allowed")
    return addresses


def _untrusting() -> ssl.SSLContext:
    """A context that trusts nobody, so a slip into TLS fails closed; costs nothing to make."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
