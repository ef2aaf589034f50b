"""The newest report of each session is kept, whatever order reports arrive in."""

from datetime import timedelta

from builders.pod import NOON
from builders.world import a_report
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.reporting.mailbox import Mailbox
from hubtraining.domain.report import Report


def at(seconds: int, sequence: int = 1, attempt: int = 1) -> Report:
    return a_report(attempt=attempt, sequence=sequence, time=NOON + timedelta(seconds=seconds))


def test_a_report_is_kept_with_the_time_that_it_came() -> None:
    mailbox = Mailbox()
    assert mailbox.put(at(0), NOON + timedelta(seconds=5))
    heard = mailbox.get("session-1")
    assert heard is not None
    assert (heard.report, heard.at) == (at(0), NOON + timedelta(seconds=5))


def test_a_report_that_was_overtaken_is_not_taken() -> None:
    mailbox = Mailbox()
    mailbox.put(at(10, sequence=4), NOON)
    assert not mailbox.put(at(7, sequence=3), NOON)
    assert mailbox.get("session-1").report == at(10, sequence=4)  # type: ignore[union-attr]


def test_an_agent_that_was_restarted_and_counts_anew_is_heard() -> None:
    mailbox = Mailbox()
    mailbox.put(at(10, sequence=400), NOON)
    assert mailbox.put(at(20, sequence=1), NOON)


def test_a_newer_attempt_is_heard_though_its_nodes_clock_is_behind() -> None:
    mailbox = Mailbox()
    mailbox.put(at(100, attempt=1), NOON)
    assert mailbox.put(at(0, attempt=2), NOON)
    assert not mailbox.put(at(200, attempt=1), NOON)


def test_what_another_attempt_said_is_nothing() -> None:
    mailbox = Mailbox()
    mailbox.put(at(0, attempt=1), NOON)
    assert mailbox.get("session-1", attempt=2) is None
    assert mailbox.get("session-1", attempt=1) is not None
    assert mailbox.get("session-2") is None


def test_a_session_that_is_gone_is_forgotten() -> None:
    mailbox = Mailbox()
    mailbox.put(at(0), NOON)
    mailbox.forget("session-1")
    mailbox.forget("session-1")
    assert len(mailbox) == 0


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5), st.integers(1, 5)), min_size=1))
def test_the_newest_of_all_is_what_stays(told: list[tuple[int, int, int]]) -> None:
    mailbox = Mailbox()
    for attempt, seconds, sequence in told:
        mailbox.put(at(seconds, sequence, attempt), NOON)
    heard = mailbox.get("session-1")
    assert heard is not None
    attempt, seconds, sequence = max(told)
    assert heard.report == at(seconds, sequence, attempt)
