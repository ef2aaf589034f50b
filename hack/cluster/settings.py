"""What was decided about a cluster when it was first brought up."""

import json
import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from cluster.addresses import Addresses
from cluster.errors import ClusterError
from cluster.paths import Layout, write


@dataclass(frozen=True)
class Ports:
    """Where the control plane listens."""

    api: int = 6443
    etcd: int = 2379
    peer: int = 2380


@dataclass(frozen=True)
class Settings:
    """Slot 0 stands for a control plane alone: it needs no networks of its own."""

    slot: int
    ports: Ports
    audit: bool = False

    @property
    def has_node(self) -> bool:
        return self.slot > 0

    @property
    def addresses(self) -> Addresses:
        return Addresses(self.slot)

    @property
    def host(self) -> str:
        """Where clients on this machine find the API server."""
        return self.addresses.node if self.has_node else "127.0.0.1"

    @property
    def server(self) -> str:
        return f"https://{self.host}:{self.ports.api}"


def load(layout: Layout) -> Settings | None:
    """The settings of a cluster that was brought up and not taken down."""
    try:
        content = json.loads(layout.settings.read_text())
    except FileNotFoundError:
        return None
    return Settings(slot=content["slot"], ports=Ports(**content["ports"]), audit=content["audit"])


def save(layout: Layout, settings: Settings) -> None:
    write(layout.settings, json.dumps(asdict(settings)))


def existing(layout: Layout) -> Settings:
    """The settings of a cluster that must be there."""
    settings = load(layout)
    if settings is None:
        raise ClusterError(f"there is no cluster {layout.name!r}: bring it up with `hack/cluster/cluster up`")
    return settings


def free_ports() -> Ports:
    """Three ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return Ports(*(each.getsockname()[1] for each in sockets))
