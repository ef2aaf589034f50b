"""Hundreds of generated operations, good and bad: sessions are what their specs say, whatever they were before.

Four oracles: what runs is what the spec asks for, and the status says what there is; a spec gives the same whatever
came before it; a good spec after a bad one gives what it gave before; the controller never logs or counts an error.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from builders.bad_specs import Bad, refused, unusable
from builders.specs import frames, usable
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from support.fault_stage import Stage
from support.faults import rounds
from support.kubelet import ENDLESS
from support.operations import Player

pytestmark = pytest.mark.faults

SESSIONS = rounds(few=4, full=40)
LEAST_OPERATIONS = rounds(few=30, full=500)
Body = dict[str, Any]


@dataclass(frozen=True)
class Script:
    """What befalls one session."""

    specs: tuple[Body, Body, Body]
    """S0, S1 and S2."""
    refused: tuple[Bad, ...]
    in_passing: Bad
    """Unusable, while pods run."""
    between: Bad
    """Unusable, when pods are to be made."""
    by_deletion: bool
    """How the change from S1 to S2 comes to be: by the pod's deletion, or by a suspend."""


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    specs = usable(draw(frames()))
    bad = draw(st.lists(refused, min_size=2, max_size=3))
    trio = (draw(specs), draw(specs), draw(specs))
    return Script(trio, tuple(bad), draw(unusable), draw(unusable), draw(st.booleans()))


def play(stage: Stage, script: Script, name: str) -> Counter[str]:
    """All of it; how many operations of which kind."""
    first, second, third = script.specs
    player, direct = Player(stage, name), Player(stage, f"{name}-direct")
    player.create(first)
    player.runs(first)
    for bad in script.refused:
        before = player.body()
        player.is_as_it_was(player.put(bad.of(first)), before)
    pass_by(player, first, script.in_passing)
    begun = player.outcome()
    come_between(player, first, script.between)
    assert player.outcome() == begun, f"restored after {script.between}"
    player.suspend(first)
    player.change(second)
    player.runs(second)
    move_on(player, second, third, by_deletion=script.by_deletion)
    direct.create(third)
    direct.runs(third)
    assert player.outcome() == direct.outcome(), "the same spec, and another past"
    player.delete()
    direct.delete()
    return Counter(operations=player.operations + direct.operations, refused=len(script.refused), unusable=2)


def pass_by(player: Player, good: Body, bad: Bad) -> None:
    """A spec that cannot be used, while pods run: they run on."""
    player.change(bad.of(good))
    player.still_runs(bad.reason if bad.reason == "InvalidSpec" else "Accepted")
    player.change(good)
    player.still_runs()
    player.runs(good)


def come_between(player: Player, good: Body, bad: Bad) -> None:
    """A spec that cannot be used, where pods are to be made: it is told, and the next one is taken at once."""
    player.suspend(good)
    player.change(bad.of(good))
    player.is_told(bad.reason)
    player.change(good)
    player.runs(good)


def move_on(player: Player, old: Body, new: Body, *, by_deletion: bool) -> None:
    """To another spec."""
    if by_deletion:
        player.change(new)
        player.still_runs()
        player.take_pod_away()
    else:
        player.suspend(old)
        player.change(new)
    player.runs(new)


def test_sessions_are_what_their_specs_say_whatever_came_before(stage: Stage, tell: Callable[[str], None]) -> None:
    stage.kubelet.plan = lambda pod: ENDLESS
    done, numbers = Counter[str](), count(1)

    @seed(6)
    @settings(
        max_examples=SESSIONS,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(scripts())
    def each(script: Script) -> None:
        done.update(play(stage, script, f"played-{next(numbers)}"))

    each()
    stage.settle()
    counts = f"{done['refused']} refused by the API server, {done['unusable']} unusable"
    tell(f"operations: {done['operations']} on {next(numbers) - 1} sessions, {counts}; {len(stage.exits)} restarts")
    assert done["operations"] >= LEAST_OPERATIONS
    assert stage.exits == []
    assert_no_error(stage)


def assert_no_error(stage: Stage) -> None:
    """Neither in the log nor among the metrics."""
    stage.assert_sound()
    assert stage.controller is not None
    lines = [line for line in stage.controller.lines() if line["level"] in ("ERROR", "CRITICAL")]
    assert lines == []
    metrics = stage.controller.get("/metrics").text.splitlines()
    failed = [line for line in metrics if line.startswith("hubtraining_reconcile_total") and 'result="error"' in line]
    assert [line for line in failed if not line.endswith(" 0.0")] == []
    broken = [line for line in metrics if line.startswith("hubtraining_kube_requests_total") and 'code="5' in line]
    assert broken == []
