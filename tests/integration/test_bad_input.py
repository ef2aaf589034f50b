"""What a user gets wrong is said in one helpful sentence by `kubectl describe`, by a real API server's own words."""

from collections.abc import Iterator
from typing import Any

import pytest
from builders.pod import PodBuilder
from support.api_server import ApiServer, Namespace, until
from support.installation import Installation, installed
from support.scene import Scene, a_scene

pytestmark = pytest.mark.integration

KEY = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1"


@pytest.fixture(scope="module")
def restricted_namespace(api_server: ApiServer) -> Iterator[Namespace]:
    with api_server.namespace(**{"pod-security.kubernetes.io/enforce": "restricted"}) as made:
        yield made


@pytest.fixture(scope="module")
def release(restricted_namespace: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(restricted_namespace, tmp_path_factory.mktemp("release")) as made, made.controller():
        yield made


@pytest.fixture(scope="module")
def scene(restricted_namespace: Namespace, release: Installation) -> Iterator[Scene]:
    """With a controller, and a node of two GPUs."""
    with a_scene(restricted_namespace, **{"nvidia.com/gpu": "2", "cpu": "8", "memory": "16Gi", "pods": "110"}) as made:
        yield made


def described(scene: Scene, name: str, condition: str, reason: str, event: str) -> str:
    """The condition's sentence, which `kubectl describe` shows, as it shows the event."""
    told = scene.until_condition(name, condition, reason)
    assert told["status"] == "False"
    until(f"the event {event}", lambda: event in scene.events(name))
    shown = scene.describe(name)
    assert " ".join(told["message"].split()) in shown
    assert f"Warning {event}" in shown
    return str(told["message"])


def test_an_identifier_that_cannot_be_parsed(scene: Scene) -> None:
    scene.post("unparsable", model="what is this")
    told = described(scene, "unparsable", "Accepted", "InvalidSpec", "InvalidSpec")
    assert "spec.model" in told
    assert "supported formats" in told
    assert "what is this" not in told, "it may be a mistyped key"
    assert scene.status("unparsable").get("attempts") is None


def test_a_secret_that_is_not_there(scene: Scene) -> None:
    ref = {"secretKeyRef": {"name": "not-there", "key": "identifier"}}
    scene.post("secretless", model=None, modelFrom=ref)
    told = described(scene, "secretless", "HubReady", "SecretNotFound", "HubNotReady")
    namespace = scene.namespace.name
    assert f"kubectl -n {namespace} create secret generic not-there --from-literal=identifier=" in told


def test_a_secret_that_is_made_later_is_found(scene: Scene) -> None:
    hub = {"credentialsSecretRef": {"name": "later", "key": "api-key"}}
    scene.post("patient", hub=hub)
    scene.until_condition("patient", "HubReady", "SecretNotFound")
    scene.namespace.kubectl("create", "secret", "generic", "later", f"--from-literal=api-key={KEY}")
    scene.until_condition("patient", "HubReady", "Unauthorized")


def test_a_key_that_the_hub_does_not_know(scene: Scene) -> None:
    scene.namespace.kubectl("create", "secret", "generic", "wrong", f"--from-literal=api-key={KEY}")
    scene.post("locked-out", hub={"credentialsSecretRef": {"name": "wrong", "key": "api-key"}})
    told = described(scene, "locked-out", "HubReady", "Unauthorized", "HubNotReady")
    assert "the key in the Secret wrong (key api-key)" in told
    assert KEY not in scene.describe("locked-out")


def test_a_model_that_the_hub_does_not_have(scene: Scene) -> None:
    scene.post("modelless", model="Zk3n5Qw8Rt1Yb7Uc2Xm4")
    assert "model" in described(scene, "modelless", "HubReady", "ModelNotFound", "HubNotReady")


def test_a_hub_that_nobody_may_name(scene: Scene) -> None:
    """An address of the controller's own machine: nothing there is a hub of the user's."""
    scene.namespace.kubectl("create", "secret", "generic", "any", f"--from-literal=api-key={KEY}")
    hub = {"url": "http://127.0.0.1:8080", "credentialsSecretRef": {"name": "any", "key": "api-key"}}
    scene.post("inward", hub=hub)
    told = described(scene, "inward", "HubReady", "HubRefused", "HubNotReady")
    assert "which is not allowed" in told


def test_a_pod_that_a_quota_refuses_and_then_admits(scene: Scene) -> None:
    scene.namespace.kubectl("create", "quota", "none", "--hard=requests.nvidia.com/gpu=0")
    path = f"{scene.namespace.path('resourcequotas')}/none"
    until("the quota is in force", lambda: "hard" in scene.namespace.api.http.get(path).json().get("status", {}))
    try:
        scene.post("greedy", trainer={"resources": {"limits": {"nvidia.com/gpu": 1}}})
        told = described(scene, "greedy", "Accepted", "PodRefused", "PodRefused")
    finally:
        scene.namespace.kubectl("delete", "quota", "none")
    assert "exceeded quota: none" in told
    assert "requested: requests.nvidia.com/gpu=1" in told
    assert scene.status("greedy").get("failures", 0) == 0
    scene.until_pod("greedy")
    assert scene.condition("greedy", "Accepted")["status"] == "True"


def test_a_pod_that_pod_security_refuses(scene: Scene) -> None:
    scene.post("insecure", template={"spec": {"trainerSecurityContext": {"runAsUser": 0}}})
    told = described(scene, "insecure", "Accepted", "PodRefused", "PodRefused")
    assert 'violates PodSecurity "restricted' in told
    assert "runAsUser=0" in told


def test_more_gpus_than_any_node_has(scene: Scene) -> None:
    anywhere = {"spec": {"tolerations": [{"operator": "Exists"}]}}
    scene.post("huge", trainer={"resources": {"limits": {"nvidia.com/gpu": 8}}}, template=anywhere)
    told = described(scene, "huge", "Scheduled", "Unschedulable", "Unschedulable")
    assert "Insufficient nvidia.com/gpu" in told
    assert "compare spec.trainer.resources with `kubectl describe nodes`" in told


def test_an_image_that_cannot_be_pulled(scene: Scene) -> None:
    scene.post("no-image")
    scene.until_pod("no-image")
    words = 'Back-off pulling image "registry.example/trainer:1": not found'
    scene.become(
        "no-image", lambda pod: pod.on().container("trainer", "waiting", reason="ImagePullBackOff", message=words)
    )
    told = described(scene, "no-image", "Training", "ImagePullFailed", "ImagePullFailed")
    assert "Check its name and tag" in told


def test_a_container_that_lacks_its_secret(scene: Scene) -> None:
    scene.post("no-config")
    scene.until_pod("no-config")
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}
    scene.become("no-config", lambda pod: pod.on().container("trainer", "waiting", **waiting))
    told = described(scene, "no-config", "Training", "ContainerConfigError", "ContainerConfigError")
    assert 'secret "x" not found' in told


def test_a_strangers_pod_of_the_name(scene: Scene) -> None:
    taken = {"metadata": {"name": "taken-1-0"}, "spec": _plain()}
    assert scene.namespace.post("pods", taken).status_code == 201
    scene.post("taken")
    told = described(scene, "taken", "Accepted", "PodRefused", "PodRefused")
    assert "A pod named taken-1-0 exists that this session did not make" in told
    assert scene.pod("taken")["metadata"].get("ownerReferences") is None


def _plain() -> dict[str, Any]:
    """A pod that "restricted" takes."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "a", "image": "busybox", "securityContext": security}
    return {
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    }


def test_a_trainer_that_was_killed_for_its_memory(scene: Scene) -> None:
    scene.post("hungry", retry={"limit": 0})
    scene.until_pod("hungry")
    scene.become("hungry", PodBuilder.training)
    scene.become("hungry", lambda pod: pod.ended(code=137, reason="OOMKilled", words="Killed"))
    told = described(scene, "hungry", "Succeeded", "TrainerFailed", "Failed")
    assert told == "The trainer ended with exit code 137 (ran out of memory)."


def test_nothing_of_all_this_made_the_controller_stumble(release: Installation, scene: Scene) -> None:
    """Runs last: every session above was looked at by one controller."""
    lines = (release.folder / "controller-a.log").read_text().splitlines()
    assert [line for line in lines if '"exception"' in line or "Traceback" in line] == []
    assert [line for line in lines if KEY in line] == []
