"""Training that does not move: judged by what its agent tells, and only while it tells anything."""

from datetime import datetime, timedelta

from hubtraining.controller.rules import deadlines
from hubtraining.controller.rules.findings import condition, patience, silence
from hubtraining.controller.rules.telling import progress
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import World
from hubtraining.domain.conditions import Condition, ConditionType
from hubtraining.domain.report import Report, Stage

SLOW_STEPS = 3
"""The first epoch caches and compiles, and after the last one the best weights are validated once more: so many times
as long is allowed for these."""

LEAST_SLOW_SECONDS = 1800


def due(world: World) -> datetime | None:
    """When the training will count as stalled, if it does not move before; None while it cannot."""
    seconds = world.spec.stall.after_seconds if world.spec else 0
    began, report = deadlines.running_since(world), world.heard.report if world.heard else None
    if not seconds or began is None or report is None or not _may_stall(world, report):
        return None
    told = progress(world)
    moved = max(began, told.advanced_time) if told and told.advanced_time else began
    return moved + timedelta(seconds=_slow(seconds) if _is_slow(world, report) else seconds)


def is_stalled(world: World) -> bool:
    """Whether it is so now."""
    moment = due(world)
    return moment is not None and world.now >= moment


def told(world: World) -> tuple[Condition, ...]:
    """The condition: nothing where nobody ever saw a stall."""
    kind = ConditionType.STALLED
    if is_stalled(world):
        return (condition(world, kind, "True", Reason.NO_PROGRESS, message(world)),)
    if any(each.type == kind and each.status == "True" for each in world.status.conditions) and world.heard:
        return (condition(world, kind, "False", Reason.PROGRESSING, "Training moves."),)
    return ()


def message(world: World) -> str:
    """Since when nothing moves."""
    told = progress(world)
    since = told.advanced_time if told else None
    seconds = world.spec.stall.after_seconds if world.spec else 0
    moment = f" since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
    return f"No epoch was finished{moment} (spec.stall.afterSeconds is {seconds})."


def _may_stall(world: World, report: Report) -> bool:
    """Fetching and uploading are no training, and who is not heard of may train well."""
    quiet = silence(world)
    return report.stage in (Stage.PREPARING, Stage.TRAINING) and quiet is not None and quiet < patience(world)


def _is_slow(world: World, report: Report) -> bool:
    first = report.epoch <= (report.resumed_epoch or 0)
    return first or (report.epochs is not None and report.epoch >= report.epochs)


def _slow(seconds: int) -> int:
    return max(SLOW_STEPS * seconds, LEAST_SLOW_SECONDS)
