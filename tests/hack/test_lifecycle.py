"""When a cluster goes on, when it begins anew, and what stops it."""

import os
import sys
import time
from pathlib import Path

import pytest

from cluster import lifecycle, machine, processes
from cluster.errors import ClusterError
from cluster.lifecycle import Wish
from cluster.paths import Layout
from cluster.processes import Component
from cluster.settings import Ports, Settings, load, save

ALONE = Wish(with_node=False)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout("test", tmp_path / "state" / "test")
    found.create()
    return found


def until_marked(layout: Layout, count: int) -> None:
    """Wait until processes that were just started show their environment."""
    deadline = time.monotonic() + 5
    while len(processes.marked(layout.state)) != count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_only_linux_will_do(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ClusterError, match="runs on Linux only"):
        lifecycle.must_run_here(layout, ALONE)


def test_a_node_needs_root_and_a_control_plane_does_not(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    lifecycle.must_run_here(layout, ALONE)
    with pytest.raises(ClusterError, match="needs root"):
        lifecycle.must_run_here(layout, Wish())


def test_a_control_plane_alone_builds_no_node() -> None:
    names = {program.name for program in ALONE.builds}
    assert "kube-apiserver" in names
    assert not names & {"kubelet", "kwok", "helm"}
    assert "kwok" in {program.name for program in Wish(with_node=False, fake_nodes=1).builds}


def test_a_first_up_decides_ports(layout: Layout) -> None:
    settings = lifecycle.settle(layout, ALONE)
    assert load(layout) == settings
    assert not settings.has_node


def test_a_second_up_keeps_what_the_first_decided(layout: Layout) -> None:
    first = lifecycle.settle(layout, ALONE)
    assert lifecycle.settle(layout, ALONE) == first


@pytest.mark.parametrize("wish", [Wish(with_node=True), Wish(with_node=False, audit=True)])
def test_a_cluster_does_not_become_another(layout: Layout, wish: Wish) -> None:
    lifecycle.settle(layout, ALONE)
    with pytest.raises(ClusterError, match="runs with other options"):
        lifecycle.settle(layout, wish)


def test_a_node_that_was_switched_off_begins_anew(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    discarded: list[int] = []
    monkeypatch.setattr(machine, "discard", lambda addresses: discarded.append(addresses.slot))
    save(layout, Settings(slot=9, ports=Ports()))
    (layout.state / "etcd").mkdir()
    lifecycle.settle(layout, ALONE)
    assert discarded == [9]
    assert not (layout.state / "etcd").exists()


def test_a_program_that_no_one_recorded_is_ended(layout: Layout) -> None:
    lifecycle.settle(layout, ALONE)
    for name in ("recorded", "stray"):
        processes.ensure(layout, Component(name, ("sleep", "60")))
    recorded = processes.recall(layout, "recorded")
    until_marked(layout, 2)
    (layout.pids / "stray.json").unlink()
    lifecycle.settle(layout, ALONE)
    assert processes.marked(layout.state) == [recorded]
    lifecycle.down(layout)


def test_down_leaves_nothing(layout: Layout) -> None:
    lifecycle.settle(layout, ALONE)
    processes.ensure(layout, Component("sleeper", ("sleep", "60")))
    lifecycle.down(layout)
    assert processes.marked(layout.state) == []
    assert not layout.state.parent.exists()


def test_down_without_a_cluster_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lifecycle.down(Layout("test", tmp_path / "state" / "test"))
    assert "there is no cluster test" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_the_slots_of_neighbours_are_known(layout: Layout) -> None:
    for number, name in enumerate(("one", "two"), start=1):
        save(Layout(name, layout.state.parent / name), Settings(slot=number, ports=Ports()))
    assert sorted(lifecycle.neighbours(layout.state.parent)) == [1, 2]
