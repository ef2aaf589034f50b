"""Events are posted beside the passes, each once, and never in anybody's way."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from builders.pod import NOON
from builders.world import a_session

from hubtraining.controller.announcer import MOST_WAITING, POSTERS, Announcer, body
from hubtraining.controller.cluster.errors import AlreadyExists, KubeRefused, KubeUnavailable
from hubtraining.controller.rules.events import Event
from hubtraining.controller.values.messages import LONGEST
from hubtraining.controller.values.reasons import EventReason

pytestmark = pytest.mark.looptime

BEGUN = Event(EventReason.ATTEMPT_STARTED, "Attempt 1 begins with pod signs-1-0.")
FAILED = Event(EventReason.FAILED, "TrainerFailed: it did.", warning=True)


class Posts:
    """Where events go; ``failures`` are raised first."""

    def __init__(self, *failures: Exception, seconds: float = 0.0) -> None:
        self.posted: list[dict[str, Any]] = []
        self.failures = list(failures)
        self.seconds = seconds
        self.busy = self.most = self.dropped = 0

    async def __call__(self, event: dict[str, Any]) -> None:
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(self.seconds)
        self.busy -= 1
        if self.failures:
            raise self.failures.pop(0)
        self.posted.append(event)

    def drop(self) -> None:
        self.dropped += 1

    async def of(self, *told: Event, seconds: float = 100.0) -> list[str]:
        """The reasons that were posted after so long."""
        announcer = Announcer(self, lambda: NOON, self.drop)
        announcer.announce(a_session(), told)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await announcer.run()
        return [event["reason"] for event in self.posted]


async def test_events_are_posted() -> None:
    assert await Posts().of(BEGUN, FAILED) == ["AttemptStarted", "Failed"]


async def test_what_was_posted_before_is_as_good_as_posted() -> None:
    assert await Posts(AlreadyExists("there")).of(BEGUN, FAILED) == ["Failed"]


@pytest.mark.parametrize("failure", [KubeUnavailable("no answer"), KubeRefused("forbidden")])
async def test_a_failed_post_is_logged_and_hinders_no_other(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    assert await Posts(failure).of(BEGUN, FAILED) == ["Failed"]
    assert f"the event AttemptStarted could not be posted: {failure}" in caplog.text


async def test_so_many_are_posted_at_once() -> None:
    posts = Posts(seconds=1)
    assert len(await posts.of(*[BEGUN] * 20)) == 20
    assert posts.most == POSTERS


async def test_when_too_many_wait_the_rest_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    posts = Posts()
    announcer = Announcer(posts, lambda: NOON, posts.drop)
    announcer.announce(a_session(), (BEGUN,) * (MOST_WAITING + 2))
    assert posts.dropped == 2
    assert "too many events wait; AttemptStarted of signs is not posted" in caplog.text


def test_an_event_is_about_its_session() -> None:
    event = body(a_session(), FAILED, NOON)
    assert event["metadata"]["namespace"] == "team-a"
    assert event["involvedObject"] == {
        "apiVersion": "hubtraining.dev/v1alpha1",
        "kind": "HubTrainingSession",
        "namespace": "team-a",
        "name": "signs",
        "uid": "session-1",
        "resourceVersion": "50",
    }
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "Failed", "TrainerFailed: it did.")
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-11-23T12:00:00Z"


def test_the_same_thing_told_again_has_the_same_name_whenever_that_is() -> None:
    again = body(a_session(), BEGUN, NOON + timedelta(seconds=9))
    assert again["metadata"]["name"] == body(a_session(), BEGUN, NOON)["metadata"]["name"]


def test_what_happens_again_after_another_write_is_another_event() -> None:
    later = msgspec.structs.replace(a_session(), resource_version="51")
    names = {
        body(session, event, NOON)["metadata"]["name"] for session in (a_session(), later) for event in (BEGUN, FAILED)
    }
    assert len(names) == 4


def test_a_name_fits_where_the_longest_session_has_one() -> None:
    name = body(a_session("s" * 52), BEGUN, NOON)["metadata"]["name"]
    assert name.startswith("s" * 52 + ".")
    assert len(name) <= 253


def test_words_of_others_are_cut_and_masked() -> None:
    event = body(a_session(), Event(EventReason.FAILED, "api_key=secret " + "x" * 5000), NOON)
    assert "secret" not in event["message"]
    assert len(event["message"]) == LONGEST
