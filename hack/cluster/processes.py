"""Processes: who they are, which belong to a cluster, and how they start and end."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.errors import ClusterError
from cluster.paths import Layout, write
from cluster.progress import tail

MARKER = "HUBTRAINING_CLUSTER"  # in the environment of every process of a cluster: found even when no pid was written
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # containerd looks for runc, iptables, …
PROC = Path("/proc")


@dataclass(frozen=True)
class Identity:
    """A process, and not another one that later got its number."""

    pid: int
    started: int
    boot: str


@dataclass(frozen=True)
class Component:
    """A program of the cluster that runs until the cluster ends."""

    name: str
    command: tuple[str, ...]


def identify(pid: int) -> Identity | None:
    """Who runs under this number now; None for nobody and for a zombie."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in "ZX":
        return None
    return Identity(pid=pid, started=int(fields[19]), boot=boot())


def boot() -> str:
    """The same until the machine starts anew."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def alive(identity: Identity | None) -> bool:
    return identity is not None and identify(identity.pid) == identity


def remember(layout: Layout, name: str, identity: Identity) -> None:
    write(layout.pids / f"{name}.json", json.dumps(asdict(identity)))


def recall(layout: Layout, name: str) -> Identity | None:
    """The process that a pid file names; None when the file is missing or was never finished."""
    try:
        return Identity(**json.loads((layout.pids / f"{name}.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def remembered(layout: Layout) -> dict[str, Identity | None]:
    """Every process that was recorded, by its component's name."""
    return {file.stem: recall(layout, file.stem) for file in sorted(layout.pids.glob("[!.]*.json"))}


def marked(state: Path) -> list[Identity]:
    """Every process that carries the cluster's mark, recorded or not."""
    wanted = f"{MARKER}={state}".encode()
    found = (identify(int(entry.name)) for entry in PROC.iterdir() if entry.name.isdigit() and _carries(entry, wanted))
    return [identity for identity in found if identity]


def _carries(entry: Path, wanted: bytes) -> bool:
    try:
        return wanted in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def child(pid: int) -> Identity | None:
    """The one child of a process that only waits for it."""
    for entry in PROC.iterdir():
        with suppress(OSError, ValueError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                return identify(int(entry.name))
    return None


def is_outside(identity: Identity) -> bool:
    """Whether a process is in this one's own process namespace, not in a node's."""
    try:
        return (PROC / str(identity.pid) / "ns/pid").readlink() == (PROC / "self/ns/pid").readlink()
    except OSError:
        return False


def spawn(layout: Layout, name: str, command: Sequence[str], output: int | None = None) -> int:
    """Start a program that outlives this one, and record it; returns its number."""
    log = os.open(layout.log(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        pid = os.posix_spawnp(
            "env",
            ("env", "--chdir=/", *command),
            environment(layout),
            file_actions=(
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log if output is None else output, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ),
            setsid=True,
        )
    finally:
        os.close(log)
    if identity := identify(pid):
        remember(layout, name, identity)
    return pid


def environment(layout: Layout) -> dict[str, str]:
    """What a component sees of the user's environment, with the mark."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PATH": SYSTEM_PATH, MARKER: str(layout.state)}


def ensure(layout: Layout, component: Component, enter: Sequence[str] = ()) -> None:
    """Start a component unless it runs."""
    if not alive(recall(layout, component.name)):
        spawn(layout, component.name, (*enter, *component.command))


def wait(layout: Layout, name: str, ready: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until a component is ready; when it ends or takes too long, say what its log says."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not alive(recall(layout, name)):
            raise ClusterError(f"{name} ended:\n{tail(layout.log(name))}")
        if time.monotonic() > deadline:
            raise ClusterError(f"{name} was not ready after {seconds:.0f} s:\n{tail(layout.log(name))}")
        time.sleep(0.1)


def must_all_run(layout: Layout) -> None:
    """Notice what started and ended at once."""
    for name, identity in remembered(layout).items():
        if not alive(identity):
            raise ClusterError(f"{name} ended:\n{tail(layout.log(name))}")


def end(identities: Iterable[Identity], seconds: float = 20.0) -> None:
    """Kill processes and wait until they are gone."""
    victims = list(identities)
    for victim in filter(alive, victims):
        with suppress(ProcessLookupError):
            os.kill(victim.pid, signal.SIGKILL)
    deadline = time.monotonic() + seconds
    while any(map(alive, victims)):
        if time.monotonic() > deadline:
            raise ClusterError(f"process {next(filter(alive, victims)).pid} does not end although it was killed")
        time.sleep(0.05)


def end_marked(state: Path) -> None:
    """Kill every process of a cluster. One that is just becoming another program shows no environment: look again."""
    quiet = 0
    while quiet < 3:
        left = marked(state)
        quiet = 0 if left else quiet + 1
        end(left)
        time.sleep(0.02)
