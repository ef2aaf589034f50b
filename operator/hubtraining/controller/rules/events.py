"""What is announced: the differences between the status that was and the status that is, each told once."""

from collections.abc import Callable, Iterator

import msgspec

from hubtraining.controller.values.reasons import EventReason, Reason
from hubtraining.domain.conditions import Condition, ConditionType, find
from hubtraining.domain.status import AttemptStatus, CheckpointsStatus, CheckpointStatus, SessionStatus


class Event(msgspec.Struct, frozen=True):
    """One thing to announce."""

    reason: EventReason
    message: str
    warning: bool = False


Teller = Callable[[SessionStatus, SessionStatus], Iterator[Event]]


def events(before: SessionStatus, after: SessionStatus) -> tuple[Event, ...]:
    """In the order in which the things happened."""
    return tuple(event for teller in _TELLERS for event in teller(before, after))


def _acceptance(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    for _, new in _turned(before, after, ConditionType.ACCEPTED):
        if new.status == "True":
            yield Event(EventReason.ACCEPTED, new.message)
        else:
            yield Event(EventReason(new.reason), new.message, warning=True)


def _hub(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    for old, new in _turned(before, after, ConditionType.HUB_READY):
        if new.reason == Reason.HUB_UNAVAILABLE.value:
            yield Event(EventReason.HUB_UNAVAILABLE, new.message, warning=True)
        elif new.status == "False":
            yield Event(EventReason.HUB_NOT_READY, f"{new.reason}: {new.message}", warning=True)
        elif new.status == "True" and old is not None and old.reason == Reason.HUB_UNAVAILABLE.value:
            yield Event(EventReason.HUB_RECOVERED, "The hub answers again.")


def _model(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    ready = find(after.conditions, ConditionType.HUB_READY)
    if after.model is not None and before.model is None and ready is not None:
        created = ready.reason == Reason.MODEL_CREATED.value
        yield Event(EventReason.MODEL_CREATED if created else EventReason.MODEL_LOADED, ready.message)


def _overridden(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    old, new = (status.model.overridden if status.model else () for status in (before, after))
    if new and new != old:
        message = f"The hub's model has other values than spec.train.args, and they are used: {', '.join(new)}."
        yield Event(EventReason.ARGUMENTS_OVERRIDDEN, message, warning=True)


def _attempt(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    if after.attempt > before.attempt:
        pods = ", ".join(after.attempts[-1].pods)
        yield Event(EventReason.ATTEMPT_STARTED, f"Attempt {after.attempt} begins with pod {pods}.")


def _resumption(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    old, new = _newest(before, after.attempt), _newest(after, after.attempt)
    if new is not None and new.resumed_epoch is not None and (old is None or old.resumed_epoch is None):
        yield Event(EventReason.RESUMED, f"Attempt {new.number} goes on after epoch {new.resumed_epoch}.")


def _setbacks(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    """Attempts that ended and are not the last."""
    old, new = _newest(before, after.attempt), _newest(after, after.attempt)
    if new is None or new.is_open or (old is not None and not old.is_open):
        return
    told = find(after.conditions, ConditionType.TRAINING)
    ahead = told.message if told is not None and told.reason == Reason.RETRYING.value else ""
    if new.outcome == "Disrupted":
        yield Event(EventReason.PREEMPTED, ahead or f"{new.reason}: {new.message}", warning=True)
    elif ahead and new.outcome in ("Failed", "Ignored"):
        yield Event(EventReason.RETRY_SCHEDULED, ahead, warning=True)


def _suspension(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    for _, new in _turned(before, after, ConditionType.SUSPENDED):
        if new.status == "True":
            yield Event(EventReason.SUSPENDED, new.message)


def _stall(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    for _, new in _turned(before, after, ConditionType.STALLED):
        if new.status == "True":
            yield Event(EventReason.STALLED, new.message, warning=True)


def _placement(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    for _, new in _turned(before, after, ConditionType.SCHEDULED):
        if new.reason == Reason.UNSCHEDULABLE.value:
            yield Event(EventReason.UNSCHEDULABLE, new.message, warning=True)


def _training(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    for _, new in _turned(before, after, ConditionType.TRAINING):
        if new.status == "True":
            yield Event(EventReason.TRAINING_STARTED, f"Attempt {after.attempt}: {new.message}")
        elif new.reason in _PODS_TROUBLES:
            yield Event(EventReason(new.reason), new.message, warning=True)


def _checkpoints(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    old, new = before.checkpoints or CheckpointsStatus(), after.checkpoints or CheckpointsStatus()
    if _uploaded(new.latest) and not _uploaded(old.latest):
        yield _checkpoint("first", new.latest)
    for _, safe in _turned(before, after, ConditionType.CHECKPOINT_SAFE):
        if safe.reason == Reason.FINAL_MISSING.value:
            yield Event(EventReason.FINAL_MISSING, safe.message, warning=True)
    for kind, was, now in (("best", old.best, new.best), ("final", old.final, new.final)):
        if _uploaded(now) and _uploaded(now) != _uploaded(was):
            yield _checkpoint(kind, now)


def _end(before: SessionStatus, after: SessionStatus) -> Iterator[Event]:
    for _, new in _turned(before, after, ConditionType.SUCCEEDED):
        if new.status == "True":
            yield Event(EventReason.SUCCEEDED, new.message)
        elif new.status == "False":
            yield Event(EventReason.FAILED, f"{new.reason}: {new.message}", warning=True)


_PODS_TROUBLES = (Reason.IMAGE_PULL_FAILED.value, Reason.CONTAINER_CONFIG_ERROR.value, Reason.POD_STUCK.value)
"""Reasons of the condition Training that are reasons of events, too."""

_TELLERS: tuple[Teller, ...] = (
    _acceptance,
    _hub,
    _model,
    _overridden,
    _attempt,
    _resumption,
    _placement,
    _training,
    _stall,
    _checkpoints,
    _setbacks,
    _suspension,
    _end,
)


def _turned(
    before: SessionStatus, after: SessionStatus, kind: ConditionType
) -> Iterator[tuple[Condition | None, Condition]]:
    """The old and the new condition, where status or reason changed."""
    old, new = find(before.conditions, kind), find(after.conditions, kind)
    if new is not None and (old is None or (old.status, old.reason) != (new.status, new.reason)):
        yield old, new


def _newest(status: SessionStatus, number: int) -> AttemptStatus | None:
    return next((attempt for attempt in status.attempts if attempt.number == number), None)


def _uploaded(checkpoint: CheckpointStatus | None) -> str:
    """The hash of a checkpoint that the hub has."""
    return checkpoint.sha256 if checkpoint is not None and checkpoint.state == "Uploaded" else ""


def _checkpoint(kind: str, checkpoint: CheckpointStatus | None) -> Event:
    known = checkpoint or CheckpointStatus()
    message = f"The {kind} checkpoint (epoch {known.epoch}, {known.size_bytes} bytes) is in the hub."
    return Event(EventReason.CHECKPOINT_UPLOADED, message)
