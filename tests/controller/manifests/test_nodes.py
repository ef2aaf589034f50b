"""Several nodes: how their pods are named, find each other, and differ."""

from typing import Any

import pytest
from builders.attempt import an_attempt
from builders.session import UID, a_session

from hubtraining.controller.manifests import Attempt, Manifest, pod, service
from hubtraining.controller.manifests.pod import grace_seconds
from hubtraining.domain import layout, names
from hubtraining.domain.layout import Assignment

SEVERAL: dict[str, Any] = {
    "nodes": 3,
    "trainer": {"command": ["torchrun", "train.py"]},
    "workspace": {"claimName": "shared"},
}


def containers(attempt: Attempt, index: int) -> dict[str, Manifest]:
    spec = pod(attempt, index)["spec"]
    return {each["name"]: each for each in [*spec["initContainers"], *spec["containers"]]}


def env(attempt: Attempt, index: int, container: str = "trainer") -> dict[str, str]:
    return {each["name"]: each["value"] for each in containers(attempt, index)[container]["env"]}


def test_each_pod_has_its_own_name_and_a_host_name_in_the_sessions_service() -> None:
    specs = [pod(an_attempt(2, **SEVERAL), index) for index in range(3)]
    assert [each["metadata"]["name"] for each in specs] == ["signs-2-0", "signs-2-1", "signs-2-2"]
    assert [each["spec"]["hostname"] for each in specs] == ["signs-2-0", "signs-2-1", "signs-2-2"]
    assert {each["spec"]["subdomain"] for each in specs} == {"signs-nodes"}
    assert [each["metadata"]["labels"][names.LABEL_NODE_INDEX] for each in specs] == ["0", "1", "2"]


def test_one_pod_needs_no_service() -> None:
    assert {"hostname", "subdomain"} & set(pod(an_attempt())["spec"]) == set()


def test_the_service_finds_the_pods_before_they_are_ready_and_belongs_to_the_session() -> None:
    made = service(an_attempt(**SEVERAL))
    assert (made["kind"], made["metadata"]["name"]) == ("Service", "signs-nodes")
    assert made["spec"]["clusterIP"] == "None"
    assert made["spec"]["publishNotReadyAddresses"]
    assert made["spec"]["selector"].items() <= pod(an_attempt(**SEVERAL), 1)["metadata"]["labels"].items()
    assert [(owner["uid"], owner["controller"]) for owner in made["metadata"]["ownerReferences"]] == [(UID, True)]


def test_the_longest_names_fit() -> None:
    attempt = an_attempt(999_999, session=a_session("s" * names.MAX_NAME_LENGTH, **SEVERAL))
    made = pod(attempt, 63)
    assert len(made["spec"]["hostname"]) <= 63
    assert len(made["spec"]["subdomain"]) <= 63


def test_torchrun_is_told_where_the_others_are() -> None:
    told = env(an_attempt(2, **SEVERAL), 1)
    assert {name: told[name] for name in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "NODE_RANK")} == {
        "MASTER_ADDR": "signs-2-0.signs-nodes",
        "MASTER_PORT": "29500",
        "WORLD_SIZE": "3",
        "RANK": "1",
        "NODE_RANK": "1",
    }
    assert {name: value for name, value in told.items() if name.startswith("PET_")} == {
        "PET_NNODES": "3",
        "PET_NODE_RANK": "1",
        "PET_MASTER_ADDR": "signs-2-0.signs-nodes",
        "PET_MASTER_PORT": "29500",
        "PET_NPROC_PER_NODE": "1",
    }


def test_one_process_for_each_gpu_and_the_user_may_say_otherwise() -> None:
    gpus = {"resources": {"limits": {"nvidia.com/gpu": 4, "cpu": "8"}}}
    assert env(an_attempt(**{**SEVERAL, "trainer": {**SEVERAL["trainer"], **gpus}}), 0)["PET_NPROC_PER_NODE"] == "4"
    mine = {"env": [{"name": "PET_NPROC_PER_NODE", "value": "2"}]}
    assert env(an_attempt(**{**SEVERAL, "trainer": {**SEVERAL["trainer"], **mine}}), 0)["PET_NPROC_PER_NODE"] == "2"


def test_one_node_is_told_nothing_of_others() -> None:
    assert [name for name in env(an_attempt(), 0) if name.startswith(("PET_", "MASTER_", "RANK", "WORLD"))] == []


def test_only_the_first_pod_has_an_agent_and_what_an_agent_needs() -> None:
    attempt = an_attempt(**SEVERAL)
    assert list(containers(attempt, 0)) == ["agent", "fetch", "trainer"]
    assert list(containers(attempt, 2)) == ["fetch", "trainer"]
    others = [volume["name"] for volume in pod(attempt, 2)["spec"]["volumes"]]
    assert {"journal", "credentials"} & set(others) == set()
    mounted = {mount["name"] for each in containers(attempt, 2).values() for mount in each["volumeMounts"]}
    assert mounted <= set(others)


def test_only_the_first_trainers_exit_is_the_agents_business() -> None:
    """The others share its volume, and would write the same file."""
    assert env(an_attempt(2, **SEVERAL), 0)[layout.ENV_EXIT_FILE] == layout.exit_file(an_attempt().session.uid, 2)
    assert layout.ENV_EXIT_FILE not in env(an_attempt(2, **SEVERAL), 1)


def test_all_go_on_by_the_same_marker() -> None:
    attempt = an_attempt(2, **SEVERAL)
    assert {env(attempt, index)[layout.ENV_RESUME_MARKER] for index in range(3)} == {
        layout.resume_marker(attempt.session.uid, 2)
    }


def test_each_fetch_knows_which_node_it_is_on() -> None:
    attempt = an_attempt(2, **SEVERAL)
    told = [Assignment.from_json(env(attempt, index, "fetch")[layout.ENV_ASSIGNMENT]) for index in range(3)]
    assert [(each.node_index, each.nodes) for each in told] == [(0, 3), (1, 3), (2, 3)]


def test_pods_without_an_agent_need_no_time_for_uploads() -> None:
    assert grace_seconds(an_attempt(**SEVERAL)) == 3690
    assert pod(an_attempt(**SEVERAL), 1)["spec"]["terminationGracePeriodSeconds"] == 90


@pytest.mark.parametrize("queue", [{}, {"kueue.x-k8s.io/queue-name": "team-a"}])
def test_kueue_lets_the_pods_of_an_attempt_through_together(queue: dict[str, str]) -> None:
    metadata = pod(an_attempt(2, session=a_session(labels=queue, **SEVERAL)), 1)["metadata"]
    group = metadata["labels"].get("kueue.x-k8s.io/pod-group-name")
    count = metadata["annotations"].get("kueue.x-k8s.io/pod-group-total-count")
    assert (group, count) == (("signs-2", "3") if queue else (None, None))
