"""What the pages show, from what the store knows: values that templates only have to place. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubtraining.domain.epochs import Values, from_wire
from hubtraining.domain.progress import Best, better, direction, fitness, rank
from hubtraining.hub.links import file_name
from hubtraining.hub.model_view import Link
from hubtraining.hub.store.agents import AgentRow
from hubtraining.hub.store.checkpoints import CheckpointRow
from hubtraining.hub.store.facts import Facts
from hubtraining.hub.store.models import ModelRow
from hubtraining.hub.web import words
from hubtraining.hub.web.charts import Chart, Points, charts

ALIVE_SECONDS = 660.0
"""Two heartbeats of 300 s, and a minute: an agent that was silent for longer is gone."""
MAX_EPOCHS = 1_000_000_000
"""Clients add an epoch for their final evaluation: nobody is told of epoch 101 of 100."""


@dataclass(frozen=True)
class Summary:
    """One model in a list."""

    id: str
    name: str
    state: str
    epoch: int
    epochs: int | None
    share: int
    """Percent of the planned epochs."""
    fitness: str
    seen: str
    created: str


@dataclass(frozen=True)
class Score:
    """One metric, newest and best."""

    name: str
    last: str
    best: str
    best_epoch: int | None


@dataclass(frozen=True)
class Checkpoint:
    """One upload; ``link`` is None where its file is no longer kept."""

    epoch: int
    marks: tuple[str, ...]
    size: str
    sha256: str
    time: str
    attempt: int | None
    link: str | None


@dataclass(frozen=True)
class Agent:
    """One agent that is alive."""

    name: str
    id: str
    attempt: int | None
    seen: str


@dataclass(frozen=True)
class Page:
    """Everything on a model's page."""

    summary: Summary
    facts: tuple[tuple[str, str], ...]
    scores: tuple[Score, ...]
    charts: list[Chart]
    checkpoints: tuple[Checkpoint, ...]
    agents: tuple[Agent, ...]


def summary(model: ModelRow, newest: tuple[int, Values] | None, now: float) -> Summary:
    """A row of the list; also the head of the page."""
    epochs = _whole(model.config.get("epochs"))
    epoch = 0 if newest is None else min(from_wire(newest[0]), epochs or MAX_EPOCHS)
    return Summary(
        id=model.id,
        name=model.name or model.id,
        state=model.status,
        epoch=epoch,
        epochs=epochs,
        share=_share(epoch, epochs, model.status),
        fitness=words.number(None if newest is None else fitness(newest[1])),
        seen="never" if model.seen_at is None else words.ago(now - model.seen_at),
        created=words.moment(model.created_at),
    )


def page(
    facts: Facts,
    series: Mapping[str, Points],
    history: Sequence[CheckpointRow],
    agents: Sequence[AgentRow],
    link: Link,
    now: float,
) -> Page:
    """A model's page; ``series`` is by name and epoch, counted from 1."""
    newest = max((epoch for points in series.values() for epoch in points), default=0)
    last = {name: points[newest] for name, points in series.items() if newest in points}
    head = summary(facts.model, (newest - 1, last) if newest else None, now)
    return Page(
        head, described(facts), scores(series), charts(series), checkpoints(facts, history, link), alive(agents, now)
    )


def described(facts: Facts) -> tuple[tuple[str, str], ...]:
    """What was asked for, where it was said."""
    model, claim = facts.model, facts.claim
    told: dict[str, Any] = {
        "data set": model.dataset.get("name") or model.dataset.get("id"),
        "starts from": model.parent or (model.architecture and f"{model.architecture}.yaml"),
        "image size": model.config.get("imgsz"),
        "batch": model.config.get("batch"),
        "patience": model.config.get("patience"),
        "namespace": model.namespace,
        "session": claim and claim.session,
        "attempt": claim and claim.attempt,
        "created": words.moment(model.created_at),
        "last sign of life": model.seen_at and words.moment(model.seen_at),
    }
    return tuple((name, str(value)) for name, value in told.items() if value not in (None, "", 0))


def scores(series: Mapping[str, Points]) -> tuple[Score, ...]:
    """Metrics that have a direction, the most important first."""
    names = sorted((name for name in series if direction(name) and any_value(series[name])), key=rank)
    return tuple(_score(name, series[name]) for name in names)


def any_value(points: Points) -> bool:
    return any(value is not None for value in points.values())


def _score(name: str, points: Points) -> Score:
    best: Best | None = None
    for epoch in sorted(points):
        best = better(best, name, points[epoch], epoch)
    last = words.number(points[max(points)])
    if best is None:
        return Score(name, last, words.NONE, None)
    return Score(name, last, words.number(best.value), best.epoch)


def checkpoints(facts: Facts, history: Sequence[CheckpointRow], link: Link) -> tuple[Checkpoint, ...]:
    """The history, newest first; last, best and final can be downloaded."""
    return tuple(_checkpoint(facts, row, link) for row in history)


def _checkpoint(facts: Facts, row: CheckpointRow, link: Link) -> Checkpoint:
    places = {"last": facts.model.last, "best": facts.model.best, "final": facts.model.final}
    marks = tuple(name for name, sequence in places.items() if sequence == row.sequence)
    name = file_name(f"{facts.model.name.rpartition('.')[0] or facts.model.id}-{'-'.join(marks)}", ".pt")
    return Checkpoint(
        epoch=from_wire(row.epoch),
        marks=marks,
        size=words.size(row.size),
        sha256=row.sha256,
        time=words.moment(row.created_at),
        attempt=row.attempt or None,
        link=link(row.sha256, name) if marks else None,
    )


def alive(agents: Sequence[AgentRow], now: float) -> tuple[Agent, ...]:
    """Agents that were heard of lately."""
    return tuple(Agent(row.name, row.id, row.attempt or None, words.ago(now - row.seen_at)) for row in agents)


def _share(epoch: int, epochs: int | None, state: str) -> int:
    if state == "trained":
        return 100
    return 0 if not epochs or epochs < 1 else min(100, 100 * epoch // epochs)


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 < value < 1e9 else None
