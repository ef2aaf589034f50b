"""``hubtraining watch``: follows one session to its end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from hubtraining.people.cluster import Cluster
from hubtraining.people.errors import PeopleError
from hubtraining.people.following import News, Synced, follow
from hubtraining.people.merging import Merge
from hubtraining.people.story import SESSION, Story

TICK_SECONDS = 1.0
AFTERWORD_SECONDS = 2.0
"""The events of the end are posted after the status that tells it."""


class Screen(Protocol):
    """Where a story is shown."""

    def show(self, story: Story) -> None:
        """The story as it is now; called for each piece of news, and each second."""


async def watch(cluster: Cluster, name: str, screen: Screen) -> bool:
    """Show the session until it has ended; returns whether it succeeded. Raises PeopleError and KubeError."""
    story, ending = Story(), Ending()
    async with Merge[News | None]() as merge:
        merge.add(follow(cluster.session(name)))
        merge.add(follow(cluster.events(name)))
        merge.add(_ticks())
        async for news in merge:
            story = story.after(news) if news is not None else story
            if isinstance(news, Synced) and news.what == SESSION and story.session is None:
                raise PeopleError(missing(name, cluster.namespace))
            screen.show(story)
            if ending.come(story):
                break
    return story.session is not None and story.session.succeeded is True


def missing(name: str, namespace: str) -> str:
    """What to say where there is no such session."""
    return f"there is no session {name} in namespace {namespace}; `kubectl -n {namespace} get hts` lists them"


class Ending:
    """When to look away: a moment after the session has ended."""

    def __init__(self) -> None:
        self._since: float | None = None

    def come(self, story: Story) -> bool:
        """Whether it is time."""
        if story.session is None or story.session.succeeded is None:
            return False
        now = asyncio.get_running_loop().time()
        self._since = now if self._since is None else self._since
        return now - self._since >= AFTERWORD_SECONDS


async def _ticks() -> AsyncIterator[None]:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        yield None
