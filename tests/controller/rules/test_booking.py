"""What attempts amount to in the status."""

import msgspec
import pytest
from builders.pod import NOON
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.rules.booking import KEPT_ATTEMPTS, KEPT_NODES, booked, earlier
from hubtraining.domain.status import AttemptStatus, CheckpointsStatus, EarlierStatus, SessionStatus

OPEN = AttemptStatus(1, outcome="Running")


def ended(outcome: str, number: int = 1) -> AttemptStatus:
    return AttemptStatus(number, outcome=outcome, end_time=NOON)


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [("Failed", (1, 0)), ("Disrupted", (0, 1)), ("Suspended", (0, 0)), ("Ignored", (0, 0)), ("Succeeded", (0, 0))],
)
def test_an_end_is_counted_by_its_kind_and_once(outcome: str, counted: tuple[int, int]) -> None:
    status = booked(booked(SessionStatus(), OPEN), ended(outcome))
    again = booked(status, msgspec.structs.replace(ended(outcome), log_tail="more"))
    assert (status.failures, status.preemptions) == counted == (again.failures, again.preemptions)


def test_an_attempt_that_was_never_seen_open_is_counted_too() -> None:
    assert booked(SessionStatus(), ended("Failed")).failures == 1


def test_the_newest_attempts_are_kept_and_the_counters_forget_nothing() -> None:
    status = SessionStatus()
    for number in range(1, 31):
        status = booked(booked(status, AttemptStatus(number)), ended("Failed", number))
    assert [attempt.number for attempt in status.attempts] == list(range(31 - KEPT_ATTEMPTS, 31))
    assert (status.attempt, status.failures) == (30, 30)


def test_a_new_attempt_goes_on_from_the_totals_of_the_others() -> None:
    done = msgspec.structs.replace(
        booked(booked(SessionStatus(), OPEN), ended("Failed")),
        active_seconds=60,
        gpu_seconds=120,
        checkpoints=CheckpointsStatus(uploaded=3, failed=1),
    )
    assert earlier(done) == EarlierStatus()
    second = booked(done, AttemptStatus(2))
    assert earlier(second) == EarlierStatus(60, 120, 3, 1)
    assert earlier(booked(second, ended("Failed", 2))) == EarlierStatus(60, 120, 3, 1)


def test_the_newest_nodes_to_avoid_are_kept_each_once() -> None:
    status = SessionStatus()
    for node in ("a", "b", "a", *(f"node-{n}" for n in range(8))):
        status = booked(status, OPEN, node)
    assert status.avoided_nodes == ("b", "a", *(f"node-{n}" for n in range(8)))
    assert len(status.avoided_nodes) == KEPT_NODES
    assert booked(status, OPEN).avoided_nodes == status.avoided_nodes


def test_nothing_is_booked_where_nothing_is_decided() -> None:
    status = SessionStatus(failures=3)
    assert booked(status, None) is status


@given(st.lists(st.sampled_from(["Failed", "Disrupted", "Suspended", "Ignored"]), max_size=40))
def test_counters_only_rise(outcomes: list[str]) -> None:
    status = SessionStatus()
    for number, outcome in enumerate(outcomes, 1):
        before = status
        status = booked(booked(status, AttemptStatus(number)), ended(outcome, number))
        assert (status.failures, status.preemptions) >= (before.failures, before.preemptions)
    assert (status.failures, status.preemptions) == (outcomes.count("Failed"), outcomes.count("Disrupted"))
