"""When the next attempt is due."""

from datetime import timedelta
from typing import Any

import pytest
from builders.pod import NOON
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.rules.backoff import delay, due
from hubtraining.domain.session import RetrySpec
from hubtraining.domain.status import AttemptStatus, SessionStatus

RETRY = RetrySpec(limit=9, backoff_seconds=10, max_backoff_seconds=60)


def after(*outcomes: str, failures: int = 0, trained: bool = True) -> SessionStatus:
    """A status whose attempts ended so, the last one at noon."""
    began = NOON if trained else None
    attempts = tuple(
        AttemptStatus(number, training_time=began, end_time=NOON, outcome=outcome)
        for number, outcome in enumerate(outcomes, 1)
    )
    return SessionStatus(attempt=len(attempts), attempts=attempts, failures=failures)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 60), (5, 60), (1000, 60)])
def test_each_failure_doubles_the_wait_up_to_the_longest(failures: int, seconds: int) -> None:
    assert delay(after("Failed", failures=failures), RETRY) == seconds


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        (after("Suspended", failures=5), 0),
        (after("Disrupted", failures=5), 0),
        (after("Disrupted", "Disrupted"), 0),
        (after("Disrupted", trained=False), 10),
        (after("Disrupted", "Disrupted", "Disrupted", trained=False), 40),
        (after("Failed", "Ignored", failures=1), 10),
        (after("Ignored", "Ignored", failures=7), 20),
    ],
)
def test_only_what_may_happen_again_at_once_waits(status: SessionStatus, seconds: int) -> None:
    """Pods that never began to train are spaced, too: a node that refuses them all must not be asked without end."""
    assert delay(status, RETRY) == seconds


def test_the_moment_follows_from_the_status_alone() -> None:
    assert due(after("Failed", failures=2), RETRY) == NOON + timedelta(seconds=20)
    assert due(SessionStatus(), RETRY) is None
    assert due(SessionStatus(attempt=1, attempts=(AttemptStatus(1),)), RETRY) is None


@given(st.integers(1, 10_000), st.integers(1, 3600), st.integers(0, 86_400))
def test_the_wait_never_shrinks_and_never_exceeds_the_longest(failures: int, base: int, more: int) -> None:
    retry = RetrySpec(backoff_seconds=base, max_backoff_seconds=base + more)
    one: Any = delay(after("Failed", failures=failures), retry)
    next_one = delay(after("Failed", failures=failures + 1), retry)
    assert base <= one <= next_one <= base + more
