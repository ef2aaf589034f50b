"""Files that no row names any more are thrown away, once no link to them can be good."""

import asyncio
import logging
import sqlite3

from hubtraining.hub.server.services import Services
from hubtraining.hub.store.blobs import Blobs
from hubtraining.hub.store.references import unneeded

INTERVAL_SECONDS = 600.0
OWNER_SECONDS = 86_400.0
"""A command of the owner that wrote nothing for so long was killed."""
log = logging.getLogger("hubtraining.hub")


def sweep(blobs: Blobs, connection: sqlite3.Connection, now: float, seconds: float) -> list[str]:
    """One pass inside a write transaction, so that no upload names a file while it is thrown away.

    ``seconds``: how long a file is kept when it is no longer needed. One that was just renamed into place has a young
    modification time and is left alone.
    """
    since = unneeded(connection, blobs.names(), now)
    old = [name for name, moment in since.items() if now - moment >= seconds]
    return [name for name in old if blobs.throw_away(name, now, seconds)]


async def sweep_for_ever(services: Services) -> None:
    """Sweep now and then; a disk that fails today may work in ten minutes."""
    while True:
        try:
            await _sweep_once(services)
        except (OSError, sqlite3.Error) as error:
            log.warning("files that nothing names any more stay for now: %s", error)
        await asyncio.sleep(INTERVAL_SECONDS)


async def _sweep_once(services: Services) -> None:
    blobs, now, seconds = services.blobs, services.clock(), 2.0 * services.settings.link_seconds
    await services.threads(blobs.clean_owners, now, OWNER_SECONDS)
    if gone := await services.database.write(lambda connection: sweep(blobs, connection, now, seconds)):
        log.info("threw away %d files that nothing names any more", len(gone))
