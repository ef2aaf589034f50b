"""What a cluster is doing."""

from cluster import controlplane, processes
from cluster.errors import ClusterError
from cluster.kubectl import kubectl
from cluster.paths import Layout
from cluster.settings import Settings, existing


def show(layout: Layout) -> int:
    """Print what runs; 0 when all of it does."""
    settings = existing(layout)
    found = processes.remembered(layout)
    print(f"cluster     {layout.name}{'' if settings.has_node else ' (control plane only)'}")
    print(f"server      {settings.server}")
    print(f"kubeconfig  {layout.kubeconfig}")
    print(f"logs        {layout.logs}")
    for line in networks(settings):
        print(line)
    for name, identity in found.items():
        state = f"pid {identity.pid}" if identity and processes.alive(identity) else "NOT RUNNING"
        print(f"  {name:24} {state}")
    ready = controlplane.ready(layout, settings)
    print(nodes(layout) if ready else "the API server does not answer")
    return 0 if ready and all(map(processes.alive, found.values())) else 1


def networks(settings: Settings) -> list[str]:
    if not settings.has_node:
        return []
    own = settings.addresses
    return [
        f"node        {own.node}, which reaches this machine at {own.host}",
        f"pods        {own.pods}",
        f"services    {own.services}",
    ]


def nodes(layout: Layout) -> str:
    try:
        return kubectl(layout, "get", "nodes").rstrip()
    except ClusterError as error:
        return str(error)
