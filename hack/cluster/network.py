"""The cable between the machine and the node, and the machine's routes through it."""

import subprocess
from collections.abc import Iterable

from cluster.addresses import SLOTS, Addresses, free_slot, routes
from cluster.errors import ClusterError


def ip(*arguments: str, check: bool = True) -> str:
    """Run iproute2."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode and check:
        raise ClusterError(f"`ip {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout


def choose(neighbours: Iterable[int]) -> int:
    """A slot whose networks nobody on this machine uses, not even a cluster of another state root."""
    slot = free_slot(neighbours, routes(ip("-4", "route", "show", "table", "all").splitlines()))
    if slot is None:
        raise ClusterError(f"no networks are free: {len(SLOTS)} clusters, or networks of your own, use them all")
    return slot


def connect(addresses: Addresses, pid: int) -> None:
    """Lay a cable from the machine into the network namespace of a process, or what is missing of it."""
    if not ip("link", "show", addresses.device, check=False):
        ip("link", "add", addresses.device, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    prefix = addresses.link.prefixlen
    inside = ("nsenter", f"--target={pid}", "--net", "ip")
    for command in (
        ("ip", "address", "replace", f"{addresses.host}/{prefix}", "dev", addresses.device),
        ("ip", "link", "set", addresses.device, "up"),
        (*inside, "link", "set", "lo", "up"),
        (*inside, "address", "replace", f"{addresses.node}/{prefix}", "dev", "eth0"),
        (*inside, "link", "set", "eth0", "up"),
        (*inside, "route", "replace", "default", "via", addresses.host),
        ("ip", "route", "replace", str(addresses.pods), "via", addresses.node),
        ("ip", "route", "replace", str(addresses.services), "via", addresses.node),
    ):
        subprocess.run(command, check=True)


def disconnect(addresses: Addresses) -> None:
    """Remove the cable and with it the routes; the kernel does so too, but some time after the namespace."""
    ip("link", "delete", addresses.device, check=False)
