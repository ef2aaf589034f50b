"""``hubtraining logs``: what trainer, agent and fetch of a session write."""

from collections.abc import AsyncIterator

from hubtraining.controller.values.pods import view as pod_view
from hubtraining.domain.names import CONTAINER_TRAINER
from hubtraining.people import streams, view
from hubtraining.people.cluster import Cluster
from hubtraining.people.errors import PeopleError
from hubtraining.people.following import News, follow
from hubtraining.people.merging import Merge
from hubtraining.people.reading import Printer, Reading, Wanted, begun
from hubtraining.people.streams import End, Line, Place
from hubtraining.people.view import SessionView
from hubtraining.people.watch import missing


async def show(cluster: Cluster, wanted: Wanted, printer: Printer) -> None:
    """Print what there is, in the order in which it was written. Raises PeopleError and KubeError."""
    session = await _session(cluster, wanted.name)
    pods = [pod_view(body) for body in (await cluster.pods(wanted.name).page()).items]
    number = wanted.attempt or session.status.attempt or max((pod.attempt for pod in pods), default=0)
    mine = [pod for pod in pods if pod.attempt == number and pod.session_uid == session.uid]
    places = [place for pod in mine for place in begun(pod, wanted.containers)]
    if not places:
        _last_words(session, number, printer)
    async for line in _by_time([streams.read(cluster, place, wanted.tail) for place in places]):
        printer.line(line)


async def stream(cluster: Cluster, wanted: Wanted, printer: Printer) -> None:
    """Print what comes, attempt after attempt, until the session has ended. Raises PeopleError and KubeError."""
    reading = Reading(wanted, printer, cluster.namespace)
    async with Merge[News | Line | End]() as merge:
        merge.add(follow(cluster.session(wanted.name)))
        merge.add(follow(cluster.pods(wanted.name)))
        async for item in merge:
            for place in reading.take(item):
                merge.add(streams.follow(cluster, place, wanted.tail))
            if reading.over:
                break


async def _session(cluster: Cluster, name: str) -> SessionView:
    page = await cluster.session(name).page()
    if not page.items:
        raise PeopleError(missing(name, cluster.namespace))
    return view.session(page.items[0])


def _last_words(session: SessionView, number: int, printer: Printer) -> None:
    """What status keeps of an attempt whose pod is gone. Raises PeopleError where it keeps nothing."""
    attempt = next((each for each in session.status.attempts if each.number == number), None)
    if attempt is None or not attempt.log_tail:
        which = f"attempt {number} of session {session.name}" if number else f"session {session.name}"
        raise PeopleError(
            f"{which} has no log: no container of it has begun, or its pod is gone (phase {session.phase})"
        )
    printer.note(f"the pod of attempt {number} is gone; these were its trainer's last words")
    place = Place("", "", number, CONTAINER_TRAINER)
    for text in attempt.log_tail.splitlines():
        printer.line(Line(place, "", text))


async def _by_time(logs: list[AsyncIterator[Line]]) -> AsyncIterator[Line]:
    """Lines of several logs, each in its own order, the oldest first; one line of each is in memory."""
    heads = [(await anext(log, None), log) for log in logs]
    while waiting := [(line, log) for line, log in heads if line is not None]:
        oldest, source = min(waiting, key=lambda head: head[0].stamp)
        yield oldest
        heads = [(await anext(log, None) if log is source else line, log) for line, log in waiting]
