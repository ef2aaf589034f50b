"""A watched session as a live table."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hubtraining.people import summary
from hubtraining.people.attention import attention
from hubtraining.people.story import Story
from hubtraining.people.view import SessionView, StatusView
from hubtraining.people.wording import ago, duration, metric

MOST_METRICS = 10
MOST_EVENTS = 6
SPARK_WIDTH = 32
COLOURS = {"Succeeded": "green", "Failed": "red", "Retrying": "yellow", "Suspended": "magenta", "Pending": "yellow"}
USUAL = "cyan"
SCORE = "metrics/"


class LiveTable:
    """A screen that is drawn anew in its place. Use with ``with``: leaving keeps what was shown last."""

    def __init__(self, now: Callable[[], datetime], console: Console | None = None) -> None:
        self._now = now
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, story: Story) -> None:
        """Draw it."""
        self._live.update(table(story, self._now()), refresh=True)


def table(story: Story, now: datetime) -> RenderableType:
    """The story as it is now."""
    if story.session is None:
        return Text(story.trouble or "Looking for the session …", style="yellow")
    parts = [part for part in _parts(story, story.session, now) if part is not None]
    body = Group(*(Padding(part, (0, 0, 0 if part is parts[-1] else 1, 0)) for part in parts))
    title = Text.assemble((story.session.name, "bold"), f"  {story.session.namespace}")
    return Panel(body, title=title, title_align="left", border_style=_colour(story.session.phase), padding=(1, 2))


def _parts(story: Story, session: SessionView, now: datetime) -> Iterator[RenderableType | None]:
    yield _head(session, now)
    yield _attention(story, session)
    yield _metrics(story, session.status)
    yield _facts(session, now)
    yield _events(story, now)


def _colour(phase: str) -> str:
    return COLOURS.get(phase, USUAL)


def _head(session: SessionView, now: datetime) -> RenderableType:
    progress = session.status.progress
    words = Text.assemble((session.phase, f"bold {_colour(session.phase)}"))
    count = summary.epoch(progress) if progress.epoch and not progress.epochs else ""
    for part in (summary.attempt(session), _running(session.status, now), count):
        words.append(f"  ·  {part}" if part else "")
    told = [Text(each) for each in (summary.present(session),) if each]
    bar = [Text(""), _bar(session, now)] if progress.epoch is not None and progress.epochs else []
    return Group(words, *told, *bar)


def _bar(session: SessionView, now: datetime) -> RenderableType:
    progress = session.status.progress
    pace = f"{duration(progress.seconds_per_epoch)} each" if progress.seconds_per_epoch else ""
    grid = Table.grid(expand=True, padding=(0, 2, 0, 0))
    grid.add_column(ratio=1)
    for _ in range(4):
        grid.add_column(no_wrap=True)
    bar = ProgressBar(
        total=progress.epochs,
        completed=progress.epoch or 0,
        complete_style=_colour(session.phase),
        finished_style="green",
    )
    percent = f"{progress.progress_percentage} %" if progress.progress_percentage is not None else ""
    grid.add_row(bar, percent, summary.epoch(progress), pace, _eta(session, now))
    return grid


def _eta(session: SessionView, now: datetime) -> str:
    progress = session.status.progress
    left = summary.remaining(progress, now)
    if left is None or session.phase != "Training":
        return ""
    return f"{summary.eta(progress, now)} ({(now + timedelta(seconds=left)).astimezone():%H:%M})"


def _running(status: StatusView, now: datetime) -> str:
    if status.start_time is None:
        return ""
    return f"for {duration(((status.completion_time or now) - status.start_time).total_seconds())}"


def _metrics(story: Story, status: StatusView) -> RenderableType | None:
    metrics = summary.ordered(status.metrics)
    if not metrics:
        return None
    grid = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", pad_edge=False)
    for name, justify in (("metric", "left"), ("now", "right"), ("best", "right"), ("at epoch", "right"), ("", "left")):
        grid.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # rich's own literal
    for each in metrics[:MOST_METRICS]:
        course = Text(
            story.history.line(each.name, SPARK_WIDTH), style="green" if each.name.startswith(SCORE) else "blue"
        )
        at = str(each.best_epoch) if each.best_epoch else ""
        now_and_best = Text(summary.number(each.value), style="bold"), summary.number(each.best)
        grid.add_row(Text(metric(each.name)), *now_and_best, at, course)
    if len(metrics) > MOST_METRICS:
        grid.add_row(Text(f"and {len(metrics) - MOST_METRICS} more", style="dim"))
    return grid


def _facts(session: SessionView, now: datetime) -> RenderableType:
    status, checkpoints = session.status, session.status.checkpoints
    grid = Table.grid(padding=(0, 3, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("model", Text(session.model or status.model.id))
    if status.model.url:
        grid.add_row("in the hub", Text(status.model.url, style=f"link {status.model.url}"))
    if status.model.dataset:
        grid.add_row("data", Text(status.model.dataset))
    for name, known in (("latest", checkpoints.latest), ("best", checkpoints.best), ("final", checkpoints.final)):
        if known is not None:
            grid.add_row(f"{name} checkpoint", Text(summary.checkpoint(known, now)))
    if told := _counts(status):
        grid.add_row("uploads", told)
    if told := summary.hub(status.hub, now):
        grid.add_row("hub", told)
    return grid


def _counts(status: StatusView) -> str:
    known = status.checkpoints
    if not (known.uploaded or known.failed):
        return ""
    return f"{known.uploaded or 0} done" + (f", {known.failed} failed" if known.failed else "")


def _attention(story: Story, session: SessionView) -> RenderableType | None:
    told = [Text.assemble(("! ", "bold red"), summary.condition(each)) for each in attention(session.status.conditions)]
    if story.trouble:
        told.append(Text.assemble(("! ", "bold yellow"), f"This may be old: {story.trouble}"))
    return Group(*told) if told else None


def _events(story: Story, now: datetime) -> RenderableType | None:
    newest = story.events[-MOST_EVENTS:]
    if not newest:
        return None
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True, justify="right")
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for event in reversed(newest):
        grid.add_row(
            ago(event.time, now), Text(event.reason, style="yellow" if event.warning else ""), Text(event.message)
        )
    return grid
