"""How an attempt is entered into the status: the newest ones in a list, and what they amount to in counters."""

import msgspec

from hubtraining.domain.status import AttemptStatus, CheckpointsStatus, EarlierStatus, SessionStatus

KEPT_ATTEMPTS = 10
KEPT_NODES = 10


def booked(before: SessionStatus, attempt: AttemptStatus | None, avoid: str = "") -> SessionStatus:
    """The status with the attempt as it is now. Each end is counted once: in the write that tells of it."""
    if attempt is None:
        return before
    known = next((each for each in before.attempts if each.number == attempt.number), None)
    others = tuple(each for each in before.attempts if each.number != attempt.number)
    ends = not attempt.is_open and (known is None or known.is_open)
    return msgspec.structs.replace(
        before,
        attempt=attempt.number,
        attempts=(*others, attempt)[-KEPT_ATTEMPTS:],
        failures=before.failures + (ends and attempt.outcome == "Failed"),
        preemptions=before.preemptions + (ends and attempt.outcome == "Disrupted"),
        avoided_nodes=_avoided(before.avoided_nodes, avoid),
        earlier=totals(before) if before.attempts and known is None else before.earlier,
    )


def totals(status: SessionStatus) -> EarlierStatus:
    """What all attempts so far amount to."""
    checkpoints = status.checkpoints or CheckpointsStatus()
    return EarlierStatus(
        active_seconds=status.active_seconds or 0,
        gpu_seconds=status.gpu_seconds or 0,
        uploaded=checkpoints.uploaded or 0,
        failed=checkpoints.failed or 0,
    )


def earlier(status: SessionStatus) -> EarlierStatus:
    """What the attempts before the newest amount to."""
    return status.earlier or EarlierStatus()


def _avoided(nodes: tuple[str, ...], more: str) -> tuple[str, ...]:
    return (*(node for node in nodes if node != more), more)[-KEPT_NODES:] if more else nodes
