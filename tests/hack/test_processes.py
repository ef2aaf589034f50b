"""Who a process is, and that no other is ever ended in its place."""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cluster import processes
from cluster.errors import ClusterError
from cluster.paths import Layout
from cluster.processes import Component


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    found = Layout("test", tmp_path)
    found.create()
    yield found
    processes.end_marked(found.state)


def until_marked(layout: Layout, expected: list[processes.Identity | None]) -> None:
    """Wait until a process that was just started shows its environment."""
    deadline = time.monotonic() + 5
    while processes.marked(layout.state) != expected:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def until_dead(pid: int) -> None:
    deadline = time.monotonic() + 5
    while processes.identify(pid) and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_process_is_itself() -> None:
    own = processes.identify(os.getpid())
    assert own is not None
    assert own.pid == os.getpid()
    assert processes.alive(own)


@pytest.mark.parametrize("other", [{"started": 1}, {"boot": "before the machine started anew"}])
def test_a_number_that_another_process_has_now_is_not_the_process(other: dict[str, object]) -> None:
    own = processes.identify(os.getpid())
    assert own is not None
    recorded = replace(own, **other)  # type: ignore[arg-type]
    assert not processes.alive(recorded)
    processes.end([recorded])  # this test goes on: nothing was ended


def test_nobody_has_a_number_that_is_free() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert processes.identify(child.pid) is None


def test_a_process_whose_parent_has_not_looked_is_dead() -> None:
    child = subprocess.Popen(["true"])
    until_dead(child.pid)
    assert processes.identify(child.pid) is None
    child.wait()


def test_a_program_is_recorded_marked_and_logged(layout: Layout) -> None:
    processes.ensure(layout, Component("talker", ("sh", "-c", "echo hello; exec sleep 60")))
    identity = processes.recall(layout, "talker")
    assert processes.alive(identity)
    until_marked(layout, [identity])
    deadline = time.monotonic() + 5
    while "hello" not in layout.log("talker").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_program_that_runs_is_not_started_again(layout: Layout) -> None:
    sleeper = Component("sleeper", ("sleep", "60"))
    processes.ensure(layout, sleeper)
    first = processes.recall(layout, "sleeper")
    processes.ensure(layout, sleeper)
    assert processes.recall(layout, "sleeper") == first


def test_a_program_that_ended_is_started_again(layout: Layout) -> None:
    sleeper = Component("sleeper", ("sleep", "60"))
    processes.ensure(layout, sleeper)
    first = processes.recall(layout, "sleeper")
    assert first is not None
    processes.end([first])
    processes.ensure(layout, sleeper)
    assert processes.recall(layout, "sleeper") != first


def test_a_process_is_found_by_its_mark_when_no_pid_was_written(layout: Layout) -> None:
    processes.ensure(layout, Component("sleeper", ("sleep", "60")))
    until_marked(layout, [processes.recall(layout, "sleeper")])
    (layout.pids / "sleeper.json").unlink()
    processes.end_marked(layout.state)
    assert processes.marked(layout.state) == []


def test_the_mark_of_another_cluster_is_not_ours(layout: Layout, tmp_path: Path) -> None:
    processes.ensure(layout, Component("sleeper", ("sleep", "60")))
    assert processes.marked(Path(f"{tmp_path}-2")) == []
    assert processes.marked(tmp_path.parent) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_a_pid_file_that_was_not_finished_names_nobody(layout: Layout, content: str) -> None:
    (layout.pids / "etcd.json").write_text(content)
    assert processes.recall(layout, "etcd") is None
    assert processes.remembered(layout) == {"etcd": None}


def test_waiting_ends_with_the_log_of_a_program_that_ended(layout: Layout) -> None:
    processes.ensure(layout, Component("failing", ("sh", "-c", "echo no such flag >&2; exit 1")))
    with pytest.raises(ClusterError, match="no such flag") as caught:
        processes.wait(layout, "failing", lambda: False)
    assert str(layout.log("failing")) in str(caught.value)


def test_waiting_ends_when_it_takes_too_long(layout: Layout) -> None:
    processes.ensure(layout, Component("slow", ("sleep", "60")))
    with pytest.raises(ClusterError, match="not ready after 0 s"):
        processes.wait(layout, "slow", lambda: False, seconds=0.2)


def test_a_program_that_ended_later_is_noticed(layout: Layout) -> None:
    processes.ensure(layout, Component("sleeper", ("sleep", "60")))
    processes.must_all_run(layout)
    processes.end_marked(layout.state)
    with pytest.raises(ClusterError, match="sleeper ended"):
        processes.must_all_run(layout)


def test_a_component_sees_little_of_the_users_environment(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/me/.kube/config")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    seen = processes.environment(layout)
    assert seen[processes.MARKER] == str(layout.state)
    assert not {"KUBECONFIG", "HTTPS_PROXY"} & set(seen)
