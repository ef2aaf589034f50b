"""Which conditions a person should look at."""

from collections.abc import Iterable

from hubtraining.people.view import ConditionView

TROUBLE_IF_TRUE = frozenset({"Stalled"})
INFORMATION = frozenset({"Suspended"})
CALM = frozenset(
    {"Waiting", "Queued", "Starting", "Preparing", "Finalizing", "Stopping", "Ended", "Uploading", "InProgress"}
)
"""Reasons of conditions that are False because it is not their time yet, or no longer."""


def attention(conditions: Iterable[ConditionView]) -> tuple[ConditionView, ...]:
    """Those that tell of trouble; a reason that we do not know counts as trouble."""
    return tuple(each for each in conditions if _troubles(each))


def _troubles(condition: ConditionView) -> bool:
    if condition.type in TROUBLE_IF_TRUE:
        return condition.status == "True"
    if condition.type in INFORMATION:
        return False
    return condition.status == "False" and condition.reason not in CALM
