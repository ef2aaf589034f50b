"""Nodes without machines: kwok plays their kubelets, for tests of scale."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster.kubectl import apply, kubectl
from cluster.paths import Layout
from cluster.processes import Component, ensure
from cluster.programs import KWOK, built
from cluster.progress import step

STAGES = Path(__file__).with_name("kwok-stages.yaml")
MARK = {"kwok.x-k8s.io/node": "fake"}
SELECTOR = "kwok.x-k8s.io/node=fake"


def fake_node(number: int, *, tainted: bool) -> dict[str, Any]:
    """A node that only tolerant pods go to, where there is a real one beside it."""
    taints = [{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}] if tainted else []
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"fake-{number}", "annotations": MARK, "labels": {**MARK, "kubernetes.io/os": "linux"}},
        "spec": {"taints": taints},
    }


def kwok(layout: Layout) -> Component:
    command = (
        str(built(KWOK)),
        f"--kubeconfig={layout.kubeconfig}",
        f"--config={STAGES}",
        f"--manage-nodes-with-annotation-selector={SELECTOR}",
        "--enable-crds=",
        "--server-address=",
    )
    return Component("kwok", command)


def start(layout: Layout, count: int, enter: Sequence[str], *, tainted: bool) -> None:
    """Make as many fake nodes as asked for and wait until they are ready."""
    with step(f"{count} fake nodes"):
        ensure(layout, kwok(layout), enter)
        nodes = [fake_node(number, tainted=tainted) for number in range(1, count + 1)]
        apply(layout, nodes)
        kubectl(layout, "wait", "--for=condition=Ready", "node", f"--selector={SELECTOR}", "--timeout=120s")
