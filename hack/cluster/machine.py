"""The node's own place on this machine: a process, network and mount namespace, held open by one process."""

import os
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from cluster import cgroups, network, processes
from cluster.addresses import Addresses
from cluster.errors import ClusterError
from cluster.paths import Layout
from cluster.programs import ALL, built
from cluster.progress import step, tail
from cluster.settings import Settings

HOLDER = "namespaces"
INIT = "namespaces-init"  # process 1 of the namespaces; HOLDER waits for it outside
SCRIPT = Path(__file__).with_name("namespace.sh")
CNI_STATE = Path(
    "/var/lib/cni"
)  # the plugins keep results there, configurable nowhere; the node mounts its own over it
ISOLATE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=slave")


def running(layout: Layout) -> bool:
    return processes.alive(processes.recall(layout, HOLDER)) and processes.alive(processes.recall(layout, INIT))


def start(layout: Layout, settings: Settings) -> tuple[str, ...]:
    """Make the place, unless it is there; returns the words that start a command inside."""
    if not running(layout):
        with step("namespaces, network and cgroups"):
            _hold(layout)
    init = processes.recall(layout, INIT)
    if init is None:
        raise ClusterError(f"the node's first process ended:\n{tail(layout.log(HOLDER))}")
    network.connect(settings.addresses, init.pid)
    cgroups.create(settings.addresses.cgroup)
    return enter(init.pid)


def _hold(layout: Layout) -> None:
    (layout.state / "kubelet").mkdir(exist_ok=True)
    command = (*ISOLATE, "sh", str(SCRIPT), str(built(ALL["pause"])), str(layout.state))
    ours, theirs = os.pipe()
    with os.fdopen(ours) as said:
        holder = processes.spawn(layout, HOLDER, command, output=theirs)
        os.close(theirs)
        if said.readline() != "ready\n":
            raise ClusterError(f"this machine does not allow namespaces:\n{tail(layout.log(HOLDER))}")
    if first := processes.child(holder):
        processes.remember(layout, INIT, first)


def enter(pid: int) -> tuple[str, ...]:
    return ("nsenter", f"--target={pid}", "--net", "--mount", "--pid", "--")


def inside(layout: Layout) -> tuple[str, ...]:
    """The words that start a command inside a running node."""
    init = processes.recall(layout, INIT)
    if init is None or not processes.alive(init):
        raise ClusterError(f"{layout.name} has no node that runs: bring it up with `hack/cluster/cluster up`")
    return enter(init.pid)


def discard(addresses: Addresses) -> None:
    """Remove what outlives the processes."""
    network.disconnect(addresses)
    cgroups.remove(addresses.cgroup)
    with suppress(FileNotFoundError):
        _discard_mount_point(CNI_STATE)


def _discard_mount_point(folder: Path) -> None:
    """Remove a folder that nodes mount something over, unless another node does or it has files of others."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            flock(handle, LOCK_EX | LOCK_NB)  # each node holds it shared
            folder.rmdir()
    finally:
        os.close(handle)
