"""Trainers that do not end well, and a hub that goes away: never a wrong state, never a lost epoch."""

from typing import Any

import pytest
from support.site import SYSTEM, Site, until

pytestmark = pytest.mark.e2e

LONG = 200
ONCE = {"limit": 0}
"""Of retries: the first failure is the last."""


def long_args(site: Site) -> dict[str, object]:
    return {"args": {**site.session("x")["spec"]["train"]["args"], "epochs": LONG}}


def finals(site: Site, name: str) -> list[object]:
    return [item for item in site.uploads(name) if item["type"] == "final"]


def test_a_trainer_that_exits_non_zero_is_failed_with_code_and_log_tail(site: Site) -> None:
    command = ["sh", "-c", "echo preparing; echo 'the learning rate is a banana' >&2; exit 7"]
    site.apply(site.session("exits", trainer={"command": command}, retry=ONCE))
    attempt = site.finished("exits")["attempts"][0]
    assert attempt["outcome"] == "Failed"
    assert attempt["exitCode"] == 7
    assert "the learning rate is a banana" in attempt["logTail"]
    assert finals(site, "exits") == []


def test_a_trainer_that_is_killed_is_failed_and_never_final(site: Site) -> None:
    site.apply(site.session("killed", train=long_args(site), retry=ONCE))
    site.running_epoch("killed", 2)
    child_of_the_launcher = "kill -9 $(cat /proc/1/task/1/children)"
    site.kubectl("exec", "killed-1-0", "-c", "trainer", "--", "sh", "-c", child_of_the_launcher)
    status = site.finished("killed")
    assert status["phase"] == "Failed"
    assert status["attempts"][0]["exitCode"] == 137
    assert finals(site, "killed") == []
    assert [item for item in site.uploads("killed") if item["type"] == "epoch"]


def test_a_pod_that_is_deleted_leaves_everything_in_the_hub_and_another_one_follows(site: Site) -> None:
    site.apply(site.session("deleted", train=long_args(site)))
    site.running_epoch("deleted", 2)
    site.kubectl("delete", "pod", "deleted-1-0", "--wait")
    status = until("the next attempt", lambda: again(site, "deleted"))
    assert (status["attempts"][0]["outcome"], status["attempts"][0]["reason"]) == ("Disrupted", "PodDeleted")
    assert (status.get("failures", 0), status["preemptions"]) == (0, 1)
    assert finals(site, "deleted") == []
    assert max(site.hub_metrics("deleted")) >= status["progress"]["epoch"] >= 2
    site.kubectl("delete", "hts", "deleted", "--wait")


def again(site: Site, name: str) -> dict[str, Any] | None:
    """The status once there is a second attempt."""
    status = site.status(name)
    return status if status.get("attempt", 0) > 1 else None


def test_term_reaches_the_trainer_although_the_launcher_is_pid_1(site: Site) -> None:
    script = "trap 'echo TERM arrived; exit 3' TERM; echo listening; while :; do sleep 0.2; done"
    site.apply(site.session("term", trainer={"command": ["sh", "-c", script]}, retry=ONCE))
    until("the trainer", lambda: "listening" in site.trainer_log("term-1-0"))
    follower = site.kubectl("exec", "term-1-0", "-c", "trainer", "--", "sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline")
    assert "launcher" in follower
    site.kubectl("exec", "term-1-0", "-c", "trainer", "--", "sh", "-c", "kill -TERM 1")
    attempt = site.finished("term")["attempts"][0]
    assert attempt["exitCode"] == 3
    assert "TERM arrived" in attempt["logTail"]


def test_a_hub_that_stops_and_starts_again_misses_nothing(site: Site) -> None:
    epochs = 25
    site.apply(site.session("outage", train={"args": {**site.session("x")["spec"]["train"]["args"], "epochs": epochs}}))
    site.running_epoch("outage", 2)
    site.scale("statefulset/hubtraining-hub", 0)
    until("no hub", lambda: "hubtraining-hub" not in site.kubectl("get", "pods", "-o", "name", namespace=SYSTEM), 60)
    site.running_epoch("outage", 8)
    site.scale("statefulset/hubtraining-hub", 1)
    status = site.finished("outage")
    assert status["phase"] == "Succeeded"
    assert sorted(site.hub_metrics("outage")) == list(range(1, epochs + 1))
    assert len(finals(site, "outage")) == 1
