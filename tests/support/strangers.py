"""Servers that are no hubs, at this machine's own address: a session may name it, as it may not name loopback."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.stranger import Stranger

from cluster.certificates import Subject, issue


def own_address() -> str:
    """The address by which this machine speaks to others; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])


@contextmanager
def a_stranger(certificates: Path | None = None) -> Iterator[tuple[str, Stranger]]:
    """The URL of its root, with TLS of an authority of its own where there is a folder for its certificates."""
    address = own_address()
    with Stranger(address) as server:
        if certificates is not None:
            issue(certificates, [Subject("stranger", "stranger", hosts=(address,))])
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / "stranger.crt", certificates / "stranger.key")
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{'https' if certificates else 'http'}://{address}:{server.server_port}", server
        finally:
            server.shutdown()
            thread.join()
