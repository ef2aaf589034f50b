"""A whole hub on a real socket of this machine, served by the server that serves it in production."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from builders.hub import Hub, a_hub
from builders.served import served


@asynccontextmanager
async def a_served_hub(folder: Path, port: int = 0) -> AsyncIterator[tuple[Hub, str]]:
    """A hub on ``folder`` and the URL of its root, while the context lasts. ``port`` 0 is any that is free."""
    async with a_hub(folder) as hub, served(hub.app, port) as url:
        yield hub, url
