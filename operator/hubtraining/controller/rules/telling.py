"""How an agent's words become stanzas of the status: numbers as strings, only what was asked for, nothing forgotten."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from hubtraining.controller.rules.booking import earlier
from hubtraining.controller.rules.deadlines import since_begin
from hubtraining.controller.rules.findings import said
from hubtraining.controller.values.pods import PodView
from hubtraining.controller.values.world import World
from hubtraining.domain.report import MOST, Checkpoint, CheckpointState, HubState, Metric, Outcome, Report, Stage
from hubtraining.domain.status import (
    CheckpointsStatus,
    CheckpointStatus,
    HubStatus,
    MetricStatus,
    ProgressStatus,
)

MOST_METRICS = 32
LONGEST_ID = 256


def number(value: float | None) -> str:
    """A measured number as the API conventions want it; empty where there is none."""
    return "" if value is None else f"{value:.6g}"


def progress(world: World) -> ProgressStatus | None:
    """How far training has come."""
    word, before = said(world), world.status.progress
    if word is None:
        return before
    epoch, epochs = finished_epochs(word, before), word.epochs or (before.epochs if before else None)
    remaining, pace = _pace(world, before)
    return ProgressStatus(
        stage=word.stage.value,
        epoch=epoch,
        epochs=epochs,
        progress_percentage=percentage(epoch, epochs),
        estimated_remaining_seconds=remaining,
        seconds_per_epoch=pace,
        last_updated_time=before.last_updated_time if before else None,
        advanced_time=_advanced(world, before, word.stage.value, epoch),
    )


def finished_epochs(word: Report | Outcome, before: ProgressStatus | None) -> int:
    """An attempt that has not trained, or ended before it did, does not know where it went on: what is told stays."""
    known = before.epoch if before and before.epoch else 0
    return known if word.stage is not Stage.TRAINING and word.epoch == 0 else word.epoch


def paused(told: ProgressStatus | None) -> ProgressStatus | None:
    """While nothing trains nobody knows when it ends."""
    return None if told is None else msgspec.structs.replace(told, estimated_remaining_seconds=None)


def percentage(epoch: int, epochs: int | None) -> int | None:
    """Whole percent, rounded down: 100 means that every planned epoch is finished."""
    return min(100, 100 * epoch // epochs) if epochs else None


def metrics(world: World) -> tuple[MetricStatus, ...]:
    """The newest metrics that the user wants to see."""
    report = world.heard.report if world.heard else None
    told = _shown(world, report.metrics) if report and report.metrics else world.status.metrics
    last = world.outcome.metrics if world.outcome else ()
    return _kept(told, _shown(world, last))


def checkpoints(world: World) -> CheckpointsStatus | None:
    """The checkpoints that matter."""
    word, before = said(world), world.status.checkpoints
    if word is None or (before is None and not _any(word)):
        return before
    known, base = before or CheckpointsStatus(), earlier(world.status)
    attempt = world.status.attempt
    return CheckpointsStatus(
        latest=_newer(_checkpoint(word.latest, attempt), known.latest),
        best=_newer(_checkpoint(word.best, attempt), known.best),
        final=_newer(_checkpoint(word.final, attempt), known.final),
        uploaded=max(base.uploaded + word.uploaded, known.uploaded or 0),
        failed=max(base.failed + word.failed, known.failed or 0),
    )


def hub(world: World) -> HubStatus | None:
    """How the agent and the hub get on."""
    before = world.status.hub
    if world.outcome is not None:
        return msgspec.structs.replace(before or HubStatus(), buffered_updates=world.outcome.buffered_updates)
    return _hub(world.heard.report.hub) if world.heard else before


def active_seconds(world: World) -> int | None:
    """Seconds that trainers ran, over all attempts; of the newest as of its newest word while it runs."""
    spans = [_ran(world, pod) for pod in world.known if pod.trainer.started is not None]
    if not spans:
        return world.status.active_seconds
    return max(world.status.active_seconds or 0, earlier(world.status).active_seconds + int(max(spans)))


def gpu_seconds(world: World) -> int | None:
    """Devices held, times the seconds that the trainers ran, over all attempts."""
    spent = [pod.gpus * _ran(world, pod) for pod in world.known if pod.trainer.started is not None and pod.gpus]
    if not spent:
        return world.status.gpu_seconds
    return max(world.status.gpu_seconds or 0, earlier(world.status).gpu_seconds + int(sum(spent)))


def _ran(world: World, pod: PodView) -> float:
    """By one clock where it can be: a node's may be wrong."""
    began, ended = pod.trainer.started or world.now, pod.trainer.finished
    if ended is None:
        began = since_begin(world, began)
        ended = world.heard.at if world.heard else began
    return max(0.0, (ended - began).total_seconds())


def _advanced(world: World, before: ProgressStatus | None, stage: str, epoch: int) -> datetime | None:
    if before is not None and (before.stage, before.epoch) == (stage, epoch) and before.advanced_time:
        return before.advanced_time
    heard = world.heard
    moment = (heard.since or heard.at) if heard else world.now
    return moment.replace(microsecond=0)


def _pace(world: World, before: ProgressStatus | None) -> tuple[int | None, int | None]:
    """Remaining seconds, and seconds an epoch."""
    report = world.heard.report if world.heard else None
    if world.outcome is not None:
        return None, before.seconds_per_epoch if before else None
    if report is None:
        return None, None
    return _whole(report.estimated_remaining_seconds), _whole(report.seconds_per_epoch)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(max(0.0, min(value, MOST)))


def _metric(metric: Metric) -> MetricStatus:
    best_epoch = metric.best_epoch if metric.best is not None else None
    return MetricStatus(metric.name, number(metric.value), number(metric.best), best_epoch)


def _shown(world: World, metrics: Iterable[Metric]) -> tuple[MetricStatus, ...]:
    wanted = world.spec.progress.metrics if world.spec else ()
    return tuple(_metric(each) for each in metrics if not wanted or each.name in wanted)[:MOST_METRICS]


def _kept(before: Iterable[MetricStatus], newest: Iterable[MetricStatus]) -> tuple[MetricStatus, ...]:
    """An outcome has room for a few metrics only: the others stay as they were last told."""
    told = {metric.name: metric for metric in newest}
    known = tuple(told.pop(metric.name, metric) for metric in before)
    return (*known, *told.values())[:MOST_METRICS]


def _any(word: Report | Outcome) -> bool:
    return bool(word.latest or word.best or word.final or word.uploaded or word.failed)


def _newer(told: CheckpointStatus | None, known: CheckpointStatus | None) -> CheckpointStatus | None:
    """What the hub has of an earlier attempt is only hidden by what it has of this one, of which its agent knows."""
    uploaded = CheckpointState.UPLOADED.value
    if told is None or known is None:
        return told or known
    return known if known.attempt != told.attempt and known.state == uploaded != told.state else told


def _checkpoint(checkpoint: Checkpoint | None, attempt: int) -> CheckpointStatus | None:
    if checkpoint is None:
        return None
    return CheckpointStatus(
        epoch=checkpoint.epoch,
        size_bytes=checkpoint.size_bytes,
        sha256=checkpoint.sha256,
        state=checkpoint.state.value,
        time=checkpoint.time.replace(microsecond=0),
        attempt=attempt,
        fitness=number(checkpoint.fitness),
    )


def _hub(state: HubState) -> HubStatus:
    beat = state.last_heartbeat_time
    return HubStatus(
        agent_id=(state.agent_id or "")[:LONGEST_ID],
        last_heartbeat_time=beat.replace(microsecond=0) if beat else None,
        consecutive_failures=state.consecutive_failures,
        buffered_updates=state.buffered_updates,
    )
