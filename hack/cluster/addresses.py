"""The networks of a cluster: a slot number decides them all."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network

SLOTS = range(1, 255)
DOMAIN = "cluster.local"


@dataclass(frozen=True)
class Addresses:
    """What one cluster uses. Out of the way of Docker (172.17), Podman (10.88) and the usual pod networks (10.244)."""

    slot: int

    @property
    def device(self) -> str:
        """The host's end of the cable to the node."""
        return f"ht{self.slot}"

    @property
    def cgroup(self) -> str:
        return f"ht{self.slot}"

    @property
    def link(self) -> IPv4Network:
        return IPv4Network(f"10.187.{self.slot}.0/30")

    @property
    def pods(self) -> IPv4Network:
        return IPv4Network(f"10.188.{self.slot}.0/24")

    @property
    def services(self) -> IPv4Network:
        return IPv4Network(f"10.189.{self.slot}.0/24")

    @property
    def host(self) -> str:
        return str(self.link[1])

    @property
    def node(self) -> str:
        return str(self.link[2])

    @property
    def api(self) -> str:
        """The Service `kubernetes`: always the first address."""
        return str(self.services[1])

    @property
    def dns(self) -> str:
        return str(self.services[10])

    def clashes(self, taken: Iterable[IPv4Network]) -> bool:
        """Whether the machine uses one of these networks already."""
        own = (self.link, self.pods, self.services)
        return any(ours.overlaps(theirs) for ours in own for theirs in taken)


def free_slot(claimed: Iterable[int], routes: Iterable[IPv4Network]) -> int | None:
    """The lowest number that no other cluster has and that the machine's own networks leave free."""
    used, taken = set(claimed), list(routes)
    return next((slot for slot in SLOTS if slot not in used and not Addresses(slot).clashes(taken)), None)


def routes(lines: Iterable[str]) -> list[IPv4Network]:
    """The networks in what `ip -4 route show table all` prints; the default route is none."""
    words = (line.split() for line in lines)
    skip = {"default", "broadcast", "unreachable", "blackhole", "prohibit", "multicast"}
    places = [(parts[1] if parts[0] == "local" else parts[0]) for parts in words if parts and parts[0] not in skip]
    return [IPv4Network(place, strict=False) for place in places if place[0].isdigit()]
