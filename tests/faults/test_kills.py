"""The controller is killed after each of its writes, before it hears of it: sessions end as if nothing had been."""

from collections.abc import Callable

import pytest
from builders.session import a_body
from support.fault_stage import FULL, Body, KillAfter, Outcome, Scenario, Stage
from support.kubelet import ENDLESS, SUCCESS, failure

from hubtraining.domain.names import LABEL_ATTEMPT

pytestmark = pytest.mark.faults

MOST_WRITES = 200


def attempt_of(pod: Body) -> str:
    return str(pod["metadata"]["labels"][LABEL_ATTEMPT])


class Create:
    """A session is created and trains to its end."""

    name = "create"
    makes: tuple[str, ...] = ("1-0",)

    def begin(self, stage: Stage, session: str) -> None:
        stage.kubelet.plan = lambda pod: SUCCESS
        stage.create(a_body(session))

    def go_on(self, stage: Stage, session: str) -> bool:
        return stage.phase(session) == "Succeeded"


class Delete:
    """A session is deleted while it trains."""

    name = "delete"
    makes: tuple[str, ...] = ("1-0",)

    def begin(self, stage: Stage, session: str) -> None:
        stage.kubelet.plan = lambda pod: ENDLESS
        stage.create(a_body(session))

    def go_on(self, stage: Stage, session: str) -> bool:
        if stage.phase(session) == "Training":
            stage.delete(session)
        return stage.session(session) is None and stage.items("pods", session) == []


class Retry:
    """A trainer fails, and the next attempt trains to its end."""

    name = "retry"
    makes: tuple[str, ...] = ("1-0", "2-0")

    def begin(self, stage: Stage, session: str) -> None:
        stage.kubelet.plan = lambda pod: failure() if attempt_of(pod) == "1" else SUCCESS
        stage.create(a_body(session, retry={"limit": 1, "backoffSeconds": 1, "maxBackoffSeconds": 1}))

    def go_on(self, stage: Stage, session: str) -> bool:
        return stage.phase(session) == "Succeeded"


class Suspend:
    """A session is suspended while it trains, and goes on once its pods are gone."""

    name = "suspend"
    makes: tuple[str, ...] = ("1-0", "2-0")

    def begin(self, stage: Stage, session: str) -> None:
        stage.kubelet.plan = lambda pod: ENDLESS if attempt_of(pod) == "1" else SUCCESS
        stage.create(a_body(session))

    def go_on(self, stage: Stage, session: str) -> bool:
        status = (stage.session(session) or {}).get("status") or {}
        if status.get("phase") == "Training" and status["attempt"] == 1:
            stage.patch(session, suspend=True)
        if status.get("phase") == "Suspended":
            stage.patch(session, suspend=False)
        return status.get("phase") == "Succeeded"


SCENARIOS = [Create(), Delete(), Retry(), Suspend()]


def killed_after(stage: Stage, scenario: Scenario, k: int) -> tuple[Outcome, str]:
    """How a run ends in which the controller is killed after its k-th write, and which that was."""
    killer = KillAfter(stage, k)
    stage.api.on_write = stage.hub.on_write = killer
    try:
        return stage.play(scenario, f"{scenario.name}-{k}"), killer.fired
    finally:
        stage.api.on_write = stage.hub.on_write = lambda asked: None


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_kill_after_any_write_changes_nothing_in_the_end(
    stage: Stage, scenario: Scenario, tell: Callable[[str], None]
) -> None:
    undisturbed = stage.play(scenario, f"{scenario.name}-0")
    assert undisturbed.created == list(scenario.makes)
    writes = stage.written()
    kills = []
    for k in range(1, MOST_WRITES, 1 if FULL else 5):
        outcome, fired = killed_after(stage, scenario, k)
        assert outcome == undisturbed, f"after write {k}: {fired}"
        if not fired:
            break
        kills.append(fired)
    tell(
        f"{scenario.name}: {writes} writes undisturbed; killed after {len(kills)} of them, {len(stage.exits)} restarts"
    )
    assert kills
    stage.assert_sound()
