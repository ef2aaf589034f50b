"""Suspended and resumed again and again, a session ends as one left in peace, with one pod for each attempt."""

from collections.abc import Callable
from typing import Any

import pytest
from builders.session import a_body
from support.fault_stage import Stage
from support.faults import rounds
from support.kubelet import ENDLESS, SUCCESS

from hubtraining.domain.names import LABEL_ATTEMPT

pytestmark = pytest.mark.faults

CYCLES = rounds(8, 100)
OF_ATTEMPTS = ("attempt", "attempts", "earlier", "conditions")
"""What tells of attempts; all the rest is the same however many there were."""


def test_a_session_that_is_suspended_many_times(stage: Stage, tell: Callable[[str], None]) -> None:
    peace = stage.play_undisturbed()
    stage.kubelet.plan = lambda pod: SUCCESS if attempt_of(pod) > CYCLES else ENDLESS
    stage.create(a_body("restless"))
    for cycle in range(1, CYCLES + 1):
        stage.until(f"training {cycle}", lambda cycle=cycle: trains(stage, cycle))
        stage.patch("restless", suspend=True)
        stage.until(f"suspend {cycle}", lambda: stage.phase("restless") == "Suspended")
        assert stage.items("pods", "restless") == []
        stage.patch("restless", suspend=False)
    stage.until("the end", lambda: stage.phase("restless") == "Succeeded")
    stage.settle()
    outcome = stage.outcome("restless")
    assert sorted(outcome.created) == sorted(f"{number}-0" for number in range(1, CYCLES + 2))
    assert outcome.status["attempt"] == CYCLES + 1
    assert {each["outcome"] for each in outcome.status["attempts"][:-1]} == {"Suspended"}
    assert without_attempts(outcome.status) == without_attempts(peace.status)
    stage.assert_sound()
    tell(f"{CYCLES} suspends, {len(outcome.created)} pods, and the end of a session left in peace")


def attempt_of(pod: dict[str, Any]) -> int:
    return int(pod["metadata"]["labels"][LABEL_ATTEMPT])


def trains(stage: Stage, attempt: int) -> bool:
    status = (stage.session("restless") or {}).get("status") or {}
    return (status.get("phase"), status.get("attempt")) == ("Training", attempt)


def without_attempts(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: without_attempts(item) for key, item in value.items() if key not in OF_ATTEMPTS}
