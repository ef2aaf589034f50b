"""What happens to a node, or to the hub: sessions that run meanwhile go on, or begin again where they were."""

from collections.abc import Callable, Iterator

import pytest
from support import steady
from support.real_node import Node, kill_all
from support.site import Site, until
from support.steady import Steady, assert_nothing_lost, both

pytestmark = pytest.mark.e2e

Tell = Callable[[str], None]


@pytest.fixture(scope="module", autouse=True)
def program(site: Site) -> None:
    steady.prepare(site)


@pytest.fixture
def node(site: Site) -> Iterator[Node]:
    """All of its programs run again when the test is over."""
    node = Node(site)
    yield node
    node.repair()


def undisturbed(run: Steady) -> None:
    """It ends well in its first attempt."""
    status = assert_nothing_lost(run)
    assert (status["attempt"], status.get("failures", 0), status.get("preemptions", 0)) == (1, 0, 0)
    assert run.again() == []


def test_a_kubelet_that_is_killed_holds_nothing_up_and_tells_later_how_training_ended(site: Site, node: Node) -> None:
    runs = both(site, "kubelet", epochs=40)
    for run in runs:
        run.reached(5)
    node.kill("kubelet")
    for run in runs:
        run.trainer_ended()
    node.repair()
    for run in runs:
        undisturbed(run)


def test_a_containerd_that_is_killed_holds_nothing_up(site: Site, node: Node) -> None:
    runs = both(site, "containerd")
    for run in runs:
        run.reached(5)
    node.kill("containerd")
    for run in runs:
        run.reached(15)
    node.repair()
    for run in runs:
        undisturbed(run)


def test_a_hub_that_is_away_for_the_whole_run_gets_everything_afterwards(site: Site) -> None:
    runs = both(site, "hubless", epochs=40)
    for run in runs:
        run.reached(1)
    site.scale("statefulset/hubtraining-hub", 0)
    try:
        for run in runs:
            run.trainer_ended()
            assert site.status(run.name)["phase"] in ("Training", "Finalizing")
    finally:
        site.scale("statefulset/hubtraining-hub", 1)
    for run in runs:
        undisturbed(run)


def test_a_node_that_is_gone_for_good_ends_the_attempt_and_another_goes_on(site: Site, node: Node, tell: Tell) -> None:
    """With the node go hub and controllers, too, until there is one again."""
    seconds = 4
    runs = both(site, "gone", epochs=60, spec={"agent": {"checkpointSeconds": seconds}})
    for run in runs:
        run.reached(14)
    pods = [site.pod(run.name) for run in runs]
    node.kill("kubelet")
    for pod in pods:
        kill_all(pod)
    site.kubectl("delete", "node", node.name)
    for pod in pods:
        name = pod["metadata"]["name"]
        until(f"no {name}", lambda name=name: name not in site.kubectl("get", "pods", "-o", "name"))
    node.repair()
    for run in runs:
        status = assert_nothing_lost(run)
        first = status["attempts"][0]
        assert first["outcome"] == "Disrupted"
        assert first["reason"] in ("NodeLost", "PodLost")
        assert (status["attempt"], status.get("failures", 0), status["preemptions"]) == (2, 0, 1)
        tell(f"{run.loss()}; checkpointSeconds was {seconds}")
    assert runs[1].again() == []
