"""API server and etcd go and come back, and watches fall silent."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builders.session import a_body
from support.api_server import ControlPlane, own_control_plane
from support.fault_stage import FULL, Stage, a_stage
from support.kubelet import SUCCESS

pytestmark = pytest.mark.faults

RECOVERED_SECONDS = 100.0
Tell = Callable[[str], None]


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    with own_control_plane(os.getpid()) as made:
        yield made


@pytest.fixture
def fragile(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Stage]:
    """A stage on an API server that may be killed."""
    with control_plane.server.namespace() as namespace, a_stage(namespace, tmp_path) as made:
        yield made


@pytest.mark.parametrize("parts", [("kube-apiserver",), ("kube-apiserver", "etcd")], ids=" and ".join)
@pytest.mark.parametrize("seconds", [0, 30] if FULL else [0])
def test_sessions_outlast_an_outage(
    fragile: Stage, control_plane: ControlPlane, parts: tuple[str, ...], seconds: float, tell: Tell
) -> None:
    """Shorter than the lease's time to renew, and longer."""
    fragile.undisturbed = fragile.play_undisturbed()
    outages = 0
    for phase in ("Pending", "Preparing", "Training", "Finalizing"):
        name = f"outage-{phase.lower()}"
        fragile.create(a_body(name))
        fragile.until(phase, lambda name=name, phase=phase: fragile.phase(name) in (phase, "Succeeded"))
        control_plane.kill(*parts)
        time.sleep(seconds)
        control_plane.start()
        outages += 1
        fragile.until("the end", lambda name=name: fragile.phase(name) == "Succeeded")
        fragile.settle()
        assert fragile.outcome(name) == fragile.undisturbed
    tell(f"{' and '.join(parts)} away for {seconds} s and more: {outages} times, {len(fragile.exits)} restarts")
    fragile.assert_sound(also={1})


def test_silent_watches_are_noticed(stage: Stage, tell: Tell) -> None:
    """Half-open connections: they look alive, and nothing comes."""
    stage.undisturbed = stage.play_undisturbed()
    stage.kubelet.plan = lambda pod: SUCCESS
    stage.api.interrupt_watches("silence")
    stage.create(a_body("unheard"))
    heard = stage.until("any word", lambda: stage.phase("unheard") != "", 150)
    ended = heard + stage.until("the end", lambda: stage.phase("unheard") == "Succeeded")
    tell(f"silent watches: a new session is heard of after {heard:.0f} s, and has ended after {ended:.0f} s")
    assert ended <= RECOVERED_SECONDS
    stage.settle()
    assert stage.outcome("unheard") == stage.undisturbed
    assert stage.exits == []
    stage.assert_sound()
