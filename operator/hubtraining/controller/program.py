"""The program ``hubtraining controller``."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

import prometheus_client

from hubtraining import __version__, logs
from hubtraining.controller.candidate import Candidate
from hubtraining.controller.cluster import connection
from hubtraining.controller.runtime import SPARE_CONNECTIONS
from hubtraining.controller.settings import ControllerSettings, SettingsError

LEASE_LOST = 3

logger = logging.getLogger("hubtraining.controller")


def main(environ: Mapping[str, str]) -> int:
    """Run until SIGTERM. Returns 0, 1 when something broke (a new start may help), or 2 when a setting is wrong.

    Ends the process with 3 at once when it leads and another may, too.
    """
    try:
        settings = ControllerSettings.from_env(environ)
    except SettingsError as error:
        print(f"hubtraining controller: {error}", file=sys.stderr)
        return 2
    logs.set_up(settings.log_level, settings.log_format)
    prometheus_client.disable_created_metrics()
    try:
        asyncio.run(run(settings, environ))
    except connection.NoCluster as error:
        logger.error("%s", error)
        return 2
    except Exception:  # the boundary: the log says why the process ends
        logger.exception("the controller ends")
        return 1
    return 0


async def run(settings: ControllerSettings, environ: Mapping[str, str]) -> None:
    """One controller, with the API server that the environment names."""
    configuration = await connection.load(environ, settings.workers + SPARE_CONNECTIONS)
    logger.info("hubtraining controller %s begins", __version__)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)  # until kopf runs, which brings its own
    await Candidate(settings, configuration, lost).run(stop)
    logger.info("hubtraining controller ends")


def lost(reason: str) -> NoReturn:
    """End at once: whatever still runs here must not run beside another leader."""
    logger.critical("%s: the process ends, so that only one leads", reason)
    logging.shutdown()
    os._exit(LEASE_LOST)
