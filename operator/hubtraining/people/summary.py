"""What table and lines both say of a session, in words."""

from datetime import datetime

from hubtraining.domain.progress import rank
from hubtraining.domain.status import CheckpointStatus, HubStatus, MetricStatus, ProgressStatus
from hubtraining.people.attention import attention
from hubtraining.people.view import ConditionView, SessionView
from hubtraining.people.wording import ago, duration, size

_STEPS = ("Training", "Scheduled", "HubReady", "Accepted")
"""What a session goes through, the last first."""


def epoch(progress: ProgressStatus) -> str:
    """Such as ``epoch 12/300``; empty before training has begun."""
    if progress.epoch is None:
        return ""
    return f"epoch {progress.epoch}/{progress.epochs}" if progress.epochs else f"epoch {progress.epoch}"


def remaining(progress: ProgressStatus, now: datetime) -> float | None:
    """Seconds until training ends, as of now; None where nobody knows."""
    if progress.estimated_remaining_seconds is None:
        return None
    told = progress.last_updated_time or now
    return max(0.0, progress.estimated_remaining_seconds - max(0.0, (now - told).total_seconds()))


def number(text: str) -> str:
    """A measured number with four digits that count."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text


def eta(progress: ProgressStatus, now: datetime) -> str:
    """Such as ``ETA 1 h 30 min``; empty where nobody knows."""
    left = remaining(progress, now)
    return "" if left is None else f"ETA {duration(left)}"


def ordered(metrics: tuple[MetricStatus, ...]) -> tuple[MetricStatus, ...]:
    """The most telling first: scores, then losses, then the rest."""
    return tuple(sorted(metrics, key=lambda metric: rank(metric.name)))


def condition(known: ConditionView) -> str:
    """Such as ``HubReady is False (HubUnavailable): …``."""
    return f"{known.type} is {known.status} ({known.reason}): {known.message}".removesuffix(": ")


def checkpoint(known: CheckpointStatus, now: datetime) -> str:
    """Such as ``epoch 12, 6.2 MB, uploaded 2 min ago``."""
    when = f" {ago(known.time, now)}" if known.time else ""
    weight = f", {size(known.size_bytes)}" if known.size_bytes is not None else ""
    fitness = f", fitness {known.fitness}" if known.fitness else ""
    return f"epoch {known.epoch}{weight}{fitness}, {known.state.lower()}{when}"


def hub(known: HubStatus, now: datetime) -> str:
    """How agent and hub get on, in a few words; empty before the agent has spoken."""
    parts = [
        f"heartbeat {ago(known.last_heartbeat_time, now)}" if known.last_heartbeat_time else "",
        f"{known.consecutive_failures} failures in a row" if known.consecutive_failures else "",
        f"{known.buffered_updates} updates wait" if known.buffered_updates else "",
    ]
    return ", ".join(part for part in parts if part)


def attempt(session: SessionView) -> str:
    """Such as ``attempt 2 on gpu-7, 1 failure, 1 preemption``; empty before the first."""
    status = session.status
    if not status.attempt:
        return ""
    node = f" on {session.node}" if session.node else ""
    counts = [(status.failures, "failure"), (status.preemptions, "preemption")]
    told = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
    return ", ".join([f"attempt {status.attempt}{node}", *told])


def end(session: SessionView) -> str:
    """Why the session ended as it did; empty while it has not."""
    known = session.status.condition("Succeeded")
    return "" if session.succeeded is None else f"{known.reason}: {known.message}".rstrip(": ")


def present(session: SessionView) -> str:
    """What it waits for or does, where no trouble is told; empty where the phase says it all."""
    if not session.status.conditions:
        return "No controller has looked at it yet."
    if session.succeeded is not None:
        return session.status.condition("Succeeded").message if session.succeeded else ""
    if (suspended := session.status.condition("Suspended")).status == "True":
        return suspended.message
    troubles = attention(session.status.conditions)
    known = (session.status.condition(kind) for kind in _STEPS)
    open_ = next((each for each in known if each.message and each.status != "True" and each not in troubles), None)
    return open_.message if open_ else ""
