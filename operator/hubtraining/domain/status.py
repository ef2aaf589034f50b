"""The status stanza, typed. Numbers that are measured are strings, as the API conventions ask."""

from datetime import datetime

import msgspec

from hubtraining.domain.conditions import Condition

OUTCOMES = ("Pending", "Running", "Stopping", "Succeeded", "Failed", "Ignored", "Disrupted", "Suspended")
"""Of an attempt; the last five are final. ``Failed`` counts towards ``spec.retry.limit``, and nothing else does."""

PHASES = (
    "Pending",
    "Queued",
    "Preparing",
    "Training",
    "Finalizing",
    "Suspended",
    "Retrying",
    "Succeeded",
    "Failed",
)


class _Part(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Unknown fields of an older or newer version are ignored; unset ones are not written."""


class ModelStatus(_Part, frozen=True):
    """The hub's model."""

    id: str = ""
    url: str = ""
    parent: str = ""
    dataset: str = ""
    resumed: bool = False
    overridden: tuple[str, ...] = ()
    """Names in ``spec.train.args`` for which the hub has another value, which is used."""


class ProgressStatus(_Part, frozen=True):
    """What training has reached."""

    stage: str = ""
    epoch: int | None = None
    epochs: int | None = None
    progress_percentage: int | None = None
    estimated_remaining_seconds: int | None = None
    seconds_per_epoch: int | None = None
    last_updated_time: datetime | None = None
    advanced_time: datetime | None = None
    """When stage or epoch last moved on."""


class MetricStatus(_Part, frozen=True):
    """One metric, mirrored."""

    name: str
    value: str = ""
    best: str = ""
    best_epoch: int | None = None


class CheckpointStatus(_Part, frozen=True):
    """One checkpoint that the hub has or will have."""

    epoch: int | None = None
    size_bytes: int | None = None
    sha256: str = ""
    state: str = ""
    time: datetime | None = None
    attempt: int | None = None
    fitness: str = ""


class CheckpointsStatus(_Part, frozen=True):
    """The checkpoints that matter, and counts."""

    latest: CheckpointStatus | None = None
    best: CheckpointStatus | None = None
    final: CheckpointStatus | None = None
    uploaded: int | None = None
    failed: int | None = None


class HubStatus(_Part, frozen=True):
    """How the agent and the hub get on."""

    agent_id: str = ""
    last_heartbeat_time: datetime | None = None
    consecutive_failures: int | None = None
    buffered_updates: int | None = None


class AttemptStatus(_Part, frozen=True):
    """One attempt; the newest stands last."""

    number: int
    pods: tuple[str, ...] = ()
    pod_uids: tuple[str, ...] = msgspec.field(default=(), name="podUIDs")
    succeeded_pods: tuple[str, ...] = ()
    """Of several, those that have ended well."""
    node: str = ""
    start_time: datetime | None = None
    training_time: datetime | None = None
    """When its trainer began."""
    end_time: datetime | None = None
    outcome: str = ""
    """One of OUTCOMES."""
    exit_code: int | None = None
    reason: str = ""
    """Why it ended, or why it is being stopped."""
    message: str = ""
    rule: str = ""
    """The failure rule that spoke."""
    action: str = ""
    """What that rule, or the stop, means for the session."""
    resumed_epoch: int | None = None
    log_tail: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.end_time is None


class EarlierStatus(_Part, frozen=True):
    """Totals of the attempts before the newest, which goes on from them."""

    active_seconds: int = 0
    gpu_seconds: int = 0
    uploaded: int = 0
    failed: int = 0


class SessionStatus(_Part, frozen=True):
    """The whole stanza, written by the controller alone."""

    observed_generation: int = 0
    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    model: ModelStatus | None = None
    progress: ProgressStatus | None = None
    metrics: tuple[MetricStatus, ...] = ()
    checkpoints: CheckpointsStatus | None = None
    hub: HubStatus | None = None
    attempt: int = 0
    failures: int = 0
    preemptions: int = 0
    avoided_nodes: tuple[str, ...] = ()
    """Where no attempt shall run any more, by a failure rule; the newest last."""
    attempts: tuple[AttemptStatus, ...] = ()
    earlier: EarlierStatus | None = None
    start_time: datetime | None = None
    training_time: datetime | None = None
    """When a trainer last began."""
    completion_time: datetime | None = None
    active_seconds: int | None = None
    gpu_seconds: int | None = None
