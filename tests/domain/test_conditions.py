"""Conditions, folded."""

from datetime import UTC, datetime, timedelta

from hubtraining.domain.conditions import Condition, ConditionStatus, ConditionType, find, merge

THEN = datetime(2026, 8, 1, tzinfo=UTC)
NOW = THEN + timedelta(minutes=10)


def accepted(status: ConditionStatus, reason: str = "Why", since: datetime | None = None) -> Condition:
    return Condition(ConditionType.ACCEPTED, status, reason, last_transition_time=since)


def test_the_time_moves_when_the_status_does() -> None:
    (same,) = merge([accepted("True", since=THEN)], [accepted("True", "Other")], NOW)
    (flipped,) = merge([accepted("True", since=THEN)], [accepted("False")], NOW)
    assert (same.reason, same.last_transition_time) == ("Other", THEN)
    assert flipped.last_transition_time == NOW


def test_of_two_new_ones_of_a_type_the_later_counts_and_the_former_moves_no_time() -> None:
    (merged,) = merge([accepted("False", since=THEN)], [accepted("True"), accepted("False", "Again")], NOW)
    assert (merged.status, merged.reason, merged.last_transition_time) == ("False", "Again", THEN)


def test_what_is_not_told_anew_stays_and_the_order_is_that_of_the_types() -> None:
    ended = Condition(ConditionType.SUCCEEDED, "Unknown", "InProgress", last_transition_time=THEN)
    assert [each.type for each in merge([ended], [accepted("True")], NOW)] == ["Accepted", "Succeeded"]


def test_one_is_found_by_its_type_or_not_at_all() -> None:
    ended = Condition(ConditionType.SUCCEEDED, "Unknown", "InProgress")
    assert find([ended, accepted("True")], ConditionType.ACCEPTED) == accepted("True")
    assert find([ended], ConditionType.ACCEPTED) is None
