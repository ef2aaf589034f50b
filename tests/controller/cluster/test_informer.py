"""The informer keeps its cache like the API server, whatever happens to its watch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field

import looptime
import pytest
from builders.pod import PodBuilder, a_pod
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pods_api import BREAK, END, EXPIRED, HANG, UNAVAILABLE, PodsApi

from hubtraining.controller.cluster.cache import Key, PodCache
from hubtraining.controller.cluster.informer import SILENCE_SECONDS, PodInformer

pytestmark = pytest.mark.looptime

A, B, C = (a_pod(session=name, uid=f"uid-{name}", session_uid=f"session-{name}") for name in "abc")


class Meter:
    def __init__(self) -> None:
        self.ends: list[str] = []

    def watch_ended(self, reason: str) -> None:
        self.ends.append(reason)

    def watch_event(self) -> None:
        """Not looked at."""


@dataclass
class Scene:
    """An API with pods, and an informer that follows it."""

    api: PodsApi = field(default_factory=PodsApi)
    cache: PodCache = field(default_factory=PodCache)
    meter: Meter = field(default_factory=Meter)
    woken: list[Key] = field(default_factory=list)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[PodInformer]:
        informer = PodInformer(self.api, self.cache, self.woken.append, self.meter, lambda tries: min(2.0**tries, 30.0))
        task = asyncio.create_task(informer.run())
        try:
            await asyncio.wait_for(informer.synced.wait(), 1000)
            await asyncio.sleep(0.1)
            self.woken.clear()
            yield informer
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def names(self) -> list[str]:
        return sorted(pod.session for pod in self.cache)


async def a_scene(*pods: PodBuilder) -> Scene:
    scene = Scene()
    for pod in pods:
        await scene.api.put(pod)
    return scene


async def test_the_first_list_comes_in_pages_and_wakes_every_session() -> None:
    scene = Scene(PodsApi(page_size=1))
    for pod in (A, B, C):
        await scene.api.put(pod)
    informer = PodInformer(scene.api, scene.cache, scene.woken.append, scene.meter, lambda _: 1.0)
    task = asyncio.create_task(informer.run())
    await informer.synced.wait()
    assert scene.names() == ["a", "b", "c"]
    assert scene.woken == [("team-a", "a"), ("team-a", "b"), ("team-a", "c")]
    task.cancel()


async def test_changes_arrive_through_the_watch() -> None:
    scene = await a_scene(A)
    async with scene.following():
        await scene.api.put(A.on("node-7"))
        await scene.api.put(B)
        await asyncio.sleep(1)
        assert [pod.node for pod in scene.cache.of("session-a")] == ["node-7"]
        assert scene.woken == [("team-a", "a"), ("team-a", "b")]
        assert scene.api.lists == 1


async def test_a_deleted_pod_is_gone_but_its_last_words_are_kept() -> None:
    scene = await a_scene(A)
    async with scene.following():
        await scene.api.put(A.ended(code=143))
        await scene.api.delete("a-1-0")
        await asyncio.sleep(1)
        assert scene.names() == []
        (last,) = scene.cache.last(("team-a", "a"), "session-a")
        assert last.containers["trainer"].exit_code == 143


async def test_a_bookmark_moves_the_version_and_wakes_nobody() -> None:
    scene = await a_scene(A)
    async with scene.following():
        await scene.api.bookmark()
        await asyncio.sleep(1)
        await scene.api.disturb(END)
        await asyncio.sleep(60)
        assert scene.woken == []
        assert [int(version) for version in scene.api.watches][:2] == [1001, 1002]
        assert scene.api.lists == 1


@pytest.mark.parametrize(("how", "seconds"), [(BREAK, 10), (HANG, SILENCE_SECONDS + 10)])
async def test_a_watch_that_breaks_or_falls_silent_is_started_anew_with_a_list(how: str, seconds: float) -> None:
    scene = await a_scene(A, B)
    async with scene.following():
        await scene.api.put(C)
        await asyncio.sleep(1)
        await scene.api.disturb(how)
        await scene.api.delete("a-1-0")
        await asyncio.sleep(seconds)
        assert scene.names() == ["b", "c"]
        assert scene.api.lists == 2
        assert scene.meter.ends == ["error"]


async def test_deletions_that_were_missed_are_found_by_the_next_list() -> None:
    scene = await a_scene(A, B)
    async with scene.following():
        await scene.api.put(A.training())
        await asyncio.sleep(1)
        await scene.api.disturb(HANG)
        await scene.api.delete("a-1-0")
        await scene.api.forget_history()
        scene.woken.clear()
        await asyncio.sleep(SILENCE_SECONDS + 10)
        assert scene.names() == ["b"]
        assert scene.woken == [("team-a", "a")]


async def test_a_version_that_is_too_old_leads_to_a_new_list() -> None:
    scene = await a_scene(A)
    async with scene.following():
        await scene.api.put(B)
        await asyncio.sleep(1)
        scene.api.fail_next(EXPIRED)
        await scene.api.disturb(END)
        await asyncio.sleep(60)
        assert "expired" in scene.meter.ends
        assert scene.api.lists == 2


async def test_a_watch_that_the_api_server_closes_goes_on_without_a_list() -> None:
    scene = await a_scene(A)
    async with scene.following():
        await scene.api.put(B)
        await asyncio.sleep(1)
        await scene.api.disturb(END)
        await scene.api.put(C)
        await asyncio.sleep(10)
        assert scene.names() == ["a", "b", "c"]
        assert scene.api.lists == 1
        assert scene.meter.ends == ["closed"]


async def test_an_api_server_that_is_away_is_asked_more_and_more_rarely() -> None:
    scene = await a_scene(A)
    scene.api.fail_next(*[UNAVAILABLE] * 5)
    started = asyncio.get_running_loop().time()
    async with scene.following():
        assert 30 < asyncio.get_running_loop().time() - started < 33
        assert scene.names() == ["a"]


async def test_watches_that_break_after_each_word_do_not_make_lists_without_a_pause() -> None:
    scene = await a_scene(A)

    async def break_off() -> None:
        while True:
            await scene.api.bookmark()
            await asyncio.sleep(0.01)
            await scene.api.disturb(BREAK)
            await asyncio.sleep(0.02)

    async with scene.following(), asyncio.TaskGroup() as tasks:
        breaking = tasks.create_task(break_off())
        await asyncio.sleep(60)
        breaking.cancel()
    assert scene.api.lists <= 61


async def test_a_list_never_forgets_a_pod_that_was_created_meanwhile() -> None:
    scene = await a_scene(A)
    async with scene.following():
        young = C.version(999_999).view()
        scene.cache.put(young)
        await scene.api.put(B)
        await asyncio.sleep(1)
        await scene.api.disturb(BREAK)
        await asyncio.sleep(10)
        assert scene.names() == ["a", "b", "c"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "delete", BREAK, END, HANG, "forget", "fail"]), st.integers(0, 5), st.integers(0, 3)
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_whatever_happens_the_cache_ends_up_like_the_api(steps: list[tuple[str, int, int]]) -> None:
    async def scenario() -> tuple[list[str], list[str]]:
        scene = Scene()
        async with scene.following():
            for what, number, pause in steps:
                await _do(scene.api, what, f"s{number}")
                await asyncio.sleep(pause)
            await asyncio.sleep(3000)
            return scene.names(), sorted(
                body["metadata"]["labels"]["hubtraining.dev/session"] for body in scene.api.all()
            )

    with closing(looptime.new_event_loop()) as loop:
        cached, real = loop.run_until_complete(scenario())
    assert cached == real


async def _do(api: PodsApi, what: str, name: str) -> None:
    if what == "put":
        await api.put(a_pod(session=name, uid=f"{name}-{api.version}", session_uid=name))
    elif what == "delete" and f"{name}-1-0" in {body["metadata"]["name"] for body in api.all()}:
        await api.delete(f"{name}-1-0")
    elif what == "forget":
        await api.forget_history()
    elif what == "fail":
        api.fail_next(UNAVAILABLE, EXPIRED)
    elif what in (BREAK, END, HANG):
        await api.disturb(what)
