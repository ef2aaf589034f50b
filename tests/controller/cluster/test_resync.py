"""Now and then all sessions are listed: what a watch was never told is found."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from builders.session import a_body, a_session

from hubtraining.controller.cluster.cache import Key, SessionCache
from hubtraining.controller.cluster.errors import KubeError, KubeExpired, KubeUnavailable
from hubtraining.controller.cluster.kube import Page
from hubtraining.controller.cluster.resync import EVERY_SECONDS, RETRY_SECONDS, SPREAD_SECONDS, Resync
from hubtraining.domain.session import Session

pytestmark = pytest.mark.looptime

Body = dict[str, Any]


def a_listed(name: str, namespace: str = "team-a", version: int = 50) -> Body:
    body = a_body(name)
    given = {"namespace": namespace, "uid": f"uid-{namespace}-{name}", "resourceVersion": str(version)}
    return {**body, "metadata": {**body["metadata"], **given}}


@dataclass
class Scene:
    """An API server with these sessions, listed two at a time, and a cache."""

    bodies: list[Body] = field(default_factory=list)
    namespaces: tuple[str, ...] = ()
    failures: list[KubeError] = field(default_factory=list)
    asked: list[tuple[float, str, str]] = field(default_factory=list)
    woken: list[tuple[Key, float]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    cache: SessionCache = field(default_factory=SessionCache)

    async def sessions(self, namespace: str, more: str) -> Page:
        self.asked.append((asyncio.get_running_loop().time(), namespace, more))
        if self.failures:
            raise self.failures.pop(0)
        found = [body for body in self.bodies if namespace in ("", body["metadata"]["namespace"])]
        start = int(more or 0)
        return Page(found[start : start + 2], "100", str(start + 2) if start + 2 < len(found) else "")

    def resync(self) -> Resync:
        return Resync(
            self.sessions,
            self.cache,
            self.namespaces,
            lambda key, after: self.woken.append((key, after)),
            lambda session: self.dropped.append(session.name),
            chance=lambda: 0.5,
        )

    def know(self, *bodies: Body) -> None:
        for body in bodies:
            self.cache.put(Session.from_body(body))

    def known(self) -> list[str]:
        return sorted(session.name for session in self.cache)


async def test_every_session_is_looked_at_again_not_all_at_once() -> None:
    scene = Scene([a_listed(name) for name in "abc"])
    await scene.resync().once()
    assert sorted(scene.woken) == [(("team-a", name), SPREAD_SECONDS / 2) for name in "abc"]
    assert [more for _, _, more in scene.asked] == ["", "2"]


async def test_what_the_watch_missed_is_known_afterwards() -> None:
    scene = Scene([a_listed("a", version=60)])
    scene.know(a_listed("a", version=50))
    await scene.resync().once()
    found = scene.cache.get(("team-a", "a"))
    assert found is not None
    assert found.resource_version == "60"


async def test_a_deletion_that_was_missed_is_found_and_the_session_dropped() -> None:
    scene = Scene([a_listed("a")])
    scene.know(a_listed("a"), a_listed("gone"))
    await scene.resync().once()
    assert scene.known() == ["a"]
    assert scene.dropped == ["gone"]
    assert (("team-a", "gone"), 0.0) in scene.woken


async def test_a_session_that_was_made_during_the_list_is_kept() -> None:
    scene = Scene([a_listed("a")])
    scene.know(a_listed("young", version=101))
    await scene.resync().once()
    assert scene.known() == ["a", "young"]


async def test_a_list_that_is_older_than_the_watch_changes_nothing() -> None:
    scene = Scene([a_listed("a", version=50)])
    scene.know(a_listed("a", version=60))
    await scene.resync().once()
    assert scene.cache.get(("team-a", "a")).resource_version == "60"  # type: ignore[union-attr]


async def test_each_namespace_of_ours_is_listed_and_swept_alone() -> None:
    scene = Scene([a_listed("a", "team-a"), a_listed("b", "team-b")], namespaces=("team-a", "team-b"))
    scene.know(a_listed("gone", "team-b"), a_listed("elsewhere", "team-c"))
    await scene.resync().once()
    assert [namespace for _, namespace, _ in scene.asked] == ["team-a", "team-b"]
    assert scene.known() == ["a", "b", "elsewhere"]


async def test_an_empty_cluster_is_swept_too() -> None:
    scene = Scene([])
    scene.know(a_listed("gone"))
    await scene.resync().once()
    assert scene.known() == []


async def test_a_list_that_breaks_off_sweeps_nothing_and_is_tried_again_soon() -> None:
    scene = Scene([a_listed(name) for name in "abc"], failures=[KubeUnavailable("away"), KubeExpired("too old")])
    scene.know(a_listed("gone"))
    task = asyncio.create_task(scene.resync().run())
    await asyncio.sleep(EVERY_SECONDS + 1)
    assert scene.known() == ["gone"]
    await asyncio.sleep(2 * RETRY_SECONDS)
    assert scene.known() == ["a", "b", "c"]
    task.cancel()


async def test_it_goes_on_every_so_often() -> None:
    scene = Scene([])
    task = asyncio.create_task(scene.resync().run())
    await asyncio.sleep(3.5 * EVERY_SECONDS)
    assert [moment for moment, _, _ in scene.asked] == [EVERY_SECONDS, 2 * EVERY_SECONDS, 3 * EVERY_SECONDS]
    task.cancel()


def test_a_listed_session_is_the_same_as_a_watched_one() -> None:
    assert msgspec.structs.asdict(Session.from_body(a_listed("signs")))["spec"] == a_session().spec
