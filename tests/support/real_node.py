"""The node of the local cluster from outside: its programs die, and its processes are looked at."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from support.site import Body, Site, until

from cluster import machine, processes
from cluster.paths import Layout
from demo import cluster as clusters
from demo.shell import output

PROC = Path("/proc")


@dataclass(frozen=True)
class Node:
    """The only node of a site's cluster."""

    site: Site
    name: str = "node-1"

    @property
    def layout(self) -> Layout:
        return Layout(name=self.site.cluster.name, state=self.site.state)

    def kill(self, component: str) -> None:
        """SIGKILL for the kubelet or containerd; containers run on."""
        outside = processes.recall(self.layout, component)
        assert outside is not None
        inside = processes.child(outside.pid)
        assert inside is not None
        os.kill(inside.pid, signal.SIGKILL)
        until(f"the end of {component}", lambda: not processes.alive(inside) and not processes.alive(outside), 30)

    def repair(self) -> None:
        """Start what does not run, as an init system would."""
        output(clusters.CLUSTER, "up", "--name", self.layout.name, "--audit")

    def offer_gpus(self, count: int) -> None:
        output(clusters.CLUSTER, "gpus", "--name", self.layout.name, str(count))

    def run(self, *command: str) -> str:
        """What a command prints that runs inside the node."""
        return output(*machine.inside(self.layout), *command)

    def seen(self, path: Path) -> Path:
        """A path as the node's own processes have it, for whoever looks from outside."""
        first = processes.recall(self.layout, machine.INIT)
        assert first is not None
        return PROC / str(first.pid) / "root" / str(path).lstrip("/")


def container(pod: Body, name: str) -> Body:
    """A container's status, wherever the pod has it; empty while it has none."""
    return next((each for each in _containers(pod) if each["name"] == name), {})


def process_of(pod: Body, name: str) -> int | None:
    """The oldest process of a container, by this machine's number; None while there is none."""
    return min(_processes(container(pod, name)), default=None)


def kill_all(pod: Body) -> None:
    """SIGKILL for every process of a pod: what a power cut leaves of it."""
    for pid in (pid for each in _containers(pod) for pid in _processes(each)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def memory_kib(pid: int) -> int:
    """The most memory that a process ever held; 0 once it has ended."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _containers(pod: Body) -> list[Body]:
    return [*pod["status"].get("initContainerStatuses", ()), *pod["status"].get("containerStatuses", ())]


def _processes(container: Body) -> list[int]:
    identity = str(container.get("containerID", "")).rpartition("/")[2]
    if not identity:
        return []
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit() and _is_in(entry, identity)]


def _is_in(entry: Path, identity: str) -> bool:
    try:
        return identity in (entry / "cgroup").read_text()
    except OSError:
        return False
