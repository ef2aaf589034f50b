"""Conditions of a session: their types, their reasons, and how a new one is folded into the old."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

ConditionStatus = Literal["True", "False", "Unknown"]


class ConditionType(StrEnum):
    """``SUCCEEDED`` is the summary: Unknown while it runs. An absent condition means Unknown."""

    ACCEPTED = "Accepted"
    HUB_READY = "HubReady"
    SCHEDULED = "Scheduled"
    TRAINING = "Training"
    AGENT_REPORTING = "AgentReporting"
    CHECKPOINT_SAFE = "CheckpointSafe"
    SUSPENDED = "Suspended"
    STALLED = "Stalled"
    SUCCEEDED = "Succeeded"


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    """A ``metav1.Condition``."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str = ""
    observed_generation: int = 0
    last_transition_time: datetime | None = None


def find(conditions: Iterable[Condition], kind: ConditionType) -> Condition | None:
    """The one of a type, if it is told."""
    return next((each for each in conditions if each.type == kind), None)


def merge(old: Iterable[Condition], new: Iterable[Condition], now: datetime) -> tuple[Condition, ...]:
    """Fold new conditions into old ones, in the order of ``ConditionType``; the time moves only when a status flips.

    Of two new ones of a type the later counts.
    """
    before = {condition.type: condition for condition in old}
    after = before | {condition.type: _dated(condition, before.get(condition.type), now) for condition in new}
    return tuple(after[kind] for kind in ConditionType if kind in after)


def _dated(condition: Condition, before: Condition | None, now: datetime) -> Condition:
    same = before is not None and before.status == condition.status
    since = before.last_transition_time if before is not None and same else now
    return msgspec.structs.replace(condition, last_transition_time=since)
