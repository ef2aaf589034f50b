"""How agent and fetch open their connections; tests hand in others."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx

from hubtraining.hub.transport import open_http

Connect = Callable[[str], AbstractAsyncContextManager[httpx.AsyncClient]]
"""Opens an HTTP client that trusts a PEM bundle, or the image's own authorities where it is empty."""


def connect(ca_bundle: str) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """Connections of our own."""
    return open_http(ca_bundle=ca_bundle)
