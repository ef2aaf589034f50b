"""Which logs of a session are being read, which are still to come, and when all of them were."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

import msgspec

from hubtraining.controller.values.pods import ContainerView, PodView
from hubtraining.controller.values.pods import view as pod_view
from hubtraining.domain.names import CONTAINER_AGENT, CONTAINER_FETCH, CONTAINER_TRAINER
from hubtraining.people.errors import PeopleError
from hubtraining.people.following import Gone, News, Present, Synced
from hubtraining.people.story import POD, SESSION, Story
from hubtraining.people.streams import End, Line, Place
from hubtraining.people.watch import missing

ALL = (CONTAINER_FETCH, CONTAINER_TRAINER, CONTAINER_AGENT)


class Wanted(msgspec.Struct, frozen=True):
    """What is asked for."""

    name: str
    containers: Collection[str] = ALL
    attempt: int | None = None
    """None: the newest, and while following, those that come after it."""
    tail: int | None = None


class Printer(Protocol):
    """Where lines go."""

    def line(self, line: Line) -> None:
        """A line of a container."""

    def note(self, text: str) -> None:
        """A word about the lines, which is none of them."""


class Reading:
    """What was told so far, of session, pods and logs."""

    def __init__(self, wanted: Wanted, printer: Printer, namespace: str) -> None:
        self._wanted = wanted
        self._printer = printer
        self._namespace = namespace
        self._story = Story()
        self._pods: dict[str, PodView] = {}
        self._synced: set[str] = set()
        self._begun: set[Place] = set()
        self._ended: set[Place] = set()

    @property
    def over(self) -> bool:
        """Whether every line was read that will ever come."""
        return self._synced >= {SESSION, POD} and self._begun == self._ended and self._last()

    def take(self, item: News | Line | End) -> list[Place]:
        """Act on one item; returns the containers that are to be read from now on."""
        match item:
            case Line():
                self._printer.line(item)
            case End(place=place):
                self._ended.add(place)
            case Present(what=what, body=body) if what == POD:
                self._pods[body["metadata"]["uid"]] = pod_view(body)
            case Gone(what=what, body=body) if what == POD:
                self._pods.pop(body["metadata"]["uid"], None)
            case _:
                self._learn(item)
        return self._new()

    def _learn(self, news: News) -> None:
        self._story = self._story.after(news)
        if isinstance(news, Synced):
            self._synced.add(news.what)
            if news.what == SESSION and self._story.session is None:
                raise PeopleError(missing(self._wanted.name, self._namespace))

    def _new(self) -> list[Place]:
        """Containers that have begun since the last look."""
        if not self._synced >= {SESSION, POD}:
            return []
        pods = sorted((pod for pod in self._pods.values() if self._is_wanted(pod)), key=lambda pod: pod.attempt)
        places = [place for pod in pods for place in begun(pod, self._wanted.containers) if place not in self._begun]
        for place in places:
            self._announce(place)
            self._begun.add(place)
        return places

    def _is_wanted(self, pod: PodView) -> bool:
        """Of this session, not of one that was called the same; older attempts only where they are asked for."""
        session, number = self._story.session, self._wanted.attempt
        if session is None or pod.session_uid != session.uid:
            return False
        return pod.attempt == number if number else pod.attempt >= session.status.attempt

    def _announce(self, place: Place) -> None:
        if not any(known.uid == place.uid for known in self._begun):
            pod = self._pods[place.uid]
            self._printer.note(f"attempt {pod.attempt}, pod {pod.name} on {pod.node}")

    def _last(self) -> bool:
        """Whether nothing that is wanted lives, or will come."""
        session, number = self._story.session, self._wanted.attempt
        if session is None or any(self._is_wanted(pod) and not pod.ended for pod in self._pods.values()):
            return False
        over = number is not None and (number < session.status.attempt or bool(self._begun))
        return over or session.succeeded is not None


def begun(pod: PodView, containers: Collection[str]) -> list[Place]:
    """Containers of a pod that have written, or may have."""
    return [
        Place(pod.name, pod.uid, pod.attempt, container.name, container.restarts)
        for container in _in_order(pod.containers, containers)
        if container.state != "waiting"
    ]


def _in_order(known: Mapping[str, ContainerView], wanted: Collection[str]) -> Iterable[ContainerView]:
    return (known[name] for name in ALL if name in known and name in wanted)
