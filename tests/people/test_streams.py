"""One container's log, through every kind of interruption."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from builders.pod import PodBuilder, a_pod
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.cluster.errors import KubeError, KubeNotFound, KubeRefused, KubeUnavailable
from hubtraining.people import streams
from hubtraining.people.streams import End, Line, Place

pytestmark = pytest.mark.looptime

RUNNING, ENDED = a_pod().training(), a_pod().ended()
PLACE = Place("signs-1-0", RUNNING.view().uid, 1, "trainer")
CUT = KubeUnavailable("reset")


def stamped(second: int, text: str) -> bytes:
    return f"2026-11-23T12:00:{second:02}.000000001Z {text}\n".encode()


class Logs:
    """Answers in the order in which they were given: pieces of a log, and an error at the end, or none."""

    def __init__(self, *answers: list[bytes | KubeError], pods: list[PodBuilder | KubeError] | None = None) -> None:
        self._answers = list(answers)
        self._pods = list(pods or [ENDED])
        self.asked: list[dict[str, str]] = []

    async def log(self, pod: str, query: Mapping[str, str], silence: float) -> AsyncIterator[bytes]:
        self.asked.append(dict(query))
        for piece in self._answers.pop(0):
            await asyncio.sleep(0.1)
            if isinstance(piece, KubeError):
                raise piece
            yield piece

    async def get_pod(self, name: str) -> dict[str, Any]:
        answer = self._pods.pop(0)
        if isinstance(answer, KubeError):
            raise answer
        return answer.body()


async def followed(logs: Logs, tail: int | None = None) -> list[str]:
    items = [item async for item in streams.follow(logs, PLACE, tail)]
    assert items[-1] == End(PLACE)
    return [item.text for item in items if isinstance(item, Line)]


async def test_lines_come_until_the_container_has_ended() -> None:
    logs = Logs([stamped(1, "one"), stamped(2, "two")])
    assert await followed(logs) == ["one", "two"]
    assert logs.asked == [{"container": "trainer", "timestamps": "true", "follow": "true"}]


async def test_a_cut_stream_goes_on_after_its_last_line() -> None:
    again = [stamped(2, "two"), stamped(3, "three")]
    logs = Logs([stamped(1, "one"), stamped(2, "two"), CUT], again, pods=[RUNNING, ENDED])
    assert await followed(logs) == ["one", "two", "three"]
    assert logs.asked[1]["sinceTime"] == "2026-11-23T12:00:02.000000001Z"


async def test_half_a_line_before_a_cut_is_told_once_and_whole() -> None:
    whole = stamped(2, "a long line")
    logs = Logs([stamped(1, "one"), whole[:-8], CUT], [stamped(1, "one"), whole], pods=[RUNNING, ENDED])
    assert await followed(logs) == ["one", "a long line"]


async def test_a_stream_that_ends_while_its_container_runs_is_asked_for_again() -> None:
    """The kubelet ends streams when it restarts, and when it rotates the file."""
    logs = Logs([stamped(1, "one")], [], [stamped(2, "two")], pods=[RUNNING, RUNNING, ENDED])
    assert await followed(logs) == ["one", "two"]


async def test_lines_of_the_same_instant_are_all_told() -> None:
    assert await followed(Logs([stamped(1, "one") + stamped(1, "two")])) == ["one", "two"]


@pytest.mark.parametrize(
    "pod", [KubeNotFound("gone"), a_pod(uid="another").training(), a_pod().fetching()], ids=["gone", "other", "waiting"]
)
async def test_it_ends_when_the_pod_or_this_run_of_the_container_is_no_more(pod: PodBuilder | KubeError) -> None:
    assert await followed(Logs([stamped(1, "one"), KubeNotFound("gone")], pods=[pod])) == ["one"]


async def test_an_api_server_that_is_away_is_asked_until_it_is_back() -> None:
    logs = Logs([CUT], [CUT], [stamped(1, "one")], pods=[CUT, CUT, ENDED])
    assert await followed(logs) == ["one"]


async def test_a_container_that_has_no_log_yet_is_asked_again() -> None:
    waiting = KubeRefused("container is waiting to start", status=400)
    assert await followed(Logs([waiting], [stamped(1, "one")], pods=[RUNNING, ENDED])) == ["one"]


async def test_who_may_not_read_is_told() -> None:
    with pytest.raises(KubeRefused):
        await followed(Logs([KubeRefused("forbidden", status=403)]))


async def test_the_tail_is_asked_for_once() -> None:
    logs = Logs([stamped(1, "one"), CUT], [stamped(2, "two")], pods=[RUNNING, ENDED])
    assert await followed(logs, tail=5) == ["one", "two"]
    assert [query.get("tailLines") for query in logs.asked] == ["5", None]


@given(st.lists(st.text("ab →\r", max_size=9), max_size=5), st.integers(1, 9))
async def test_lines_are_whole_however_the_pieces_are_cut(texts: list[str], size: int) -> None:
    whole = b"".join(stamped(number, text) for number, text in enumerate(texts))
    logs = Logs([whole[at : at + size] for at in range(0, len(whole), size)])
    assert [line.text async for line in streams.read(logs, PLACE, None)] == texts


async def test_what_is_no_utf8_and_a_last_line_without_an_end_are_shown() -> None:
    logs = Logs([b"2026-11-23T12:00:01Z caf\xe9\n2026-11-23T12:00:02Z rest"])
    assert [line.text async for line in streams.read(logs, PLACE, 3)] == ["caf�", "rest"]
    assert logs.asked[0]["tailLines"] == "3"
