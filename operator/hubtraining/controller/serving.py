"""Serves an ASGI application within a program that has other things to do, too."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette


class Server(uvicorn.Server):
    """Leaves signals to the program, and its port to the next when it is cancelled."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until cancelled. Raises OSError when the port is taken."""
        try:
            await super().serve(sockets)
        except SystemExit as left:  # what uvicorn does, after it has logged the system's own words
            raise OSError(f"port {self.config.port} cannot be served") from left
        except asyncio.CancelledError:
            if self.started:
                await self.shutdown(sockets)
            raise

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def server(app: Starlette, port: int) -> Server:
    """A server on all addresses; ``await serve()`` runs it until cancelled."""
    config = uvicorn.Config(
        app,
        host="0.0.0.0",  # noqa: S104 - pods and Prometheus come from outside
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    return Server(config)
