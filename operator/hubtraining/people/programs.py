"""The commands' work in a cluster."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

import click

from hubtraining.people import logs as reading
from hubtraining.people import run as creation
from hubtraining.people import watch as watching
from hubtraining.people.cluster import connected
from hubtraining.people.flags import Draft
from hubtraining.people.place import Where
from hubtraining.people.plain import Lines
from hubtraining.people.printing import Prefixed
from hubtraining.people.reading import Wanted
from hubtraining.people.watch import Screen

COMPLETION_SECONDS = 3.0

Environ = Mapping[str, str]


async def run(place: Where, draft: Draft, environ: Environ) -> None:
    """Make the session."""
    async with connected(place, environ) as cluster:
        await creation.run(cluster, draft)


async def watch(place: Where, name: str, environ: Environ) -> bool:
    """Show the session to its end; returns whether it succeeded."""
    async with connected(place, environ) as cluster:
        with screen() as shown:
            return await watching.watch(cluster, name, shown)


async def logs(place: Where, wanted: Wanted, follow: bool, printer: Prefixed, environ: Environ) -> None:
    """Print what the session's containers write."""
    async with connected(place, environ) as cluster:
        await (reading.stream if follow else reading.show)(cluster, wanted, printer)


async def names(place: Where, environ: Environ) -> list[str]:
    """Names of the namespace's sessions. Raises TimeoutError where they do not come soon."""
    async with asyncio.timeout(COMPLETION_SECONDS), connected(place, environ) as cluster:
        return [body["metadata"]["name"] for body in (await cluster.sessions().page()).items]


def now() -> datetime:
    """Wall-clock time."""
    return datetime.now(UTC)


@contextmanager
def screen() -> Iterator[Screen]:
    """A live table on a terminal that can show one, lines everywhere else."""
    live = _live_table() if sys.stdout.isatty() else None
    if live is None:
        yield Lines(now)
        return
    with live(now) as screen:
        yield screen


def _live_table() -> Callable[[Callable[[], datetime]], AbstractContextManager[Screen]] | None:
    try:
        from hubtraining.people.table import LiveTable  # noqa: PLC0415 - an extra: the image has no rich
    except ModuleNotFoundError:
        click.echo("For a live table: pip install 'hubtraining[people]'", err=True)
        return None
    return LiveTable
