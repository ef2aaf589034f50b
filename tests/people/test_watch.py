"""A session is watched to its end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from builders.story import PHASES, a_seen_body, an_event, training_status

from hubtraining.controller.cluster.lists import Page
from hubtraining.people.errors import PeopleError
from hubtraining.people.story import EVENT, SESSION, Story
from hubtraining.people.watch import watch

pytestmark = pytest.mark.looptime

Body = dict[str, Any]
Script = list[tuple[float, str, Body]]


class Played:
    """Objects that are there at first, and what happens to them: seconds to wait, type of event, object."""

    def __init__(self, what: str, there: list[Body], script: Script) -> None:
        self.what = what
        self._there = there
        self._script = script

    async def page(self, more: str = "") -> Page:
        return Page(self._there, "1", "")

    async def watch(self, version: str) -> AsyncIterator[Body]:
        for seconds, kind, body in self._script:
            await asyncio.sleep(seconds)
            yield {"type": kind, "object": {**body, "metadata": {**body["metadata"], "resourceVersion": "9"}}}
        await asyncio.sleep(1e6)


class Stage:
    """A cluster with one session, as far as watching needs it."""

    namespace = "team-a"

    def __init__(self, there: list[Body], script: Script | None = None, events: Script | None = None) -> None:
        self._session = Played(SESSION, there, script or [])
        self._events = Played(EVENT, [], events or [])

    def session(self, name: str) -> Played:
        return self._session

    def events(self, name: str) -> Played:
        return self._events


class Screen:
    def __init__(self) -> None:
        self.stories: list[Story] = []

    def show(self, story: Story) -> None:
        self.stories.append(story)

    def phases(self) -> list[str]:
        known = [story.session.phase for story in self.stories if story.session]
        return [phase for i, phase in enumerate(known) if i == 0 or known[i - 1] != phase]


@pytest.mark.parametrize(("phase", "succeeded"), [("Succeeded", True), ("Failed", False)])
async def test_it_ends_with_the_session(phase: str, succeeded: bool) -> None:
    ways: Script = [
        (60, "MODIFIED", a_seen_body(PHASES[each])) for each in ("Preparing", "Training", "Retrying", phase)
    ]
    screen = Screen()
    assert await watch(Stage([a_seen_body({})], ways), "signs", screen) is succeeded
    assert screen.phases() == ["Pending", "Preparing", "Training", "Retrying", phase]
    assert 240 <= asyncio.get_running_loop().time() <= 245


async def test_the_events_of_the_end_are_waited_for() -> None:
    events: Script = [(1.5, "ADDED", an_event("Succeeded", "It is done."))]
    screen = Screen()
    assert await watch(Stage([a_seen_body(PHASES["Succeeded"])], events=events), "signs", screen)
    assert [event.reason for event in screen.stories[-1].events] == ["Succeeded"]


async def test_the_screen_is_drawn_each_second_though_nothing_happens() -> None:
    screen = Screen()
    stage = Stage([a_seen_body(training_status())], [(100, "MODIFIED", a_seen_body(PHASES["Failed"]))])
    await watch(stage, "signs", screen)
    assert len(screen.stories) >= 100


async def test_a_suspended_session_is_watched_on() -> None:
    script: Script = [(3600, "MODIFIED", a_seen_body(PHASES[each])) for each in ("Suspended", "Training", "Succeeded")]
    assert await watch(Stage([a_seen_body(PHASES["Queued"])], script), "signs", Screen())


async def test_a_session_that_is_not_there_is_told() -> None:
    with pytest.raises(PeopleError, match="there is no session signs in namespace team-a; `kubectl -n team-a get hts`"):
        await watch(Stage([]), "signs", Screen())


async def test_a_session_that_is_deleted_is_told() -> None:
    body = a_seen_body(training_status())
    with pytest.raises(PeopleError, match="the session signs was deleted"):
        await watch(Stage([body], [(5, "DELETED", body)]), "signs", Screen())
