"""Lists in pages and watches, over real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.responses import JSONResponse
from support.recorded_api import BROKEN, Body, Meter, RecordedApi, a_broken_server, a_client, events, failure

from hubtraining.controller.cluster.errors import KubeError, KubeExpired, KubeUnavailable
from hubtraining.controller.cluster.kube import Kube
from hubtraining.controller.cluster.lists import Page

A_POD: Body = {"metadata": {"namespace": "team-a", "name": "signs-1-0", "uid": "pod-1"}}
SESSIONS = "/apis/hubtraining.dev/v1alpha1/namespaces/team-a/hubtrainingsessions"


@asynccontextmanager
async def at(url: str) -> AsyncIterator[Kube]:
    async with a_client(url) as client:
        yield Kube(client, Meter())


@asynccontextmanager
async def serving(api: RecordedApi) -> AsyncIterator[Kube]:
    async with api.served() as url, at(url) as kube:
        yield kube


@pytest.mark.parametrize(
    ("namespace", "path"), [("", "/api/v1/pods"), ("team-a", "/api/v1/namespaces/team-a/pods")], ids=["all", "one"]
)
async def test_pods_are_listed_in_pages(namespace: str, path: str) -> None:
    first = {"metadata": {"resourceVersion": "7", "continue": "next"}, "items": [A_POD]}
    last = {"metadata": {"resourceVersion": "7"}, "items": None}
    api = RecordedApi().on(path, JSONResponse(first), JSONResponse(last))
    async with serving(api) as kube:
        page = await kube.pods("a=b", namespace)
        end = await kube.pods("a=b", namespace, page.more)
    assert (page.items, page.version, page.more) == ([A_POD], "7", "next")
    assert (end.items, end.version, end.more) == ([], "7", "")
    assert [request.query.get("continue") for request in api.asked] == [None, "next"]
    assert api.asked[0].query == {"limit": "500", "labelSelector": "a=b"}


async def test_sessions_are_listed_everywhere_or_in_a_namespace() -> None:
    everywhere = "/apis/hubtraining.dev/v1alpha1/hubtrainingsessions"
    empty = JSONResponse({"metadata": {"resourceVersion": "7"}, "items": []})
    for namespace, path in (("", everywhere), ("team-a", SESSIONS)):
        async with serving(RecordedApi().on(path, empty)) as kube:
            assert await kube.sessions(namespace) == Page([], "7", "")


async def heard(api: RecordedApi, silence: float = 30.0) -> list[Body]:
    async with serving(api) as kube:
        return [event async for event in kube.watch_pods("a=b", "100", silence)]


async def test_a_watch_tells_what_happens_until_it_is_closed() -> None:
    told = [{"type": "ADDED", "object": A_POD}, {"type": "BOOKMARK", "object": {}}]
    api = RecordedApi().on("/api/v1/pods", events(*told))
    assert await heard(api) == told
    assert api.asked[0].query == {
        "labelSelector": "a=b",
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "100",
        "timeoutSeconds": "300",
    }


async def test_lines_may_come_in_pieces() -> None:
    api = RecordedApi().on("/api/v1/pods", events(b'{"type": "ADD', b'ED"}\n{"type":', b' "DELETED"}\n'))
    assert await heard(api) == [{"type": "ADDED"}, {"type": "DELETED"}]


async def test_a_pod_may_be_as_large_as_the_api_server_lets_it_be() -> None:
    large = {"type": "ADDED", "object": {"metadata": {"annotations": {"a": "x" * 1_400_000}}}}
    assert await heard(RecordedApi().on("/api/v1/pods", events(large, {"type": "DELETED"}))) == [
        large,
        {"type": "DELETED"},
    ]


async def test_a_watch_that_falls_silent_ends_as_one_that_broke() -> None:
    api = RecordedApi().on("/api/v1/pods", events({"type": "ADDED"}, then=3600))
    async with serving(api) as kube:
        watch = kube.watch_pods("a=b", "100", 0.2)
        assert await anext(watch) == {"type": "ADDED"}
        with pytest.raises(KubeUnavailable):
            await anext(watch)


async def test_a_line_that_was_cut_off_is_not_taken() -> None:
    with pytest.raises(KubeUnavailable):
        await heard(RecordedApi().on("/api/v1/pods", events(b'{"type": "ADDED", "obj')))


async def test_a_watch_from_a_version_that_is_gone_has_expired() -> None:
    with pytest.raises(KubeExpired):
        await heard(RecordedApi().on("/api/v1/pods", failure(410, "Expired", "too old resource version")))


@pytest.mark.parametrize("failing", BROKEN.values(), ids=BROKEN)
async def test_a_watch_that_breaks_off_says_so_or_ends(failing: bytes) -> None:
    async with a_broken_server(failing) as url, at(url) as kube:
        with pytest.raises(KubeError):
            _ = [event async for event in kube.watch_pods("a=b", "100", 5.0)]
