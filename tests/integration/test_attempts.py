"""Attempts on the real API server, by the real controller and hub; only the kubelet is ours."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders.hub_process import HubProcess, create_key, free_port
from builders.hub_process import start as start_hub
from builders.session import a_body
from support.api_server import ApiServer, Namespace, until
from support.little_kubelet import LittleKubelet
from support.little_pod import LittlePod

from hubtraining.domain.names import API_VERSION, PLURAL
from hubtraining.hub.client import Fence, HubClient
from hubtraining.hub.credentials import fixed
from hubtraining.hub.errors import HubConflict

pytestmark = pytest.mark.integration
RETRY = {"retry": {"limit": 1, "backoffSeconds": 2, "maxBackoffSeconds": 2}}
SEVERAL = {
    "nodes": 2,
    "trainer": {"command": ["torchrun", "train.py"]},
    "workspace": {
        "claimTemplate": {"spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}}
    },
}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    served = start_hub(tmp_path / "hub")
    yield served
    served.kill()


@pytest.fixture
def kubelet(namespace: Namespace) -> Iterator[LittleKubelet]:
    """Of a node that nobody else schedules onto, and that is not looked after."""
    name = f"node-{namespace.name}"
    taints = [{"key": "hubtraining.dev/test", "effect": "NoSchedule"}]
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {"taints": taints}}
    namespace.api.http.post("/api/v1/nodes", json=node).raise_for_status()
    yield LittleKubelet(namespace, node=name)
    namespace.api.http.delete(f"/api/v1/nodes/{name}")


class Controller:
    """A controller of one namespace, as a process that can be killed and started again."""

    def __init__(self, api: ApiServer, namespace: Namespace, hub: HubProcess, folder: Path) -> None:
        self._log = folder / "controller.log"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.key = create_key(hub.folder)
        key = folder / "key"
        key.write_text(self.key)
        self._environ = {
            **os.environ,
            "KUBECONFIG": str(api.kubeconfig),
            "HUBTRAINING_NAMESPACE": namespace.name,
            "HUBTRAINING_NAMESPACES": namespace.name,
            "HUBTRAINING_IMAGE": "registry.example/hubtraining:1",
            "HUBTRAINING_HUB_URL": hub.url,
            "HUBTRAINING_HUB_AUTH": "key",
            "HUBTRAINING_HUB_CREDENTIAL_FILE": str(key),
            "HUBTRAINING_METRICS_PORT": str(self._port),
            "HUBTRAINING_REPORTS_PORT": str(free_port()),
        }

    def start(self) -> None:
        command = [sys.executable, "-m", "hubtraining", "controller"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environ, stdout=log, stderr=log)
        until("the controller", self._is_ready)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        assert "Traceback" not in self._log.read_text()

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/readyz", timeout=5).is_success
        except httpx.TransportError:
            return False


@pytest.fixture
def controller(api_server: ApiServer, namespace: Namespace, hub: HubProcess, tmp_path: Path) -> Iterator[Controller]:
    """It runs."""
    made = Controller(api_server, namespace, hub, tmp_path)
    made.start()
    yield made
    made.kill()


def created(namespace: Namespace, **stanzas: Any) -> None:
    answer = namespace.post(PLURAL, a_body(**stanzas), group=API_VERSION)
    assert answer.status_code == 201, answer.text


def test_a_failure_is_tried_again_after_its_wait_and_the_second_is_the_last(
    namespace: Namespace, controller: Controller, kubelet: LittleKubelet
) -> None:
    created(namespace, **RETRY)
    kubelet.train("signs-1-0")
    kubelet.wait_for("Training", "True", "Training")
    kubelet.end("signs-1-0", 3, "no luck")
    kubelet.wait_for("Training", "False", "Retrying")
    assert kubelet.status()["phase"] == "Retrying"
    kubelet.train("signs-2-0")
    assert kubelet.pods() == ["signs-2-0"]
    kubelet.end("signs-2-0", 4, "no luck at all")
    kubelet.wait_for("Succeeded", "False", "TrainerFailed")
    status = kubelet.status()
    assert (status["failures"], status.get("preemptions", 0)) == (2, 0)
    assert [(each["outcome"], each["exitCode"], each["logTail"]) for each in status["attempts"]] == [
        ("Failed", 3, "no luck"),
        ("Failed", 4, "no luck at all"),
    ]
    until("the last event", lambda: "Failed" in kubelet.events())
    events = kubelet.events()
    assert (events.count("AttemptStarted"), events.count("RetryScheduled"), events.count("Failed")) == (2, 1, 1)


def test_what_is_changed_while_an_attempt_trains_is_for_the_next_one(
    namespace: Namespace, controller: Controller, kubelet: LittleKubelet, tmp_path: Path
) -> None:
    created(namespace, **RETRY)
    kubelet.train("signs-1-0")
    kubelet.wait_for("Training", "True", "Training")
    before = kubelet.pod("signs-1-0")
    assert before is not None
    kubelet.patch(
        train={"args": {"epochs": 9}},
        trainer={"image": "other:2"},
        agent={"metricsSeconds": 9},
        template={"spec": {"nodeSelector": {"gpu": "a100"}}},
    )
    until("the change is seen", lambda: kubelet.status()["observedGeneration"] == 2)
    assert (kubelet.pods(), kubelet.pod("signs-1-0")) == (["signs-1-0"], before)
    kubelet.end("signs-1-0", 3)
    until("the next pod", lambda: kubelet.pod("signs-2-0"))
    pod = LittlePod(namespace, kubelet.pod("signs-2-0") or {}, tmp_path / "pod")
    assert pod.body["spec"]["containers"][0]["image"] == "other:2"
    assert pod.body["spec"]["nodeSelector"] == {"gpu": "a100"}
    assert "epochs=9" in pod.command
    assert pod.assignment.metrics_seconds == 9


def test_the_hub_refuses_what_an_older_attempt_still_sends(
    namespace: Namespace, controller: Controller, kubelet: LittleKubelet, hub: HubProcess
) -> None:
    created(namespace, **RETRY)
    kubelet.train("signs-1-0")
    model, session = kubelet.status()["model"]["id"], kubelet.uid()

    async def sends(attempt: int) -> None:
        """One epoch's metrics, as the agent of this attempt."""
        fence = Fence(session, attempt)
        async with HubClient.open(hub.url, fixed(controller.key), fence=fence) as client:
            await client.send_metrics(model, {1: {"train/box_loss": 1.0}})

    asyncio.run(sends(1))
    kubelet.end("signs-1-0", 3)
    until("the next pod", lambda: kubelet.pod("signs-2-0"))
    with pytest.raises(HubConflict):
        asyncio.run(sends(1))
    asyncio.run(sends(2))


def test_a_suspend_frees_the_node_and_training_goes_on_where_it_was_left(
    namespace: Namespace, controller: Controller, kubelet: LittleKubelet
) -> None:
    created(namespace, checkpoints={"flushSeconds": 7})
    for number in (1, 2, 3):
        kubelet.train(f"signs-{number}-0")
        kubelet.wait_for("Training", "True", "Training")
        kubelet.patch(suspend=True)
        assert kubelet.asked_to_go(f"signs-{number}-0") == 60 + 7 + 30
        kubelet.wait_for("Suspended", "Unknown", "Suspending")
        kubelet.finish_deletion(f"signs-{number}-0")
        kubelet.wait_for("Suspended", "True", "Suspended")
        assert (kubelet.status()["phase"], kubelet.pods()) == ("Suspended", [])
        kubelet.patch(suspend=False)
    kubelet.train("signs-4-0")
    kubelet.end("signs-4-0", 0)
    kubelet.wait_for("Succeeded", "True", "Succeeded")
    status = kubelet.status()
    assert (status.get("failures", 0), status.get("preemptions", 0), status["attempt"]) == (0, 0, 4)
    assert [each["outcome"] for each in status["attempts"]] == ["Suspended"] * 3 + ["Succeeded"]


def test_an_eviction_through_the_api_is_a_disruption_and_training_goes_on_by_itself(
    namespace: Namespace, controller: Controller, kubelet: LittleKubelet
) -> None:
    created(namespace, retry={"limit": 0})
    kubelet.train("signs-1-0")
    kubelet.wait_for("Training", "True", "Training")
    evict(namespace, "signs-1-0")
    kubelet.wait_for("Training", "False", "Stopping")
    kubelet.finish_deletion("signs-1-0")
    until("the next pod", lambda: kubelet.pod("signs-2-0"))
    status = kubelet.status()
    assert (status.get("failures", 0), status["preemptions"]) == (0, 1)
    assert (status["attempts"][0]["outcome"], status["attempts"][0]["reason"]) == ("Disrupted", "Drained")
    until("the event", lambda: "Preempted" in kubelet.events())


def evict(namespace: Namespace, pod: str) -> None:
    """As ``kubectl drain`` does."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    namespace.api.http.post(f"{namespace.path('pods')}/{pod}/eviction", json=eviction).raise_for_status()


def test_a_suspend_hurries_a_pod_that_is_being_evicted(
    namespace: Namespace, controller: Controller, kubelet: LittleKubelet
) -> None:
    created(namespace)
    kubelet.train("signs-1-0")
    kubelet.wait_for("Training", "True", "Training")
    evict(namespace, "signs-1-0")
    assert kubelet.asked_to_go("signs-1-0") == 60 + 3600 + 30
    kubelet.patch(suspend=True)
    until("less time", lambda: kubelet.asked_to_go("signs-1-0") == 60 + 120 + 30)
    kubelet.finish_deletion("signs-1-0")
    kubelet.wait_for("Suspended", "True", "Suspended")


def test_a_controller_that_dies_while_a_pod_stops_knows_whose_doing_it_was(
    namespace: Namespace, controller: Controller, kubelet: LittleKubelet
) -> None:
    created(namespace)
    kubelet.train("signs-1-0")
    kubelet.wait_for("Training", "True", "Training")
    kubelet.patch(suspend=True)
    kubelet.wait_for("Training", "False", "Stopping")
    controller.kill()
    kubelet.finish_deletion("signs-1-0")
    kubelet.patch(suspend=False)
    controller.start()
    until("the next pod", lambda: kubelet.pod("signs-2-0"))
    assert kubelet.status()["attempts"][0]["outcome"] == "Suspended"
    assert kubelet.status().get("preemptions", 0) == 0


def test_a_broken_gpu_is_avoided_by_a_pod_that_the_api_server_takes(
    namespace: Namespace, controller: Controller, kubelet: LittleKubelet
) -> None:
    created(namespace, **RETRY)
    kubelet.train("signs-1-0")
    kubelet.end("signs-1-0", 1, "RuntimeError: CUDA error: uncorrectable ECC error encountered")
    until("the next pod", lambda: kubelet.pod("signs-2-0"))
    status = kubelet.status()
    assert status["avoidedNodes"] == [kubelet.node]
    assert (status["attempts"][0]["rule"], status["attempts"][0]["action"]) == ("gpu-fault", "RetryOnOtherNode")
    affinity = (kubelet.pod("signs-2-0") or {})["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchFields"] == [{"key": "metadata.name", "operator": "NotIn", "values": [kubelet.node]}]


def test_a_session_of_several_nodes_leaves_nothing_behind_with_the_controller_gone(
    namespace: Namespace, controller: Controller, kubelet: LittleKubelet
) -> None:
    created(namespace, **SEVERAL)
    until("both pods", lambda: kubelet.pods() == ["signs-1-0", "signs-1-1"])
    kinds = {"services": "signs-nodes", "persistentvolumeclaims": "signs"}
    for kind, name in kinds.items():
        assert namespace.api.http.get(f"{namespace.path(kind)}/{name}").is_success
    assert (kubelet.pod("signs-1-1") or {})["spec"]["hostname"] == "signs-1-1"
    controller.kill()
    namespace.api.http.delete(f"{namespace.path(PLURAL, API_VERSION)}/signs").raise_for_status()
    until("no pods", lambda: kubelet.pods() == [])
    for kind, name in kinds.items():
        path = f"{namespace.path(kind)}/{name}"
        # A claim that a pod used waits for a controller that releases it.
        until(f"no {kind}", lambda path=path: _is_going(namespace.api.http.get(path)))


def _is_going(answer: httpx.Response) -> bool:
    return answer.status_code == 404 or "deletionTimestamp" in answer.json()["metadata"]


def test_a_session_that_has_ended_is_deleted_when_its_time_is_over(
    namespace: Namespace, controller: Controller, kubelet: LittleKubelet
) -> None:
    created(namespace, ttlSecondsAfterFinished=3)
    kubelet.train("signs-1-0")
    kubelet.end("signs-1-0", 0)
    kubelet.wait_for("Succeeded", "True", "Succeeded")
    until("the session is gone", lambda: kubelet.status() == {})
    until("its pod is gone", lambda: kubelet.pods() == [])


def test_a_session_that_is_created_suspended_waits_and_one_that_does_not_start_in_time_fails(
    namespace: Namespace, controller: Controller, kubelet: LittleKubelet
) -> None:
    created(namespace, suspend=True, startDeadlineSeconds=4)
    kubelet.wait_for("Suspended", "True", "Suspended")
    assert kubelet.pods() == []
    kubelet.patch(suspend=False)
    until("the pod", lambda: kubelet.pod("signs-1-0"))
    kubelet.wait_for("Succeeded", "False", "StartDeadlineExceeded")
    until("no pods", lambda: kubelet.pods() == [])
    assert kubelet.status()["attempts"][0]["reason"] == "StartDeadlineExceeded"
