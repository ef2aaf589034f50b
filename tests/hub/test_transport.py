import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpcore
import httpx
import pytest

from hubtraining.hub import transport
from hubtraining.hub.client import HubClient
from hubtraining.hub.credentials import fixed
from hubtraining.hub.errors import HubRefused, HubUnavailable
from hubtraining.hub.transport import GuardedBackend, is_local, open_http

REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


@asynccontextmanager
async def a_server() -> AsyncIterator[int]:
    """A port of this machine that answers whatever comes with ``ok``."""
    answering: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(REPLY)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(
        lambda r, w: answering.append(asyncio.create_task(answer(r, w))), "127.0.0.1"
    ) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*answering)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "169.254.169.254", "0.0.0.0", "224.0.0.1", "::1", "::", "fe80::1%eth0", "ff02::1",
     "::ffff:127.0.0.1", "::ffff:169.254.169.254"],
)  # fmt: skip
def test_addresses_of_this_machine_and_link_are_local(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "93.184.216.34", "fd00::1", "2606:2800:220::1"])
def test_addresses_of_clusters_and_the_world_are_not(address: str) -> None:
    assert not is_local(address)


async def test_plain_http_needs_no_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(ca_bundle: str) -> ssl.SSLContext:
        raise AssertionError(ca_bundle)

    monkeypatch.setattr(transport, "trust", never)

    async with a_server() as port, open_http() as http:
        assert (await http.get(f"http://127.0.0.1:{port}/")).text == "ok"


async def test_trust_is_loaded_once_and_with_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load(ca_bundle: str) -> ssl.SSLContext:
        loaded.append(ca_bundle)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(transport, "trust", load)

    async with a_server() as port, open_http(ca_bundle="PEM") as http:
        for _ in range(2):
            with pytest.raises(httpx.TransportError):
                await http.get(f"https://127.0.0.1:{port}/")
    assert loaded == ["PEM"]


def test_without_a_bundle_the_images_authorities_are_trusted() -> None:
    assert transport.trust("").get_ca_certs()


@pytest.mark.parametrize("bundle", ["no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ä"])
def test_a_bundle_without_certificates_is_refused_with_the_fields_name(bundle: str) -> None:
    with pytest.raises(HubRefused, match="caBundle"):
        transport.trust(bundle)


def test_the_context_of_plain_http_trusts_nobody() -> None:
    context = transport._untrusting()

    assert (context.verify_mode, context.get_ca_certs()) == (ssl.CERT_REQUIRED, [])


async def test_proxies_and_netrc_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    async with a_server() as port, open_http() as http:
        assert (await http.get(f"http://127.0.0.1:{port}/")).text == "ok"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "2130706433", "0x7f.1"])
async def test_a_guarded_client_reaches_no_local_address(host: str) -> None:
    async with HubClient.open(f"http://{host}:9", fixed("key"), guarded=True) as hub:
        with pytest.raises(HubRefused, match="leads to this machine or this link"):
            await hub.auth()


async def test_an_unguarded_client_does() -> None:
    async with a_server() as port, HubClient.open(f"http://127.0.0.1:{port}", fixed("key")) as hub:
        with pytest.raises(HubRefused, match="no hub answers there"):
            await hub.auth()


class Resolver:
    """Stands in for the network: names lead to addresses, and connections are noted instead of made."""

    def __init__(self, *addresses: str, refusing: int = 0) -> None:
        self.addresses = addresses
        self.refusing = refusing
        self.connected: list[str] = []

    async def getaddrinfo(self, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        if not self.addresses:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (address, port)) for address in self.addresses]

    async def connect_tcp(self, host: str, port: int, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
        self.connected.append(host)
        if len(self.connected) <= self.refusing:
            raise httpcore.ConnectError("refused")
        return httpcore.AsyncMockStream([])

    def install(self, monkeypatch: pytest.MonkeyPatch) -> GuardedBackend:
        backend = GuardedBackend()
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self.getaddrinfo, raising=False)
        monkeypatch.setattr(backend._network, "connect_tcp", self.connect_tcp)
        return backend


async def test_the_address_that_was_checked_is_the_one_that_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver("10.0.0.1")

    await resolver.install(monkeypatch).connect_tcp("hub.test", 80)

    assert resolver.connected == ["10.0.0.1"]


async def test_the_next_address_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver("10.0.0.1", "10.0.0.2", refusing=1)

    await resolver.install(monkeypatch).connect_tcp("hub.test", 80)

    assert resolver.connected == ["10.0.0.1", "10.0.0.2"]


async def test_when_all_refuse_the_last_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(httpcore.ConnectError, match="refused"):
        await Resolver("10.0.0.1", refusing=1).install(monkeypatch).connect_tcp("hub.test", 80)


async def test_one_local_address_among_others_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver("10.0.0.1", "127.0.0.1")

    with pytest.raises(HubRefused):
        await resolver.install(monkeypatch).connect_tcp("hub.test", 80)
    assert resolver.connected == []


async def test_a_name_that_does_not_exist_may_exist_later(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver().install(monkeypatch)

    async with HubClient.open("http://hub.test", fixed("key"), guarded=True) as hub:
        with pytest.raises(HubUnavailable, match="Name or service not known"):
            await hub.auth()


async def test_the_guard_can_wait_for_the_librarys_retries() -> None:
    await GuardedBackend().sleep(0)
