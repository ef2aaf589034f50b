"""Pods as the API server shows them, in every state of completeness."""

from datetime import timedelta
from typing import Any

import pytest
from builders.pod import NOON, a_pod
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.values.pods import SELECTOR, ContainerView, view


def bare(**parts: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "team-a", "name": "x", "uid": "u"}, **parts}


def test_a_fresh_pod_is_pending_and_has_no_containers() -> None:
    pod = a_pod().view()
    assert (pod.key, pod.session_uid, pod.attempt, pod.manifest_hash) == (("team-a", "signs"), "session-1", 1, "hash-1")
    assert (pod.phase, pod.node, pod.ended, pod.containers, pod.gpus) == ("Pending", "", False, {}, 1)
    assert pod.created == NOON


def test_what_somebody_else_made_is_nobodys_pod() -> None:
    pod = view(bare())
    assert (pod.session, pod.session_uid, pod.attempt) == ("", "", 0)


@pytest.mark.parametrize("attempt", ["one", "-1", "", "1.5", "²"])
def test_an_attempt_that_is_no_number_is_none(attempt: str) -> None:
    assert view(bare(metadata={**bare()["metadata"], "labels": {"hubtraining.dev/attempt": attempt}})).attempt == 0


def test_only_the_controlling_owner_counts() -> None:
    owners = [{"uid": "a"}, {"uid": "b", "controller": True}, {"uid": "c", "controller": False}]
    assert view(bare(metadata={**bare()["metadata"], "ownerReferences": owners})).session_uid == "b"


def test_a_pod_that_finds_no_node_has_the_schedulers_words() -> None:
    assert a_pod().unschedulable("no room").view().unschedulable == "no room"
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "gated"}
    assert view(bare(status={"conditions": [gated]})).unschedulable == ""


def test_a_disruption_is_known_by_its_reason() -> None:
    assert a_pod().disrupted("PreemptionByScheduler").view().disruption == "PreemptionByScheduler"
    over = {"type": "DisruptionTarget", "status": "False", "reason": "PreemptionByScheduler"}
    assert view(bare(status={"conditions": [over]})).disruption == ""


def test_containers_have_their_newest_state() -> None:
    pod = a_pod().ended(code=137, reason="OOMKilled", at=NOON + timedelta(seconds=9)).view()
    trainer = pod.containers["trainer"]
    assert (trainer.state, trainer.reason, trainer.exit_code) == ("terminated", "OOMKilled", 137)
    assert (trainer.started, trainer.finished) == (NOON, NOON + timedelta(seconds=9))
    assert pod.containers["agent"].state == "terminated"
    assert pod.ended


def test_a_container_without_a_state_waits() -> None:
    pod = view(bare(status={"containerStatuses": [{"name": "trainer"}]}))
    assert pod.containers == {"trainer": ContainerView("trainer")}


@pytest.mark.parametrize(
    ("limits", "gpus"),
    [
        ({"nvidia.com/gpu": "4"}, 4),
        ({"amd.com/gpu": 2, "cpu": "8"}, 2),
        ({"cpu": "8"}, 0),
        ({"nvidia.com/gpu": "x"}, 0),
    ],
)
def test_gpus_are_extended_resources_of_any_vendor(limits: dict[str, Any], gpus: int) -> None:
    assert view(bare(spec={"containers": [{"resources": {"limits": limits}}, {}]})).gpus == gpus


def test_a_pod_that_is_asked_to_go_says_so() -> None:
    assert a_pod().deleting().view().deleting


def test_the_selector_finds_pods_of_ours_and_of_a_session() -> None:
    assert SELECTOR == "app.kubernetes.io/managed-by=hubtraining,hubtraining.dev/session"


@given(st.fixed_dictionaries({}, optional={"spec": st.none() | st.just({}), "status": st.none() | st.just({})}))
def test_whatever_is_missing_a_pod_can_be_looked_at(parts: dict[str, Any]) -> None:
    assert view(bare(**parts)).phase == "Pending"
