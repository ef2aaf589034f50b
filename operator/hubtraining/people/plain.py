"""A watched session as lines, for files and pipes: each change is told once."""

from collections.abc import Callable, Iterator
from datetime import datetime

import click

from hubtraining.people import summary
from hubtraining.people.attention import attention
from hubtraining.people.story import Story
from hubtraining.people.view import SessionView
from hubtraining.people.wording import metric

MOST_METRICS = 8

Teller = Callable[[SessionView | None, SessionView, datetime], Iterator[str]]


class Lines:
    """A screen that only grows."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._shown = Story()

    def show(self, story: Story) -> None:
        """Print what is new."""
        now = self._now()
        for line in lines(self._shown, story, now):
            click.echo(f"{now.astimezone():%H:%M:%S} {line}")
        self._shown = story


def lines(before: Story, after: Story, now: datetime) -> Iterator[str]:
    """What ``after`` says that ``before`` did not."""
    if after.trouble and after.trouble != before.trouble:
        yield f"waiting: {after.trouble}"
    if before.trouble and not after.trouble:
        yield "the API server answers again"
    if after.session is not None:
        for teller in _TELLERS:
            yield from teller(before.session, after.session, now)
    told = before.events
    for event in after.events:
        if event not in told:
            yield f"event {event.reason}: {event.message}"


def _phase(before: SessionView | None, after: SessionView, _: datetime) -> Iterator[str]:
    if before is None:
        yield f"session {after.namespace}/{after.name}, model {after.model}"
    if before is None or before.phase != after.phase:
        yield f"phase {after.phase}"


def _attempt(before: SessionView | None, after: SessionView, _: datetime) -> Iterator[str]:
    told = summary.attempt(after)
    if told and (before is None or summary.attempt(before) != told):
        yield told


def _model(before: SessionView | None, after: SessionView, _: datetime) -> Iterator[str]:
    url = after.status.model.url
    if url and (before is None or before.status.model.url != url):
        yield f"model {url}"


def _progress(before: SessionView | None, after: SessionView, now: datetime) -> Iterator[str]:
    progress = after.status.progress
    if not progress.epoch or (before is not None and before.status.progress.epoch == progress.epoch):
        return
    metrics = [
        f"{metric(each.name)} {summary.number(each.value)}"
        for each in summary.ordered(after.status.metrics)
        if each.value
    ]
    yield ", ".join(
        part for part in (summary.epoch(progress), summary.eta(progress, now), *metrics[:MOST_METRICS]) if part
    )


def _attention(before: SessionView | None, after: SessionView, _: datetime) -> Iterator[str]:
    told = attention(before.status.conditions) if before else ()
    for condition in attention(after.status.conditions):
        if condition not in told and condition.type != "Succeeded":
            yield f"attention: {summary.condition(condition)}"


def _present(before: SessionView | None, after: SessionView, _: datetime) -> Iterator[str]:
    told = summary.present(after)
    if told and after.succeeded is None and (before is None or summary.present(before) != told):
        yield told


def _end(before: SessionView | None, after: SessionView, _: datetime) -> Iterator[str]:
    told = summary.end(after)
    if told and (before is None or not summary.end(before)):
        yield told


_TELLERS: tuple[Teller, ...] = (_phase, _present, _model, _attempt, _progress, _attention, _end)
