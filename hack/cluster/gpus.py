"""GPUs: to the scheduler they are a number on the node, whatever is behind it."""

import json
from contextlib import suppress

from cluster.controlplane import NODE
from cluster.kubectl import kubectl
from cluster.paths import Layout, write

RESOURCE = "nvidia.com/gpu"


def offer(layout: Layout, count: int) -> None:
    """Let the node offer GPUs, and remember how many: a node that registers anew has lost them."""
    write(layout.state / "gpus", str(count))
    wanted = {RESOURCE: str(count) if count else None}
    patch = json.dumps({"status": {"capacity": wanted, "allocatable": wanted}})
    kubectl(layout, "patch", "node", NODE, "--subresource=status", "--type=merge", f"--patch={patch}")


def restore(layout: Layout, wish: int | None) -> None:
    """Offer what is asked for now, or what was before."""
    with suppress(FileNotFoundError):
        offer(layout, int((layout.state / "gpus").read_text()) if wish is None else wish)
