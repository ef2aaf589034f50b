"""The programs of a cluster, built from Go modules once and kept outside the checkout."""

import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cluster.errors import ClusterError
from cluster.paths import cache_root, locked
from cluster.progress import say, step, tail

MODULES = Path(__file__).parent / "modules"
GO = "1.26"


@dataclass(frozen=True)
class Program:
    """A program, the package that it is built from, and the module that pins the package."""

    name: str
    module: str
    package: str = "."


def _kubernetes(name: str) -> Program:
    return Program(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}")


CONTROL_PLANE = (
    # The distribution's etcd may be too old to answer the streaming lists of today's clients.
    Program("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    *map(_kubernetes, ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")),
)
NODE = (
    *map(_kubernetes, ("kubelet", "kube-proxy")),
    Program("pause", "pause"),
    Program("coredns", "coredns"),
)
KWOK = Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok")
HELM = Program("helm", "helm", "helm.sh/helm/v3/cmd/helm")
PROBE = Program("probe", "probe")  # asks and answers inside pods, for the tests
ALL = {program.name: program for program in (*CONTROL_PLANE, *NODE, KWOK, HELM, PROBE)}


@cache
def version(module: str, required: str) -> str:
    """The version of a module that a go.mod of ours requires."""
    text = (MODULES / module / "go.mod").read_text()
    found = re.search(rf"{re.escape(required)} (v\S+)", text)
    if found is None:
        raise ClusterError(f"{MODULES / module / 'go.mod'} does not require {required}")
    return found[1]


def kubernetes() -> str:
    return version("kubernetes", "k8s.io/kubernetes")


def variables(module: str) -> dict[str, str]:
    """What a release build would set: without it a server calls itself v0.0.0, and clients misjudge it."""
    major, minor, _ = kubernetes().removeprefix("v").split(".", 2)
    if module == "kubernetes":
        places = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        said = {"gitVersion": kubernetes(), "gitMajor": major, "gitMinor": minor}
        return {f"{place}.{name}": value for place in places for name, value in said.items()}
    if module == "helm":  # it renders charts for v1.20 unless it is told which Kubernetes there is
        places = ("helm.sh/helm/v3/pkg/chartutil", "helm.sh/helm/v3/pkg/lint/rules")
        said = {"k8sVersionMajor": major, "k8sVersionMinor": minor}
        own = {"helm.sh/helm/v3/internal/version.version": version("helm", "helm.sh/helm/v3")}
        return own | {f"{place}.{name}": value for place in places for name, value in said.items()}
    return {}


def link_flags(module: str) -> str:
    return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in variables(module).items())])


def key(module: str) -> str:
    """Changes whenever the build would bring forth something else."""
    digest = hashlib.sha256(f"{link_flags(module)} {platform.machine()}".encode())
    for file in sorted((MODULES / module).iterdir()):
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def built(program: Program) -> Path:
    """Where the program is once it is built."""
    return cache_root(os.environ) / f"{program.module}-{key(program.module)}" / program.name


def build(programs: Iterable[Program]) -> None:
    """Build what is not in the cache."""
    missing = [program for program in programs if not built(program).exists()]
    if not missing:
        return
    must_have_go()
    say(f"building {len(missing)} programs into {cache_root(os.environ)} (all of them take a quarter of an hour)")
    for program in missing:
        target = built(program)
        with locked(target.parent), step(f"compiling {program.name}"):
            _compile(program, target)


def _compile(program: Program, target: Path) -> None:
    if target.exists():  # another run built it while we waited
        return
    draft, log = target.with_name(f".{program.name}.draft"), target.with_name(f"{program.name}.log")
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", link_flags(program.module), "-o", str(draft)]
    with log.open("wb") as output:
        done = subprocess.run(
            [*command, program.package],
            cwd=MODULES / program.module,
            env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"},
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode:
        raise ClusterError(f"{program.name} does not compile:\n{tail(log)}")
    draft.replace(target)


def must_have_go() -> None:
    if shutil.which("go") is None:
        raise ClusterError(
            f"the cluster's programs are compiled here: install Go {GO} or newer and have it on the PATH"
        )


def link(programs: Iterable[Program], folder: Path) -> None:
    """Make a folder for the PATH."""
    for program in programs:
        place = folder / program.name
        place.unlink(missing_ok=True)
        place.symlink_to(built(program))
