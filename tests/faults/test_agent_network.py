"""A real agent whose way to the hub is bad: the hub ends up with every epoch and the very final checkpoint."""

import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest
from builders.hub_process import HubProcess, a_hub_process
from builders.trainer import metrics_of
from support.agent_process import AgentProcess, an_agent_process
from support.disturbances import cut_request, delay, drop, half_open, html, lose_answer, refuse, reset, truncate
from support.fault_proxy import Asked, Fault, FaultProxy, How, a_proxy
from support.fault_stage import FULL

pytestmark = pytest.mark.faults

EPOCHS = 6
TIMES = 12
KINDS: dict[str, How] = {
    "delay": delay(1.0),
    "reset": reset,
    "cut in the middle of the body": cut_request(1500),
    "committed but unanswered": lose_answer,
    "half-open": half_open,
    "drop": drop,
    "truncate": truncate,
    "429": refuse(429, retry_after=1),
    "html": html,
    **{str(code): refuse(code) for code in (408, 500, 502, 503, 504)},
}
BRIEF = {"committed but unanswered", "cut in the middle of the body", "429"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    with a_hub_process(tmp_path / "hub") as made:
        yield made


@pytest.fixture
def proxy(hub: HubProcess) -> Iterator[FaultProxy]:
    with a_proxy(hub.url) as made:
        yield made


@pytest.fixture
def agent(tmp_path: Path, hub: HubProcess, proxy: FaultProxy) -> Iterator[AgentProcess]:
    with an_agent_process(tmp_path / "pod", hub, proxy.url) as made:
        yield made


def every_second() -> Callable[[Asked], bool]:
    """The first, the third, and so on."""
    calls = count()
    return lambda asked: next(calls) % 2 == 0


@pytest.mark.parametrize("kind", [kind for kind in KINDS if FULL or kind in BRIEF])
def test_nothing_is_lost_and_nothing_is_there_twice(
    agent: AgentProcess, proxy: FaultProxy, kind: str, tell: Callable[[str], None]
) -> None:
    fault = Fault(KINDS[kind], every_second(), times=TIMES)
    proxy.disturb(fault)
    trainer = agent.trainer(epochs=EPOCHS).start()
    for epoch in range(1, EPOCHS + 1):
        time.sleep(1.0)
        trainer.epoch(epoch)
    trainer.strip().exit(0)
    assert agent.leave() == 0
    assert agent.in_hub() == {epoch: metrics_of(epoch) for epoch in range(1, EPOCHS + 1)}, agent.log
    uploads = agent.uploads()
    final = ("final", EPOCHS, sha256(trainer.saved["best"]).hexdigest())
    assert uploads[-1] == final
    assert len(uploads) == len(set(uploads))
    assert agent.outcome.buffered_updates == 0
    assert "Traceback" not in agent.log
    tell(f"agent to hub, {kind}: {fault.met} faults in {len(proxy.asked)} calls, {len(uploads)} uploads")
    assert fault.met
