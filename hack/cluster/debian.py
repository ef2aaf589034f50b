"""What the cluster takes from the distribution, and how it gets there."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cluster.errors import ClusterError
from cluster.processes import SYSTEM_PATH
from cluster.progress import say, step

CNI = Path("/usr/lib/cni")
CONTROL_PLANE = {"openssl": "openssl"}
NODE = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    str(CNI / "ptp"): "containernetworking-plugins",
}
POLICY = Path("/usr/sbin/policy-rc.d")
REFUSAL = "#!/bin/sh\n# hubtraining: packages may bring services, the cluster starts its own\nexit 101\n"


def which(command: str) -> str | None:
    return shutil.which(command, path=SYSTEM_PATH)


def missing(needs: Mapping[str, str], find: Callable[[str], str | None] = which) -> list[str]:
    """The packages whose commands are not on this machine."""
    return sorted({package for command, package in needs.items() if find(command) is None})


def install(needs: Mapping[str, str]) -> None:
    """Install what is missing, or say who can."""
    packages = missing(needs)
    if not packages:
        return
    if which("apt-get") is None:
        raise ClusterError(f"install what Debian calls {', '.join(packages)} with this system's package manager")
    if os.geteuid() != 0:
        raise ClusterError(f"packages are missing: run `sudo apt-get install {' '.join(packages)}`")
    say(f"installing Debian packages: {' '.join(packages)}")
    with _no_services(), step("apt-get install"):
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *packages)


def _apt(*arguments: str) -> None:
    command = ["apt-get", "-qq", *arguments]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"`{' '.join(command)}` failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")


@contextmanager
def _no_services() -> Iterator[None]:
    """Keep packages from starting their services: the cluster starts its own containerd."""
    if POLICY.exists() and POLICY.read_text() != REFUSAL:  # ours may be left behind by a killed run
        yield
        return
    POLICY.write_text(REFUSAL)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
