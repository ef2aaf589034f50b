"""What a user gets wrong is said in one helpful sentence by `kubectl describe`, by a real API server's own words."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.pod import PodBuilder
from builders.session import a_body
from support.api_server import ApiServer, Body, Namespace, until
from support.authority import an_authority
from support.installation import Member, installed
from support.scene import Scene, a_scene
from support.strange_hubs import outward_address
from support.strangers import a_stranger

pytestmark = pytest.mark.integration

KEY = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1"


@pytest.fixture(scope="module")
def restricted_namespace(api_server: ApiServer) -> Iterator[Namespace]:
    with api_server.namespace(**{"pod-security.kubernetes.io/enforce": "restricted"}) as made:
        yield made


@pytest.fixture(scope="module")
def controller(restricted_namespace: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    folder = tmp_path_factory.mktemp("release")
    with installed(restricted_namespace, folder) as release, release.controller() as member:
        yield member


@pytest.fixture(scope="module")
def stranger() -> Iterator[str]:
    """The URL of what is no hub."""
    with a_stranger() as (url, _):
        yield url


@pytest.fixture(scope="module")
def scene(restricted_namespace: Namespace, controller: Member) -> Iterator[Scene]:
    """With a controller, and a node of two GPUs."""
    with a_scene(restricted_namespace, **{"nvidia.com/gpu": "2", "cpu": "8", "memory": "16Gi", "pods": "110"}) as made:
        restricted_namespace.kubectl("create", "secret", "generic", "any", f"--from-literal=api-key={KEY}")
        yield made


def test_an_identifier_that_cannot_be_parsed(scene: Scene) -> None:
    scene.post("unparsable", model="what is this")
    told = scene.described("unparsable", "Accepted", "InvalidSpec", "InvalidSpec")
    assert "spec.model" in told
    assert "supported formats" in told
    assert "what is this" not in told, "it may be a mistyped key"
    assert scene.status("unparsable").get("attempts") is None


def test_a_secret_that_is_not_there(scene: Scene) -> None:
    ref = {"secretKeyRef": {"name": "not-there", "key": "identifier"}}
    scene.post("secretless", model=None, modelFrom=ref)
    told = scene.described("secretless", "HubReady", "SecretNotFound", "HubNotReady")
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
    told = scene.described("locked-out", "HubReady", "Unauthorized", "HubNotReady")
    assert "the key in the Secret wrong (key api-key)" in told
    assert KEY not in scene.describe("locked-out")


def test_a_secret_without_the_key_that_is_named(scene: Scene) -> None:
    scene.namespace.kubectl("create", "secret", "generic", "other", f"--from-literal=something-else={KEY}")
    scene.post("keyless", hub={"credentialsSecretRef": {"name": "other", "key": "api-key"}})
    told = scene.described("keyless", "HubReady", "SecretNotFound", "HubNotReady")
    assert "spec.hub.credentialsSecretRef: the Secret other has no key api-key" in told


def test_an_identifier_in_a_secret_that_cannot_be_parsed_is_read_again(scene: Scene) -> None:
    mistyped = f"{KEY[:-1]}_{'m' * 20}"
    scene.namespace.kubectl("create", "secret", "generic", "mistyped", f"--from-literal=identifier={mistyped}")
    ref = {"secretKeyRef": {"name": "mistyped", "key": "identifier"}}
    scene.post("by-secret", model=None, modelFrom=ref)
    told = scene.described("by-secret", "Accepted", "InvalidSpec", "InvalidSpec")
    assert "The Secret mistyped (key identifier)" in told
    assert KEY[:-1] not in scene.describe("by-secret")
    mended = {"stringData": {"identifier": f"{KEY}_{'m' * 20}"}}
    scene.namespace.kubectl("patch", "secret", "mistyped", "-p", json.dumps(mended))
    scene.until_condition("by-secret", "HubReady", "Unauthorized")


def test_a_key_in_the_model_is_refused_before_it_is_stored(scene: Scene) -> None:
    told = scene.namespace.refused("apply", "-f", "-", stdin=a_body("inline", model=f"{KEY}_{'m' * 20}"))
    assert "spec.model holds an API key" in told
    assert "kubectl create secret generic" in told
    assert KEY not in told


def test_a_mistyped_key_in_the_model_is_not_repeated(scene: Scene) -> None:
    scene.post("typo", model=f"{KEY[:-1]}_{'m' * 20}")
    told = scene.described("typo", "Accepted", "InvalidSpec", "InvalidSpec")
    assert "spec.model" in told
    assert "<api key>_<model id> (42 and 20 characters, through modelFrom)" in told
    assert KEY[:-1] not in json.dumps([scene.status("typo"), scene.messages("typo")])


def test_a_model_that_the_hub_does_not_have(scene: Scene) -> None:
    scene.post("modelless", model="Zk3n5Qw8Rt1Yb7Uc2Xm4")
    assert "model" in scene.described("modelless", "HubReady", "ModelNotFound", "HubNotReady")


def test_a_hub_that_nobody_may_name(scene: Scene) -> None:
    """An address of the controller's own machine: nothing there is a hub of the user's."""
    hub = {"url": "http://127.0.0.1:8080", "credentialsSecretRef": {"name": "any", "key": "api-key"}}
    scene.post("inward", hub=hub)
    told = scene.described("inward", "HubReady", "HubRefused", "HubNotReady")
    assert "which is not allowed" in told


def test_a_hub_url_that_is_no_hub(scene: Scene, stranger: str) -> None:
    url = f"{stranger}/page"
    scene.post("no-hub", hub={"url": url, "credentialsSecretRef": {"name": "any", "key": "api-key"}})
    told = scene.described("no-hub", "HubReady", "HubRefused", "HubNotReady")
    assert "no hub answers there: 200 with text/html" in told
    assert f"spec.hub.url is {url}; the root of a hub's API is needed there." in told


def test_a_hub_whose_certificate_is_not_trusted(scene: Scene, tmp_path: Path) -> None:
    authority = an_authority(tmp_path / "ca", outward_address())
    with a_stranger(authority) as (url, _):
        hub = {"url": url, "credentialsSecretRef": {"name": "any", "key": "api-key"}}
        scene.post("untrusted", hub=hub)
        told = scene.described("untrusted", "HubReady", "HubUnavailable", "HubUnavailable")
        scene.post("trusted", hub={**hub, "caBundle": authority.pem})
        heard = scene.until_condition("trusted", "HubReady", "HubRefused")
    assert "List: no hub answers there: 404: there is no such thing" in heard["message"]
    assert "no connection to the hub: the certificate is not trusted" in told
    assert "Name the authority that signed it in spec.hub.caBundle of a new session" in told


def test_a_name_that_is_too_long(scene: Scene) -> None:
    name = "s" * 53
    told = scene.namespace.refused("apply", "-f", "-", stdin=a_body(name))
    assert f"metadata.name is '{name}'; at most 52 lower-case letters, digits and dashes are allowed" in told


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"hostPID": True}, "hostPID"),
        ({"trainerSecurityContext": {"privileged": True}}, "trainerSecurityContext.privileged"),
        ({"volumes": [{"name": "host", "emptyDir": {}, "hostPath": {"path": "/"}}]}, "volumes[0].hostPath"),
    ],
)
def test_a_template_that_wants_the_host(scene: Scene, spec: Body, field: str) -> None:
    body = a_body(f"host-{field.partition('.')[0].partition('[')[0].lower()}", template={"spec": spec})
    told = scene.namespace.refused("apply", "-f", "-", stdin=body)
    assert f'unknown field "spec.template.spec.{field}"' in told
    scene.namespace.kubectl("apply", "--validate=false", "-f", "-", stdin=body)
    name = body["metadata"]["name"]
    scene.until_pod(name)
    pod = json.dumps(scene.pod(name)["spec"])
    assert [word for word in ("hostNetwork", "hostPID", "hostPath", '"privileged": true') if word in pod] == []


def test_a_pod_that_a_quota_refuses_and_then_admits(scene: Scene) -> None:
    scene.namespace.kubectl("create", "quota", "none", "--hard=requests.nvidia.com/gpu=0")
    path = f"{scene.namespace.path('resourcequotas')}/none"
    until("the quota is in force", lambda: "hard" in scene.namespace.api.http.get(path).json().get("status", {}))
    try:
        scene.post("greedy", trainer={"resources": {"limits": {"nvidia.com/gpu": 1}}})
        told = scene.described("greedy", "Accepted", "PodRefused", "PodRefused")
    finally:
        scene.namespace.kubectl("delete", "quota", "none")
    assert "exceeded quota: none" in told
    assert "requested: requests.nvidia.com/gpu=1" in told
    assert scene.status("greedy").get("failures", 0) == 0
    scene.until_pod("greedy")
    assert scene.condition("greedy", "Accepted")["status"] == "True"


def test_a_pod_that_pod_security_refuses(scene: Scene) -> None:
    scene.post("insecure", template={"spec": {"trainerSecurityContext": {"runAsUser": 0}}})
    told = scene.described("insecure", "Accepted", "PodRefused", "PodRefused")
    assert 'violates PodSecurity "restricted' in told
    assert "runAsUser=0" in told


def test_more_gpus_than_any_node_has(scene: Scene) -> None:
    anywhere = {"spec": {"tolerations": [{"operator": "Exists"}]}}
    scene.post("huge", trainer={"resources": {"limits": {"nvidia.com/gpu": 8}}}, template=anywhere)
    told = scene.described("huge", "Scheduled", "Unschedulable", "Unschedulable")
    assert "Insufficient nvidia.com/gpu" in told
    assert "compare spec.trainer.resources with `kubectl describe nodes`" in told


def test_an_image_that_cannot_be_pulled(scene: Scene) -> None:
    scene.post("no-image")
    scene.until_pod("no-image")
    words = 'Back-off pulling image "registry.example/trainer:1": not found'
    scene.become(
        "no-image", lambda pod: pod.on().container("trainer", "waiting", reason="ImagePullBackOff", message=words)
    )
    told = scene.described("no-image", "Training", "ImagePullFailed", "ImagePullFailed")
    assert "Check its name and tag" in told


def test_a_container_that_lacks_its_secret(scene: Scene) -> None:
    scene.post("no-config")
    scene.until_pod("no-config")
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}
    scene.become("no-config", lambda pod: pod.on().container("trainer", "waiting", **waiting))
    told = scene.described("no-config", "Training", "ContainerConfigError", "ContainerConfigError")
    assert 'secret "x" not found' in told


def test_a_strangers_pod_of_the_name(scene: Scene) -> None:
    taken = {"metadata": {"name": "taken-1-0"}, "spec": _plain()}
    assert scene.namespace.post("pods", taken).status_code == 201
    scene.post("taken")
    told = scene.described("taken", "Accepted", "PodRefused", "PodRefused")
    assert "A pod named taken-1-0 exists that this session did not make" in told
    assert scene.pod("taken")["metadata"].get("ownerReferences") is None


def _plain() -> Body:
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
    told = scene.described("hungry", "Succeeded", "TrainerFailed", "Failed")
    assert told == "The trainer ended with exit code 137 (ran out of memory)."


SECONDS = 20
MOST_OFTEN_SECONDS = 5
"""Nothing that waits is looked at more often than this, by and large."""


def test_nothing_of_all_this_keeps_the_controller_busy(controller: Member, scene: Scene) -> None:
    """Runs after all of them: their sessions are still there, and each is looked at now and then."""
    sessions = len(scene.sessions())
    until("nothing is written any more", lambda: _quiet(controller))
    before, calls = controller.samples(), len(controller.requests())
    time.sleep(SECONDS)
    after = controller.samples()
    for name in ("hubtraining_reconcile_total", "hubtraining_hub_client_requests_total"):
        assert after[name] - before[name] <= sessions * SECONDS / MOST_OFTEN_SECONDS, name
    assert len(controller.requests()) - calls <= sessions * SECONDS / MOST_OFTEN_SECONDS
    assert after["hubtraining_workqueue_retries_total"] == 0


def _quiet(controller: Member) -> bool:
    before = len(controller.writes())
    time.sleep(2)
    return len(controller.writes()) == before


def test_nothing_of_all_this_made_the_controller_stumble(controller: Member, scene: Scene) -> None:
    """Runs last: every session above was looked at by one controller."""
    assert controller.tracebacks() == []
    text = controller.log.read_text()
    assert KEY not in text
    assert KEY[:-1] not in text
