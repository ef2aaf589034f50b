"""What happens to one pod: whatever it is, the session ends well, and the hub has all that the trainer has left.

Each runs on both kinds of workspace. What had to be trained again is printed: that is the loss window.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator

import pytest
from support import steady
from support.faults import rounds
from support.real_node import Node, container, process_of
from support.site import Site, until
from support.steady import Steady, assert_nothing_lost, both

pytestmark = pytest.mark.e2e

Tell = Callable[[str], None]
OFTEN = {"agent": {"checkpointSeconds": 2, "metricsSeconds": 1}}
"""Uploads are under way most of the time."""


@pytest.fixture(scope="module", autouse=True)
def program(site: Site) -> None:
    steady.prepare(site)


@pytest.fixture
def node(site: Site) -> Iterator[Node]:
    """As it was before, when the test is over."""
    node = Node(site)
    yield node
    site.kubectl("uncordon", node.name)
    node.offer_gpus(0)


def test_a_trainer_that_runs_out_of_memory_fails_by_its_rule_and_loses_nothing(site: Site) -> None:
    rules = [{"name": "out-of-memory", "onExitCodes": [137], "action": "Retry"}]
    for run in both(site, "oom", words=("--at", "6", "--do", "memory"), spec={"failureRules": rules}):
        status = assert_nothing_lost(run)
        first = status["attempts"][0]
        assert (first["outcome"], first["exitCode"], first["rule"]) == ("Failed", 137, "out-of-memory")
        assert "ran out of memory" in first["message"]
        assert (status["attempt"], status["failures"], status.get("preemptions", 0)) == (2, 1, 0)
        assert status["attempts"][1]["resumedEpoch"] == 5
        assert run.again() == []


def test_an_agent_that_is_killed_goes_on_from_its_journal(site: Site) -> None:
    runs = both(site, "agent", epochs=60, spec=OFTEN)
    for run in runs:
        run.reached(5)
        agent = process_of(site.pod(run.name), "agent")
        assert agent is not None
        os.kill(agent, signal.SIGKILL)
        until("another agent", lambda run=run: container(site.pod(run.name), "agent")["restartCount"])
    for run in runs:
        status = assert_nothing_lost(run)
        assert (status["attempt"], status.get("failures", 0)) == (1, 0)
        assert run.again() == []


def evict(node: Node, runs: list[Steady]) -> None:
    for run in runs:
        node.site.evict(f"{run.name}-1-0")


def delete(node: Node, runs: list[Steady]) -> None:
    node.site.kubectl("delete", "pod", *(f"{run.name}-1-0" for run in runs))


def drain(node: Node, runs: list[Steady]) -> None:
    """Without --force: a session's pods have a controller. The next attempts wait for a node."""
    names = ",".join(run.name for run in runs)
    selector = f"--pod-selector=hubtraining.dev/session in ({names})"
    node.site.kubectl("drain", node.name, selector, "--delete-emptydir-data", "--timeout=120s")
    for run in runs:
        node.site.describes(run.name, "Scheduled", "Unschedulable")
    node.site.kubectl("uncordon", node.name)


def preempt(node: Node, runs: list[Steady]) -> None:
    """By a pod of higher priority that needs their GPUs for a moment."""
    urgent = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "urgent"}}
    node.site.apply({**urgent, "value": 1000})
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "urgent",
        "image": node.site.trainer_image,
        "command": ["sleep", "1"],
        "resources": {"limits": {"nvidia.com/gpu": str(len(runs))}},
        "securityContext": security,
    }
    spec = {
        "containers": [container],
        "restartPolicy": "Never",
        "priorityClassName": "urgent",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    node.site.kubectl("delete", "pod", "urgent", "--ignore-not-found")
    node.site.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "urgent"}, "spec": spec})


WAYS = {
    "evicted": (evict, "Drained"),
    "deleted": (delete, "PodDeleted"),
    "drained": (drain, "Drained"),
    "preempted": (preempt, "Preempted"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_pod_that_is_taken_away_with_grace_loses_nothing(site: Site, node: Node, tell: Tell, way: str) -> None:
    take, reason = WAYS[way]
    node.offer_gpus(2)
    resources = {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi", "nvidia.com/gpu": "1"}}
    runs = both(site, way, words=("--at", "12", "--do", "wait"), spec={"trainer": {"resources": resources}})
    for run in runs:
        run.reached(8)
    take(node, runs)
    for run in runs:
        status = assert_nothing_lost(run)
        first = status["attempts"][0]
        assert (first["outcome"], first["reason"]) == ("Disrupted", reason)
        assert (status["attempt"], status.get("failures", 0), status["preemptions"]) == (2, 0, 1)
        tell(run.loss())
        assert run.again() == []


def test_a_pod_that_is_deleted_by_force_loses_at_most_what_was_never_sent(site: Site, tell: Tell) -> None:
    seconds = 4
    runs = both(site, "forced", epochs=60, spec={"agent": {"checkpointSeconds": seconds}})
    for run in runs:
        run.reached(14)
    held = {run.name: newest_upload(run) for run in runs}
    for run in runs:
        site.kubectl("delete", "pod", f"{run.name}-1-0", "--force", "--grace-period=0")
    for run in runs:
        status = assert_nothing_lost(run)
        assert (status["attempt"], status.get("failures", 0), status["preemptions"]) == (2, 0, 1)
        tell(f"{run.loss()}; checkpointSeconds was {seconds}")
        assert status["attempts"][1]["resumedEpoch"] >= held[run.name]
    assert runs[1].again() == []


def newest_upload(run: Steady) -> int:
    """The last epoch that the hub has a checkpoint of."""
    return max(each["epoch"] + 1 for each in run.site.uploads(run.name))


def test_suspended_again_and_again_it_ends_as_if_nobody_had_been_there(site: Site, tell: Tell) -> None:
    cycles = rounds(3, 20)
    runs = both(site, "suspended", epochs=40 + 5 * cycles)
    for cycle in range(cycles):
        for run in runs:
            run.reached(5 * cycle + 4)
            suspend(run, True)
        for run in runs:
            until(
                f"{run.name} suspended", lambda run=run: site.condition(run.name, "Suspended").get("status") == "True"
            )
            assert site.items("pods", "-l", f"hubtraining.dev/session={run.name}") == []
            suspend(run, False)
    for run in runs:
        status = assert_nothing_lost(run)
        assert (status["attempt"], status.get("failures", 0), status.get("preemptions", 0)) == (cycles + 1, 0, 0)
        assert {each["outcome"] for each in status["attempts"][:-1]} == {"Suspended"}
        tell(f"{cycles} suspends; {run.loss()}")
        assert run.again() == []


def suspend(run: Steady, wanted: bool) -> None:
    patch = json.dumps({"spec": {"suspend": wanted}})
    run.site.kubectl("patch", "hubtrainingsession", run.name, "--type=merge", f"--patch={patch}")
