"""Which logs are read while a session is followed."""

from typing import Any

import pytest
from builders.pod import PodBuilder, a_pod
from builders.session import UID
from builders.story import PHASES, a_seen_body, training_status

from hubtraining.people.errors import PeopleError
from hubtraining.people.following import Gone, Present, Synced
from hubtraining.people.reading import Reading, Wanted
from hubtraining.people.story import POD, SESSION
from hubtraining.people.streams import End, Line, Place


class Notes:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []

    def line(self, line: Line) -> None:
        self.lines.append(line.text)

    def note(self, text: str) -> None:
        self.notes.append(text)


class Scene:
    """Somebody who follows the session ``signs``."""

    def __init__(self, **wanted: Any) -> None:
        self.printer = Notes()
        self.reading = Reading(Wanted("signs", **wanted), self.printer, "team-a")
        self.places: list[Place] = []

    def session(self, status: dict[str, Any]) -> "Scene":
        return self._take(Present(SESSION, a_seen_body(status)))

    def pod(self, pod: PodBuilder) -> "Scene":
        return self._take(Present(POD, pod.body()))

    def gone(self, pod: PodBuilder) -> "Scene":
        return self._take(Gone(POD, pod.body()))

    def synced(self) -> "Scene":
        return self._take(Synced(SESSION))._take(Synced(POD))

    def end(self, *places: Place) -> "Scene":
        for place in places or self.places:
            self._take(End(place))
        return self

    def read(self) -> list[tuple[int, str]]:
        return [(place.attempt, place.container) for place in self.places]

    def _take(self, item: Any) -> "Scene":
        self.places += self.reading.take(item)
        return self


def pod(attempt: int = 1) -> PodBuilder:
    return a_pod(uid=f"pod-{attempt}", session_uid=UID, attempt=attempt)


FIRST, SECOND = training_status(attempt=1), training_status(attempt=2)


def test_nothing_is_read_before_everything_is_known() -> None:
    scene = Scene().session(FIRST).pod(pod().training())
    assert scene.read() == []
    assert scene.synced().read() == [(1, "fetch"), (1, "trainer"), (1, "agent")]


def test_a_container_is_read_once_it_has_begun() -> None:
    scene = Scene().session(FIRST).synced().pod(pod())
    assert scene.read() == []
    assert scene.pod(pod().fetching()).read() == [(1, "fetch"), (1, "agent")]
    assert scene.pod(pod().training()).read() == [(1, "fetch"), (1, "agent"), (1, "trainer")]
    assert len(scene.pod(pod().training()).read()) == 3


def test_only_what_is_wanted_is_read() -> None:
    assert Scene(containers=("trainer",)).session(FIRST).synced().pod(pod().training()).read() == [(1, "trainer")]


def test_the_next_attempt_is_read_after_the_first() -> None:
    scene = Scene(containers=("trainer",)).session(FIRST).synced().pod(pod(1).training())
    assert scene.session(SECOND).pod(pod(2).training()).read() == [(1, "trainer"), (2, "trainer")]
    assert scene.printer.notes == ["attempt 1, pod signs-1-0 on node-1", "attempt 2, pod signs-2-0 on node-1"]


def test_older_attempts_are_read_only_when_asked_for() -> None:
    for attempt, read in ((None, [(2, "trainer")]), (1, [(1, "trainer")])):
        scene = (
            Scene(containers=("trainer",), attempt=attempt).session(SECOND).pod(pod(1).ended()).pod(pod(2).training())
        )
        assert scene.synced().read() == read


def test_pods_of_another_session_of_the_same_name_are_left_alone() -> None:
    assert Scene().session(FIRST).synced().pod(a_pod(session_uid="another").training()).read() == []


def test_it_is_over_when_the_session_has_ended_and_all_was_read() -> None:
    scene = Scene().session(FIRST).synced().pod(pod().training())
    assert not scene.end().reading.over
    assert not scene.session({**PHASES["Succeeded"], "attempt": 1}).reading.over  # its pod lives
    assert scene.pod(pod().ended()).reading.over


def test_it_is_not_over_while_lines_come() -> None:
    scene = Scene().session({**PHASES["Failed"], "attempt": 1}).synced().pod(pod().ended())
    assert not scene.reading.over
    assert scene.end().reading.over


def test_it_is_over_at_once_when_nothing_is_left_of_a_session_that_has_ended() -> None:
    assert Scene().session(PHASES["Succeeded"]).synced().reading.over


def test_one_attempt_is_over_with_its_pod() -> None:
    scene = Scene(attempt=1).session(FIRST).synced()
    assert not scene.reading.over  # its pod may still come
    assert not scene.pod(pod().training()).end().reading.over
    assert scene.gone(pod()).reading.over


def test_an_attempt_that_is_past_and_gone_is_over_at_once() -> None:
    assert Scene(attempt=1).session(SECOND).synced().reading.over


def test_between_two_attempts_it_waits() -> None:
    scene = Scene().session(FIRST).synced().pod(pod().training()).end().gone(pod())
    assert not scene.session(training_status(attempt=1, phase="Retrying")).reading.over


def test_lines_are_printed() -> None:
    scene = Scene()
    scene.reading.take(Line(Place("signs-1-0", "u", 1, "trainer"), "2026", "hello"))
    assert scene.printer.lines == ["hello"]


def test_a_session_that_is_not_there_and_one_that_goes_are_told() -> None:
    with pytest.raises(PeopleError, match="there is no session signs in namespace team-a"):
        Scene().synced()
    with pytest.raises(PeopleError, match="the session signs was deleted"):
        Scene().session(FIRST)._take(Gone(SESSION, a_seen_body(FIRST)))
