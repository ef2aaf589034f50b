"""Bringing a cluster up and taking it down."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster import controlplane, debian, fakes, gpus, machine, network, node, processes, programs
from cluster.errors import ClusterError
from cluster.kubectl import kubectl
from cluster.paths import Layout, cache_root, locked, must_be_visible
from cluster.progress import say, step
from cluster.settings import Ports, Settings, free_ports, load, save


@dataclass(frozen=True)
class Wish:
    """What `up` was asked for."""

    with_node: bool = True
    audit: bool = False
    fake_nodes: int = 0
    gpus: int | None = None

    @property
    def builds(self) -> tuple[programs.Program, ...]:
        node = (*programs.NODE, programs.HELM) if self.with_node else ()
        fakes = (programs.KWOK,) if self.fake_nodes else ()
        return (*programs.CONTROL_PLANE, *node, *fakes)

    @property
    def tools(self) -> tuple[programs.Program, ...]:
        """What belongs on the PATH of whoever uses the cluster."""
        return tuple(program for program in self.builds if program.name in ("kubectl", "helm"))

    @property
    def packages(self) -> dict[str, str]:
        return debian.CONTROL_PLANE | (debian.NODE if self.with_node else {})


def up(layout: Layout, wish: Wish) -> None:
    """Bring a cluster up; where it runs already, start what is missing of it."""
    must_run_here(layout, wish)
    debian.install(wish.packages)
    programs.build(wish.builds)
    with locked(layout.state):
        settings = settle(layout, wish)
        programs.link(wish.tools, layout.bin)
        enter = machine.start(layout, settings) if settings.has_node else ()
        with step("control plane"):
            controlplane.prepare(layout, settings)
            controlplane.start(layout, settings, enter)
            kubectl(layout, "wait", "--for=create", "serviceaccount/default", "--timeout=60s")
        if settings.has_node:
            node.start(layout, settings, enter)
            gpus.restore(layout, wish.gpus)
        if wish.fake_nodes:
            fakes.start(layout, wish.fake_nodes, enter, tainted=settings.has_node)
        processes.must_all_run(layout)
    say(f'{layout.name} is up at {settings.server}; to use it: eval "$(hack/cluster/cluster env --name {layout.name})"')


def must_run_here(layout: Layout, wish: Wish) -> None:
    if sys.platform != "linux":
        raise ClusterError("the local cluster runs on Linux only: take a Linux machine, or a cluster that you have")
    if not wish.with_node:
        return
    if os.geteuid() != 0:
        raise ClusterError("a cluster with a node needs root: run it with sudo, or take --control-plane-only")
    for folder in (layout.state, cache_root(os.environ)):
        must_be_visible(folder)


def settle(layout: Layout, wish: Wish) -> Settings:
    """What the cluster is to be like: as it is, or decided now and with nothing left of a run that was killed."""
    settings = load(layout)
    if settings and continues(layout, settings, wish):
        processes.end(strays(layout))
        return settings
    if settings or processes.marked(layout.state):
        say(f"clearing what an earlier run of {layout.name} left behind")
    clear(layout, settings)
    layout.create()
    return claim(layout, wish)


def continues(layout: Layout, settings: Settings, wish: Wish) -> bool:
    """Whether `up` can go on with what there is; a node whose namespaces are gone was switched off."""
    if settings.has_node and not machine.running(layout):
        return False
    if settings.has_node != wish.with_node or (wish.audit and not settings.audit):
        raise ClusterError(f"{layout.name} runs with other options: take it down first, or choose another --name")
    return True


def strays(layout: Layout) -> list[processes.Identity]:
    """Processes that a killed run started but had no time to record; those inside a node belong to one outside."""
    known = set(processes.remembered(layout).values())
    outside = [found for found in processes.marked(layout.state) if processes.is_outside(found)]
    loose = [identity for identity in outside if identity not in known]
    inside = [identity for each in loose if (identity := processes.child(each.pid))]
    return loose + inside


def claim(layout: Layout, wish: Wish) -> Settings:
    """Decide networks and ports; one run at a time, so that no two take the same."""
    if not wish.with_node:
        settings = Settings(slot=0, ports=free_ports(), audit=wish.audit)
        save(layout, settings)
        return settings
    with locked(layout.state.parent):
        settings = Settings(slot=network.choose(neighbours(layout.state.parent)), ports=Ports(), audit=wish.audit)
        save(layout, settings)
    machine.discard(settings.addresses)
    return settings


def neighbours(root: Path) -> list[int]:
    """The slots that the clusters of this state root have."""
    every = (load(Layout(name=folder.name, state=folder)) for folder in root.iterdir() if folder.is_dir())
    return [settings.slot for settings in every if settings]


def down(layout: Layout) -> None:
    """Take a cluster down and leave nothing behind."""
    if not layout.state.exists() and not processes.marked(layout.state):
        say(f"there is no cluster {layout.name}")
        return
    with locked(layout.state), step(f"taking {layout.name} down"):
        clear(layout, load(layout))
        layout.state.rmdir()
    if not any(layout.state.parent.iterdir()):
        layout.state.parent.rmdir()


def clear(layout: Layout, settings: Settings | None) -> None:
    """End every process and remove every file of a cluster."""
    processes.end_marked(layout.state)
    if settings and settings.has_node:
        machine.discard(settings.addresses)
    for entry in layout.state.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
