"""When the next attempt is due: told by the status alone, so a controller that was restarted comes to the same."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile

from hubtraining.domain.session import RetrySpec
from hubtraining.domain.status import AttemptStatus, SessionStatus


def due(status: SessionStatus, retry: RetrySpec) -> datetime | None:
    """When the attempt after the newest may begin; None where nothing has ended."""
    last = status.attempts[-1] if status.attempts else None
    if last is None or last.end_time is None:
        return None
    return last.end_time + timedelta(seconds=delay(status, retry))


def delay(status: SessionStatus, retry: RetrySpec) -> int:
    """Seconds to wait after the newest attempt: longer with each failure, and with each that did not begin to train."""
    last = status.attempts[-1]
    if last.outcome == "Failed":
        return _doubled(retry, status.failures)
    if last.outcome == "Ignored":
        return _doubled(retry, _row(attempt.outcome == "Ignored" for attempt in reversed(status.attempts)))
    if last.outcome == "Disrupted" and last.training_time is None:
        return _doubled(retry, _row(_fruitless(attempt) for attempt in reversed(status.attempts)))
    return 0


def _doubled(retry: RetrySpec, times: int) -> int:
    doublings = min(max(times, 1) - 1, 20)
    return min(retry.max_backoff_seconds, retry.backoff_seconds << doublings)


def _row(hits: Iterable[bool]) -> int:
    return sum(1 for _ in takewhile(bool, hits))


def _fruitless(attempt: AttemptStatus) -> bool:
    return attempt.outcome == "Disrupted" and attempt.training_time is None
