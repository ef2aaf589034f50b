"""Requests that are lost, late, doubled or refused, and watches that lie: sessions end as if nothing had been."""

from collections.abc import Callable

import pytest
from builders.session import a_body
from support.disturbances import (
    Coalesced,
    Memory,
    delay,
    drop,
    half_open,
    html,
    lose_answer,
    refuse,
    reset,
    truncate,
)
from support.fault_proxy import Asked, Fault, FaultProxy, How
from support.fault_stage import FULL, Stage
from support.kubelet import ENDLESS, SUCCESS

pytestmark = pytest.mark.faults

SESSIONS = 10 if FULL else 5
TIMES = 20 if FULL else 5
HUB_TIMES = 10 if FULL else 3
"""A session whose hub fails is asked after it ever more rarely: each failure more doubles the wait."""
Tell = Callable[[str], None]

KINDS: dict[str, How] = {
    "delay": delay(2.0),
    "reset": reset,
    "committed but unanswered": lose_answer,
    "half-open": half_open,
    "drop": drop,
    "truncate": truncate,
    "409": refuse(409, "Conflict"),
    "410": refuse(410, "Gone"),
    "429": refuse(429, "TooManyRequests", retry_after=1),
    "500": refuse(500, "InternalError"),
    "503": refuse(503, "ServiceUnavailable"),
    "html": html,
}
HUB_KINDS = {name: how for name, how in KINDS.items() if name not in ("409", "410")} | {
    str(code): refuse(code) for code in (408, 502, 504)
}
BRIEF = {"committed but unanswered", "409", "429"}
HUB_BRIEF = {"committed but unanswered", "429", "html"}
WATCH_KINDS = ("reset", "truncate", "410", "429", "500", "html")
WATCH_BRIEF = {"410"}


def chosen(kinds: "dict[str, How] | tuple[str, ...]", brief: set[str]) -> list[str]:
    return [kind for kind in kinds if FULL or kind in brief]


def every(n: int, about: Callable[[Asked], bool]) -> Callable[[Asked], bool]:
    """Of those, each n-th."""
    seen = 0

    def nth(asked: Asked) -> bool:
        nonlocal seen
        seen += about(asked)
        return about(asked) and seen % n == 0

    return nth


def writes(asked: Asked) -> bool:
    return asked.writes


def reads(asked: Asked) -> bool:
    return asked.watches or asked.lists


def train_all(stage: Stage, prefix: str, count: int = SESSIONS) -> None:
    """Several sessions, created at once, end as one does that nobody disturbs."""
    stage.kubelet.plan = lambda pod: SUCCESS
    names = [f"{prefix}-{number}" for number in range(count)]
    for name in names:
        stage.create(a_body(name))
    stage.until(f"the end of {prefix}", lambda: all(stage.phase(name) == "Succeeded" for name in names))
    stage.api.calm()
    stage.hub.calm()
    stage.settle()
    for name in names:
        assert stage.outcome(name) == stage.undisturbed


def disturbed(stage: Stage, proxy: FaultProxy, fault: Fault, tell: Tell, what: str) -> None:
    stage.undisturbed = stage.play_undisturbed()
    proxy.disturb(fault)
    train_all(stage, "disturbed")
    tell(f"{what}: {SESSIONS} sessions, {fault.met} faults, {len(stage.exits)} restarts")
    assert fault.met


@pytest.mark.parametrize("kind", chosen(KINDS, BRIEF))
def test_disturbed_writes_to_the_api_server(stage: Stage, kind: str, tell: Tell) -> None:
    fault = Fault(KINDS[kind], every(3, writes), times=TIMES)
    disturbed(stage, stage.api, fault, tell, f"API writes, {kind}")
    stage.assert_sound()


@pytest.mark.parametrize("kind", chosen(HUB_KINDS, HUB_BRIEF))
def test_disturbed_calls_of_the_controller_to_the_hub(stage: Stage, kind: str, tell: Tell) -> None:
    fault = Fault(HUB_KINDS[kind], every(3, lambda asked: True), times=HUB_TIMES)
    disturbed(stage, stage.hub, fault, tell, f"hub calls, {kind}")
    stage.assert_sound()


@pytest.mark.parametrize("kind", chosen(WATCH_KINDS, WATCH_BRIEF))
def test_disturbed_lists_and_watches(stage: Stage, kind: str, tell: Tell) -> None:
    stage.undisturbed = stage.play_undisturbed()
    stage.kill()
    fault = Fault(KINDS[kind], reads, times=6)
    stage.api.disturb(fault)
    train_all(stage, "disturbed")
    tell(f"lists and watches, {kind}: {fault.met} faults, {len(stage.exits)} restarts")
    stage.assert_sound(also={1})  # kopf ends with a watch that is refused for good, and is started again


def test_watches_that_are_reset_all_the_time(stage: Stage, tell: Tell) -> None:
    stage.undisturbed = stage.play_undisturbed()
    resets = 0
    stage.kubelet.plan = lambda pod: SUCCESS
    for number in range(TIMES):
        stage.create(a_body(f"reset-{number}"))
        stage.api.interrupt_watches("reset")
        resets += 1
        stage.until("the end", lambda number=number: stage.phase(f"reset-{number}") == "Succeeded")
        stage.settle()
        assert stage.outcome(f"reset-{number}") == stage.undisturbed
    tell(f"watches reset {resets} times, {len(stage.exits)} restarts")
    stage.assert_sound()


def test_watches_that_tell_only_the_last_of_several_changes(stage: Stage, tell: Tell) -> None:
    stage.undisturbed = stage.play_undisturbed()
    stage.kill()
    stage.api.lines = coalesced = Coalesced(1.0)
    train_all(stage, "coalesced", 2 * SESSIONS)
    tell(f"coalesced watches: {coalesced.swallowed} events never told")
    assert coalesced.swallowed >= TIMES
    stage.assert_sound()


def test_a_session_replaced_while_the_controller_is_blind(stage: Stage, tell: Tell) -> None:
    """Deleted and created anew under its name, between a watch that broke and the next list."""
    stage.undisturbed = stage.play_undisturbed()
    times = TIMES
    for number in range(times):
        name = f"replaced-{number}"
        stage.kubelet.plan = lambda pod: ENDLESS
        stage.create(a_body(name))
        stage.until("training", lambda name=name: stage.phase(name) == "Training")
        stage.api.disturb(Fault(refuse(503), reads, times=4))
        stage.api.interrupt_watches("reset")
        stage.delete(name)
        stage.until("no pod", lambda name=name: not stage.items("pods", name))
        stage.kubelet.plan = lambda pod: SUCCESS
        stage.create(a_body(name))
        stage.until("the end", lambda name=name: stage.phase(name) == "Succeeded")
        stage.settle()
        outcome = stage.outcome(name)
        assert (outcome.status, outcome.pods) == (stage.undisturbed.status, stage.undisturbed.pods)
        assert outcome.created == ["1-0", "1-0"], "one of each session"
    tell(f"sessions replaced unseen: {times}")
    stage.assert_sound()


def test_a_controller_that_starts_with_stale_lists(stage: Stage, tell: Tell) -> None:
    """Its API server lags behind: at first it hears how things were before the sessions existed."""
    memory = Memory()
    stage.api.disturb(Fault(memory.remember, lambda asked: asked.lists, times=1000))
    stage.undisturbed = stage.play_undisturbed()
    stage.api.calm()
    points, restarts = 0, range(1, 21, 1 if FULL else 7)
    for k in restarts:
        stale = Fault(memory.recall, lambda asked: asked.lists, times=1000)
        stage.api.on_write = stage.killer(k)
        stage.api.disturb(stale)
        name = f"stale-{k}"
        stage.kubelet.plan = lambda pod: SUCCESS
        stage.create(a_body(name))
        stage.until("the end", lambda name=name: stage.phase(name) == "Succeeded")
        stage.settle()
        stage.api.calm()
        points += stale.met
        assert stage.outcome(name) == stage.undisturbed
    tell(f"stale lists: {len(restarts)} sessions, {points} stale lists, {len(stage.exits)} restarts")
    assert points
    stage.assert_sound()
