"""The hub as an ASGI app: :func:`create_app` for servers, :func:`open_app` for tests and other hosts."""

from hubtraining.hub.server.app import create_app, open_app

__all__ = ["create_app", "open_app"]
