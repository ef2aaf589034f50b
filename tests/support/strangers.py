"""Servers that are no hubs, at this machine's own address: a session may name it, as it may not name loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from support.authority import Authority
from support.strange_hubs import outward_address
from support.stranger import Stranger


@contextmanager
def a_stranger(authority: Authority | None = None) -> Iterator[tuple[str, Stranger]]:
    """The URL of its root, with TLS where an authority is given."""
    address = outward_address()
    with Stranger(address) as server:
        if authority is not None:
            server.socket = authority.serving().wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{'https' if authority else 'http'}://{address}:{server.server_port}", server
        finally:
            server.shutdown()
            thread.join()
