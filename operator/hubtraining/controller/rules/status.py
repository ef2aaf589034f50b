"""The status stanza that a world and a decision amount to, and when it is worth a write."""

import zlib
from typing import Any

import msgspec

from hubtraining.controller.rules import deadlines
from hubtraining.controller.rules.booking import booked
from hubtraining.controller.rules.telling import (
    active_seconds,
    checkpoints,
    gpu_seconds,
    hub,
    metrics,
    paused,
    progress,
)
from hubtraining.controller.values.decisions import Decision
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import World
from hubtraining.domain.conditions import Condition, ConditionType, find, merge
from hubtraining.domain.session import Object
from hubtraining.domain.status import CheckpointsStatus, CheckpointStatus, ProgressStatus, SessionStatus

WRITES_PER_SECOND = 60.0
"""Of all sessions together: where more report, each one's status is written more rarely."""
SPREAD = 0.2
"""Intervals are longer by up to this share, each session by its own: they never march in step."""


def read(status: Object) -> SessionStatus:
    """The stanza as it was written; conditions of types that we do not know are left out.

    Raises msgspec.ValidationError where it cannot be understood: nothing may be decided from a guess.
    """
    known = set(ConditionType)
    conditions = [each for each in status.get("conditions") or () if each.get("type") in known]
    return msgspec.convert({**status, "conditions": conditions}, SessionStatus)


def written(status: SessionStatus) -> dict[str, Any]:
    """The stanza as it is sent."""
    return dict(msgspec.to_builtins(status))


def status(world: World, decision: Decision) -> SessionStatus:
    """What should stand: what stood, what the decision says, and what the agent told."""
    before = world.status
    conditions = merge(before.conditions, decision.conditions, world.moment)
    ended = _summary(conditions).status != "Unknown"
    entered = booked(before, decision.attempt, decision.avoid)
    after = msgspec.structs.replace(
        entered,
        observed_generation=world.session.generation,
        phase=phase(conditions),
        conditions=conditions,
        model=decision.model or before.model,
        progress=progress(world) if world.is_open and _is_open(entered) else paused(progress(world)),
        metrics=metrics(world),
        checkpoints=checkpoints(world),
        hub=hub(world),
        start_time=before.start_time or (entered.attempts[0].start_time if entered.attempts else None),
        training_time=deadlines.training_time(world),
        completion_time=before.completion_time or (world.moment if ended else None),
        active_seconds=active_seconds(world),
        gpu_seconds=gpu_seconds(world),
    )
    return _stamped(before, after, world)


def phase(conditions: tuple[Condition, ...]) -> str:
    """One word for people; nothing reads it back."""
    known = {each.type: each for each in conditions}
    summary, training = known.get(ConditionType.SUCCEEDED), known.get(ConditionType.TRAINING)
    if summary is not None and summary.status != "Unknown":
        return "Succeeded" if summary.status == "True" else "Failed"
    if _holds(known.get(ConditionType.SUSPENDED)):
        return "Suspended"
    if _holds(training):
        return "Training"
    return _WORDS.get(training.reason if training else "") or _place(known.get(ConditionType.SCHEDULED))


_WORDS = {
    Reason.FINALIZING.value: "Finalizing",
    Reason.STOPPING.value: "Finalizing",
    Reason.POD_STUCK.value: "Finalizing",
    Reason.RETRYING.value: "Retrying",
}


def _place(scheduled: Condition | None) -> str:
    if scheduled is not None and scheduled.reason == Reason.QUEUED.value:
        return "Queued"
    return "Preparing" if _holds(scheduled) else "Pending"


def _holds(condition: Condition | None) -> bool:
    return condition is not None and condition.status == "True"


def wait(world: World, after: SessionStatus, hold: float, waited: float) -> float | None:
    """Seconds until the new stanza is to be written; None when it says nothing new.

    ``waited`` seconds have passed since it first differed; a transition may be held so long in all.
    """
    before = world.status
    if _news(before) != _news(after):
        return max(0.0, hold - waited)
    if _numbers(before) == _numbers(after):
        return None
    last = before.progress.last_updated_time if before.progress else None
    passed = (world.now - last).total_seconds() if last else interval(world)
    return min(max(0.0, interval(world) - passed), interval(world))


def interval(world: World) -> float:
    """Seconds between two writes of mere numbers."""
    asked = world.spec.progress.status_seconds if world.spec else 0
    share = (zlib.crc32(world.session.uid.encode()) % 1000) / 1000
    return max(float(asked), world.running / WRITES_PER_SECOND, 1.0) * (1 + SPREAD * share)


def _is_open(status: SessionStatus) -> bool:
    return bool(status.attempts) and status.attempts[-1].is_open


def _summary(conditions: tuple[Condition, ...]) -> Condition:
    unknown = Condition(ConditionType.SUCCEEDED, "Unknown", Reason.IN_PROGRESS)
    return find(conditions, ConditionType.SUCCEEDED) or unknown


def _stamped(before: SessionStatus, after: SessionStatus, world: World) -> SessionStatus:
    """With the time of this update, if the numbers moved."""
    if after.progress is None or _numbers(before) == _numbers(after):
        return after
    stamped = msgspec.structs.replace(after.progress, last_updated_time=world.moment)
    return msgspec.structs.replace(after, progress=stamped)


def _news(status: SessionStatus) -> object:
    """What is told at once: everything but numbers that move all the time."""
    known = status.checkpoints or CheckpointsStatus()
    return (
        status.phase,
        tuple((each.type, each.status, each.reason) for each in status.conditions),
        status.observed_generation,
        status.model,
        status.attempts,
        status.avoided_nodes,
        status.start_time,
        status.completion_time,
        known.latest is not None and known.latest.state == "Uploaded",
        _identity(known.best),
        _identity(known.final),
    )


def _identity(checkpoint: CheckpointStatus | None) -> object:
    return (checkpoint.sha256, checkpoint.state) if checkpoint else None


def _numbers(status: SessionStatus) -> object:
    """All of it, without the stamps that follow from the rest."""
    blank = msgspec.structs.replace(status.progress or ProgressStatus(), last_updated_time=None)
    return msgspec.structs.replace(status, progress=blank, active_seconds=None, gpu_seconds=None)
