"""Which packages are missing, and what is said about it."""

import os
from pathlib import Path

import pytest

from cluster import debian
from cluster.errors import ClusterError


def test_nothing_is_missing_when_every_command_is_there() -> None:
    assert debian.missing(debian.NODE, find=lambda command: f"/bin/{command}") == []


def test_a_package_with_two_commands_is_named_once() -> None:
    there = {"runc", "iptables", "ip", "unshare", "nsenter", "mount", "/usr/lib/cni/ptp"}
    assert debian.missing(debian.NODE, find=lambda command: command if command in there else None) == ["containerd"]


def test_a_control_plane_alone_needs_next_to_nothing() -> None:
    assert debian.missing(debian.CONTROL_PLANE, find=lambda _: None) == ["openssl"]


def test_who_is_not_root_is_told_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "which", lambda command: "/usr/bin/apt-get" if command == "apt-get" else None)
    monkeypatch.setattr(debian, "missing", lambda _: ["runc"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match="sudo apt-get install runc"):
        debian.install(debian.NODE)


def test_another_distribution_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "which", lambda _: None)
    monkeypatch.setattr(debian, "missing", lambda _: ["runc"])
    with pytest.raises(ClusterError, match="install what Debian calls runc"):
        debian.install(debian.NODE)


def test_services_are_kept_from_starting_only_while_packages_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(debian, "POLICY", policy)
    with debian._no_services():
        assert policy.stat().st_mode & 0o111
        assert "exit 101" in policy.read_text()
    assert not policy.exists()


def test_a_policy_that_a_killed_run_left_is_removed_and_anothers_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(debian, "POLICY", policy)
    policy.write_text(debian.REFUSAL)
    with debian._no_services():
        pass
    assert not policy.exists()
    policy.write_text("#!/bin/sh\nexit 0\n")
    with debian._no_services():
        pass
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"
