"""Where a cluster keeps its things."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

from cluster.errors import ClusterError

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?")
HIDDEN = ("/run", "/var/run", "/var/log", "/proc", "/sys")  # the node's processes have their own there


@dataclass(frozen=True)
class Layout:
    """The state directory of one cluster, and what is in it."""

    name: str
    state: Path

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def pids(self) -> Path:
        return self.state / "pids"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def bin(self) -> Path:
        return self.state / "bin"

    @property
    def settings(self) -> Path:
        return self.state / "cluster.json"

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    def create(self) -> None:
        for folder in (self.logs, self.pids, self.pki, self.config, self.bin):
            folder.mkdir(parents=True, exist_ok=True)
        self.pki.chmod(0o700)


def state_root(env: Mapping[str, str]) -> Path:
    """The folder with one state directory for each cluster."""
    if given := env.get("HUBTRAINING_STATE"):
        return Path(given).absolute()
    return Path(env.get("XDG_STATE_HOME") or Path.home() / ".local/state").absolute() / "hubtraining"


def cache_root(env: Mapping[str, str]) -> Path:
    """The folder for what was built once and serves every cluster."""
    return Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "hubtraining" / "cluster"


def layout(name: str, env: Mapping[str, str]) -> Layout:
    """The paths of the cluster `name`."""
    if not NAME.fullmatch(name):
        raise ClusterError(f"{name!r} cannot name a cluster: use up to 30 lower-case letters, digits and dashes")
    return Layout(name=name, state=state_root(env) / name)


def must_be_visible(folder: Path) -> None:
    """Refuse a folder that the node's processes would not see."""
    if any(folder.is_relative_to(hidden) for hidden in HIDDEN):
        raise ClusterError(f"{folder} cannot hold a cluster with a node: choose a folder outside {', '.join(HIDDEN)}")


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file at once or not at all: a run may be killed at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    draft.replace(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone; the folder is its own lock, so no lock file stays behind."""
    handle = _lock(folder)
    try:
        yield
    finally:
        os.close(handle)


def _lock(folder: Path) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        flock(handle, LOCK_EX)
        if _is_still(folder, handle):
            return handle
        os.close(handle)  # its last holder deleted it while we waited


def _is_still(folder: Path, handle: int) -> bool:
    try:
        return os.path.samestat(folder.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
