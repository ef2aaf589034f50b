"""Which trees of control groups a machine has, and that ours leave them."""

from pathlib import Path

import pytest

from cluster import cgroups


def test_version_two_has_one_tree(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").touch()
    (tmp_path / "system.slice").mkdir()
    (tmp_path / "system.slice" / "cgroup.procs").touch()
    assert cgroups.hierarchies(tmp_path) == [tmp_path]


def test_version_one_has_a_tree_for_each_controller_and_aliases_do_not_count(tmp_path: Path) -> None:
    for name in ("cpu,cpuacct", "memory"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").touch()
    (tmp_path / "cpu").symlink_to("cpu,cpuacct")
    assert cgroups.hierarchies(tmp_path) == [tmp_path / "cpu,cpuacct", tmp_path / "memory"]


def test_a_group_goes_with_all_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [tmp_path])
    cgroups.create("ht1")
    (tmp_path / "ht1" / "kubepods" / "pod1").mkdir(parents=True)
    cgroups.remove("ht1")
    assert list(tmp_path.iterdir()) == []
