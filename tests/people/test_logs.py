"""Logs of a session, once and while it goes on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from builders.pod import PodBuilder, a_pod
from builders.session import UID
from builders.story import PHASES, a_seen_body, training_status
from support.objects_api import ObjectsApi, served

from hubtraining.people import logs
from hubtraining.people.cluster import Cluster, connected
from hubtraining.people.errors import PeopleError
from hubtraining.people.place import Where
from hubtraining.people.reading import Wanted
from hubtraining.people.streams import Line

SESSIONS = "hubtrainingsessions"


class Printed:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []
        self._printed = asyncio.Event()

    def line(self, line: Line) -> None:
        self.lines.append(f"{line.place.container}: {line.text}")
        self._printed.set()

    async def sees(self, line: str) -> None:
        async with asyncio.timeout(10):
            while line not in self.lines:
                self._printed.clear()
                await self._printed.wait()

    def note(self, text: str) -> None:
        self.notes.append(text)


def written(*texts: tuple[int, str]) -> str:
    return "".join(f"2026-11-23T12:00:{second:02}.000000000Z {text}\n" for second, text in texts)


def pod(attempt: int = 1) -> PodBuilder:
    return a_pod(uid=f"pod-{attempt}", session_uid=UID, attempt=attempt)


@pytest.fixture
def api() -> ObjectsApi:
    made = ObjectsApi()
    made.put(SESSIONS, a_seen_body(training_status(attempt=1)))
    made.logs = {
        ("signs-1-0", "agent"): written((1, "hello"), (4, "uploaded")),
        ("signs-1-0", "fetch"): written((2, "weights")),
        ("signs-1-0", "trainer"): written((3, "epoch 1"), (5, "epoch 2")),
        ("signs-2-0", "trainer"): written((9, "again")),
    }
    return made


@pytest.fixture
async def cluster(api: ObjectsApi, tmp_path: Path) -> AsyncIterator[Cluster]:
    async with served(api, tmp_path) as file, connected(Where(file), {}) as made:
        yield made


async def shown(cluster: Cluster, **wanted: Any) -> list[str]:
    printed = Printed()
    await logs.show(cluster, Wanted("signs", **wanted), printed)
    return printed.lines


async def test_lines_of_all_containers_are_in_the_order_of_time(api: ObjectsApi, cluster: Cluster) -> None:
    api.put("pods", pod().training().body())
    assert await shown(cluster) == [
        "agent: hello",
        "fetch: weights",
        "trainer: epoch 1",
        "agent: uploaded",
        "trainer: epoch 2",
    ]


async def test_containers_that_have_not_begun_are_left_out(api: ObjectsApi, cluster: Cluster) -> None:
    api.put("pods", pod().fetching().body())
    assert await shown(cluster) == ["agent: hello", "fetch: weights", "agent: uploaded"]


async def test_the_newest_attempt_is_shown_unless_another_is_asked_for(api: ObjectsApi, cluster: Cluster) -> None:
    api.put(SESSIONS, a_seen_body(training_status(attempt=2)))
    for attempt in (1, 2):
        api.put("pods", pod(attempt).ended().body())
    assert await shown(cluster, containers=["trainer"]) == ["trainer: again"]
    assert await shown(cluster, containers=["trainer"], attempt=1) == ["trainer: epoch 1", "trainer: epoch 2"]


async def test_a_pod_of_an_older_session_is_not_this_ones(api: ObjectsApi, cluster: Cluster) -> None:
    api.put("pods", a_pod(session_uid="another").training().body())
    assert await shown(cluster) == ["trainer: Killed"]


async def test_nothing_to_show_is_told(api: ObjectsApi, cluster: Cluster) -> None:
    with pytest.raises(PeopleError, match=r"attempt 3 of session signs has no log.*phase Training"):
        await shown(cluster, attempt=3)
    api.put(SESSIONS, a_seen_body({}))
    with pytest.raises(PeopleError, match=r"session signs has no log.*phase Pending"):
        await shown(cluster)
    del api.objects[SESSIONS, "signs"]
    with pytest.raises(PeopleError, match="there is no session signs in namespace team-a"):
        await shown(cluster)


async def test_a_session_is_followed_into_its_next_attempt_and_to_its_end(api: ObjectsApi, cluster: Cluster) -> None:
    printed = Printed()
    following = asyncio.create_task(logs.stream(cluster, Wanted("signs", ["trainer"]), printed))
    api.put("pods", pod(1).ended().body())
    await printed.sees("trainer: epoch 2")
    api.put(SESSIONS, a_seen_body(training_status(attempt=2)))
    api.put("pods", pod(2).ended().body())
    await printed.sees("trainer: again")
    api.put(SESSIONS, a_seen_body(PHASES["Failed"]))
    await asyncio.wait_for(following, 10)
    assert printed.lines == ["trainer: epoch 1", "trainer: epoch 2", "trainer: again"]
    assert [note.partition(",")[0] for note in printed.notes] == ["attempt 1", "attempt 2"]
