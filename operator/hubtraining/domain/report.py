"""What an agent tells: reports while it lives, an outcome when it ends."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time without a zone cannot be read: it could not be compared with others."""

MOST = 2**31 - 1
"""The largest count that the status of a session can hold."""
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Size = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

LONGEST_NAME = 128
Name = Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)]
Digest = Annotated[str, msgspec.Meta(max_length=64)]


class Stage(StrEnum):
    """How far an attempt has come, as its agent sees it."""

    PREPARING = "Preparing"  # the trainer has not written anything yet
    TRAINING = "Training"  # rows arrive
    FINALIZING = "Finalizing"  # the trainer has ended, the last uploads run
    FINISHED = "Finished"  # nothing more will come


class CheckpointState(StrEnum):
    """What has become of a checkpoint."""

    PENDING = "Pending"  # snapshot taken, not acknowledged yet
    UPLOADED = "Uploaded"  # the hub acknowledged it
    FAILED = "Failed"  # given up; the reason is in the agent's log


class Metric(msgspec.Struct, frozen=True, rename="camel"):
    """One metric's newest value and, where a direction is known, its best."""

    name: Name
    value: float | None
    best: float | None = None
    best_epoch: Count | None = None


class Checkpoint(msgspec.Struct, frozen=True, rename="camel"):
    """One checkpoint file as the agent snapshotted it. ``epoch`` counts from 1, as results.csv does."""

    epoch: Count
    size_bytes: Size
    sha256: Digest
    state: CheckpointState
    time: Moment
    fitness: float | None = None


class HubState(msgspec.Struct, frozen=True, rename="camel"):
    """The agent's view of the hub."""

    agent_id: str | None = None
    last_heartbeat_time: Moment | None = None
    consecutive_failures: Count = 0
    buffered_updates: Count = 0
    """Epochs and checkpoints that the hub has not acknowledged."""
    message: str = ""
    """The newest failure in one sentence; empty when the last call succeeded."""


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """The state of one attempt. Each report is whole: losing one loses nothing.

    It is read with limits, for an agent may be anybody's: what it says goes into the status and to Prometheus.
    ``epoch`` counts finished epochs from 1 as results.csv does; 0 before the first.
    Times are aware UTC.
    """

    session_uid: str
    attempt: Count
    sequence: Count
    """Rises by one with each report of this agent process."""
    stage: Stage
    time: Moment
    epoch: Count = 0
    epochs: Count | None = None
    seconds_per_epoch: float | None = None
    estimated_remaining_seconds: float | None = None
    metrics: tuple[Metric, ...] = ()
    latest: Checkpoint | None = None
    best: Checkpoint | None = None
    final: Checkpoint | None = None
    uploaded: Count = 0
    failed: Count = 0
    hub: HubState = HubState()
    exit_code: int | None = None
    resumed_epoch: Count | None = None


class Outcome(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The agent's termination message: what it would have said in one more report, in at most 1,536 bytes."""

    stage: Stage
    epoch: Count = 0
    epochs: Count | None = None
    exit_code: int | None = None
    latest: Checkpoint | None = None
    best: Checkpoint | None = None
    final: Checkpoint | None = None
    uploaded: Count = 0
    failed: Count = 0
    buffered_updates: Count = 0
    metrics: tuple[Metric, ...] = ()
    """The best-known few (as many as fit)."""
    message: str = ""
    resumed_epoch: Count | None = None
