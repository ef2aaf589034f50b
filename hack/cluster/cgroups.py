"""The control groups under which all containers of a cluster are."""

import os
import time
from contextlib import suppress
from pathlib import Path

from cluster.errors import ClusterError

ROOT = Path("/sys/fs/cgroup")


def hierarchies(root: Path = ROOT) -> list[Path]:
    """The one tree of version 2, or every tree of version 1."""
    if (root / "cgroup.controllers").exists():
        return [root]
    return sorted({folder.resolve() for folder in root.iterdir() if (folder / "cgroup.procs").exists()})


def create(name: str) -> None:
    for hierarchy in hierarchies():
        (hierarchy / name).mkdir(exist_ok=True)


def remove(name: str, seconds: float = 10.0) -> None:
    """Remove a group and all below it; the kernel lets go of one a moment after its last process."""
    deadline = time.monotonic() + seconds
    while left := [group for hierarchy in hierarchies() if (group := hierarchy / name).exists()]:
        if time.monotonic() > deadline:
            raise ClusterError(f"{left[0]} still has processes: look at its cgroup.procs")
        for group in left:
            _remove_tree(group)


def _remove_tree(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()
    if group.exists():
        time.sleep(0.05)
