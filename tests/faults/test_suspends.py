"""A session that is suspended again and again ends as one that never was."""

from collections.abc import Callable
from typing import Any

import pytest
from builders.session import a_body
from support.fault_stage import Body, Stage, masked
from support.faults import rounds
from support.kubelet import ENDLESS, SUCCESS

from hubtraining.domain.names import LABEL_ATTEMPT

pytestmark = pytest.mark.faults

CYCLES = rounds(few=5, full=100)
NAME = "suspended"


def ending(status: Any, name: str) -> Any:
    """Without the attempts, and the trace of a suspend among the conditions."""
    kept = {key: value for key, value in masked(status, name).items() if key not in ("attempt", "attempts")}
    conditions = [each for each in kept.pop("conditions") if each["type"] != "Suspended"]
    return {**kept, "conditions": [{name: each[name] for name in ("type", "status", "reason")} for each in conditions]}


def test_suspends_leave_no_trace_in_the_end(stage: Stage, tell: Callable[[str], None]) -> None:
    undisturbed = stage.play_undisturbed()

    def plan(pod: Body) -> Any:
        return SUCCESS if pod["metadata"]["labels"][LABEL_ATTEMPT] == str(CYCLES + 1) else ENDLESS

    stage.kubelet.plan = plan
    stage.create(a_body(NAME))
    for number in range(1, CYCLES + 1):
        stage.until(f"attempt {number} trains", lambda number=number: trains(stage, number))
        stage.patch(NAME, suspend=True)
        stage.until("suspended", lambda: stage.phase(NAME) == "Suspended" and not stage.items("pods", NAME))
        stage.patch(NAME, suspend=False)
    stage.until("the end", lambda: stage.phase(NAME) == "Succeeded")
    stage.settle()
    outcome, status = stage.outcome(NAME), (stage.session(NAME) or {})["status"]
    tell(f"suspended {CYCLES} times: {len(outcome.created)} pods, {status.get('failures', 0)} failures")
    assert ending(status, NAME) == ending(undisturbed.status, "undisturbed")
    assert status["attempt"] == CYCLES + 1
    assert {each["outcome"] for each in status["attempts"][:-1]} == {"Suspended"}
    assert outcome.created == sorted(f"{number}-0" for number in range(1, CYCLES + 2))
    assert outcome.pods == [f"{CYCLES + 1}-0"]
    assert stage.exits == []
    stage.assert_sound()


def trains(stage: Stage, attempt: int) -> bool:
    status = (stage.session(NAME) or {}).get("status") or {}
    return status.get("phase") == "Training" and status.get("attempt") == attempt
