"""Objects are followed whatever happens to lists and watches."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from builders.pod import a_pod
from support.pods_api import BREAK, END, EXPIRE, HANG, UNAVAILABLE, PodsApi

from hubtraining.controller.cluster.errors import KubeError, KubeRefused
from hubtraining.controller.cluster.lists import Page
from hubtraining.people.following import Gone, News, Present, follow, wait

pytestmark = pytest.mark.looptime

A, B, C = (a_pod(session=name, uid=f"uid-{name}", session_uid=f"session-{name}") for name in "abc")


class Pods:
    """All pods of an API server in memory."""

    what = "pod"

    def __init__(self, api: PodsApi) -> None:
        self.api = api

    async def page(self, more: str = "") -> Page:
        return await self.api.pods("", more=more)

    def watch(self, version: str) -> AsyncIterator[dict[str, Any]]:
        return self.api.watch_pods("", version, 90.0)


class Follower:
    """Takes news, in the background."""

    def __init__(self, api: PodsApi) -> None:
        self.news: list[News] = []
        self.error: KubeError | None = None
        self._task = asyncio.create_task(self._take(Pods(api)))

    async def _take(self, source: Pods) -> None:
        try:
            async for news in follow(source):
                self.news.append(news)
        except KubeError as error:
            self.error = error

    async def told(self, seconds: float = 1.0) -> list[str]:
        """What came since the last look, shortly."""
        await asyncio.sleep(seconds)
        told, self.news = [short(news) for news in self.news], []
        return told

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def short(news: News) -> str:
    if isinstance(news, Present | Gone):
        return f"{type(news).__name__} {news.body['metadata']['labels']['hubtraining.dev/session']}"
    return type(news).__name__


@pytest.fixture
async def api() -> PodsApi:
    made = PodsApi(page_size=1)
    for pod in (A, B):
        await made.put(pod)
    return made


@pytest.fixture
async def follower(api: PodsApi) -> AsyncIterator[Follower]:
    made = Follower(api)
    assert await made.told() == ["Present a", "Present b", "Synced"]
    yield made
    await made.stop()


async def test_what_changes_and_what_goes_is_told(api: PodsApi, follower: Follower) -> None:
    await api.put(A.on("node-7"))
    await api.put(C)
    await api.bookmark()
    await api.delete("b-1-0")
    assert await follower.told() == ["Present a", "Present c", "Gone b"]
    assert api.lists == 1


async def test_a_watch_that_ends_goes_on_where_it_ended(api: PodsApi, follower: Follower) -> None:
    await api.disturb(END)
    await api.put(C)
    assert await follower.told(5) == ["Present c"]
    assert api.lists == 1


@pytest.mark.parametrize(("how", "seconds"), [(BREAK, 5.0), (HANG, 95.0)])
async def test_a_lost_watch_is_told_and_what_was_missed_is_found(
    api: PodsApi, follower: Follower, how: str, seconds: float
) -> None:
    await api.disturb(how)
    await api.delete("a-1-0")
    await api.put(C)
    told = await follower.told(seconds)
    assert told == ["Lost", "Gone a", "Present b", "Present c", "Synced"]


async def test_an_expired_version_is_listed_anew_without_a_word(api: PodsApi, follower: Follower) -> None:
    await api.disturb(EXPIRE)
    assert await follower.told(5) == ["Present a", "Present b", "Synced"]


async def test_an_api_server_that_stays_away_is_asked_ever_more_rarely(api: PodsApi, follower: Follower) -> None:
    api.fail_next(*[UNAVAILABLE] * 8)
    await api.disturb(BREAK)
    begun = asyncio.get_running_loop().time()
    while "Synced" not in await follower.told(1):
        pass
    assert 1 + 3 + 7 + 15 + 30 * 4 <= asyncio.get_running_loop().time() - begun <= 200


async def test_a_refusal_ends_it(api: PodsApi, follower: Follower) -> None:
    api.fail_next(KubeRefused("no", status=403))
    await api.disturb(BREAK)
    await follower.told(5)
    assert isinstance(follower.error, KubeRefused)


def test_waits_grow_to_half_a_minute() -> None:
    assert [wait(vain) for vain in (0, 1, 2, 3, 9)] == [0, 1, 3, 7, 30]
