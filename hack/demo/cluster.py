"""Where the demo runs: the project's own local cluster, or one that the user names."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from demo.shell import ROOT, DemoError, output, run, say

CLUSTER = str(ROOT / "hack" / "cluster" / "cluster")
BUILD = str(ROOT / "hack" / "images" / "build")
IMAGES = ("hubtraining", "trainer")


@dataclass(frozen=True)
class Image:
    """A built image: the archive and the name that pods use."""

    archive: str
    name: str


@dataclass(frozen=True)
class Cluster:
    """A cluster that kubectl and helm can reach. An empty context means the local one."""

    kubectl: tuple[str, ...]
    helm: tuple[str, ...]
    name: str = ""
    state: Path | None = None
    context: str = ""
    registry: str = ""

    def load(self, image: Image) -> str:
        """Bring an image to the nodes; returns the name that pods must use."""
        if not self.context:
            run(CLUSTER, "load-image", "--name", self.name, image.archive)
            return image.name
        if self.registry:
            return push(image, self.registry)
        if self.context.startswith("kind-"):
            run("kind", "load", "image-archive", image.archive, "--name", self.context.removeprefix("kind-"))
            return image.name
        raise DemoError(
            f"the nodes of context {self.context!r} cannot see images built here: "
            "name a registry that they pull from, `make demo CONTEXT=… REGISTRY=registry.example/team`"
        )


def push(image: Image, registry: str) -> str:
    """Push an archive to a registry with the engine at hand."""
    target = f"{registry.rstrip('/')}/{image.name.removeprefix('localhost/')}"
    engine = next((name for name in ("docker", "podman") if shutil.which(name)), None)
    if engine is None:
        raise DemoError("pushing to a registry needs docker or podman on this machine")
    run(engine, "load", "--input", image.archive)
    run(engine, "tag", image.name, target)
    run(engine, "push", target)
    return target


def local(name: str = "dev", *options: str) -> Cluster:
    """The project's own cluster, started when it is not there."""
    run(CLUSTER, "up", "--name", name, *options)
    env = exports(output(CLUSTER, "env", "--name", name))
    path, config = env["PATH"], f"--kubeconfig={env['KUBECONFIG']}"
    kubectl, helm = (tool("kubectl", path), config), (tool("helm", path), config)
    return Cluster(kubectl=kubectl, helm=helm, name=name, state=Path(env["KUBECONFIG"]).parent)


def exports(text: str) -> dict[str, str]:
    """The variables of `export NAME=value` lines, with the shell's own expansion of $PATH."""
    pairs = (line.removeprefix("export ").split("=", 1) for line in text.splitlines() if line.startswith("export "))
    return {name: os.path.expandvars(value.strip("'\"")) for name, value in pairs}


def tool(name: str, path: str | None = None) -> str:
    """The full path of a program that must be there."""
    found = shutil.which(name, path=path)
    if found is None:
        raise DemoError(f"{name} is not on the PATH: install it, or leave CONTEXT away to use the local cluster")
    return found


def theirs(context: str, registry: str) -> Cluster:
    """The cluster behind a context of the user's own kubeconfig."""
    kubectl = (tool("kubectl"), f"--context={context}")
    helm = (tool("helm"), f"--kube-context={context}")
    output(*kubectl, "version")
    return Cluster(kubectl=kubectl, helm=helm, context=context, registry=registry)


def images() -> dict[str, Image]:
    """Build the images (or find them built)."""
    built = {}
    for name in IMAGES:
        archive = output_of_build(name)
        built[name] = Image(archive=archive, name=image_name(archive))
        say(f"    {name}: {built[name].name}")
    return built


def output_of_build(name: str) -> str:
    """The archive's path: the last line that the build prints; its progress goes to the screen."""
    return output(BUILD, name, quiet=False).strip().splitlines()[-1]


def image_name(archive: str) -> str:
    """The name that the build gives to what stands in `<name>-<content hash>.tar`."""
    stem, _, digest = Path(archive).stem.rpartition("-")
    return f"localhost/{stem}:{digest[:12]}"
