"""What a user gets wrong is said in one helpful sentence by `kubectl describe`."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from support.site import ROOT, SYSTEM, Body, Site
from support.stranger import NO_ZIP, PAGE_WEIGHTS

pytestmark = pytest.mark.e2e

ONCE = {"limit": 0}
"""Of retries: the first failure is the last."""
PROGRAM = ROOT / "tests" / "support" / "stranger.py"
LOCKED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
UNPRIVILEGED = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}


@pytest.fixture(scope="module", autouse=True)
def since() -> str:
    """When this module began."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
def stranger(site: Site) -> Iterator[Body]:
    """`spec.hub` of a hub that gives what no trainer can use."""
    meta = {"name": "stranger", "namespace": site.namespace}
    site.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"hub.py": PROGRAM.read_text()}})
    container = {
        "name": "hub",
        "image": site.trainer_image,
        "command": ["python3", "/program/hub.py"],
        "securityContext": LOCKED,
        "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1},
        "volumeMounts": [{"name": "program", "mountPath": "/program"}],
    }
    volume = {"name": "program", "configMap": {"name": "stranger"}}
    spec = {"containers": [container], "volumes": [volume], "securityContext": UNPRIVILEGED}
    site.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, "labels": {"app": "stranger"}}, "spec": spec})
    ports = {"selector": {"app": "stranger"}, "ports": [{"port": 8000}]}
    site.apply({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": ports})
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"api-key": "x" * 42}}
    site.apply(secret)
    site.kubectl("wait", "pod/stranger", "--for=condition=Ready", "--timeout=120s")
    key = {"name": "stranger", "key": "api-key"}
    yield {"url": f"http://stranger.{site.namespace}.svc:8000", "credentialsSecretRef": key}
    for kind in ("pod", "service", "configmap", "secret"):
        site.kubectl("delete", kind, "stranger", "--wait=false")


def test_an_identifier_that_cannot_be_parsed(site: Site) -> None:
    site.apply(site.session("unparsable", model="what is this"))
    story = site.describes("unparsable", "Accepted", "InvalidSpec")
    assert "supported" in story
    assert ".yaml" in story


def test_a_missing_secret(site: Site) -> None:
    body = site.session("keyless")
    del body["spec"]["model"]
    body["spec"]["modelFrom"] = {"secretKeyRef": {"name": "not-there", "key": "identifier"}}
    site.apply(body)
    story = site.describes("keyless", "HubReady", "SecretNotFound")
    assert "not-there" in story
    assert "kubectl" in story


def test_a_wrong_key(site: Site) -> None:
    site.kubectl("delete", "secret", "wrong-key", "--ignore-not-found")
    site.kubectl("create", "secret", "generic", "wrong-key", "--from-literal=api-key=" + "x" * 42)
    url = "http://hubtraining-hub.hubtraining-system.svc:8000"
    hub = {"url": url, "credentialsSecretRef": {"name": "wrong-key", "key": "api-key"}}
    site.apply(site.session("locked-out", hub=hub))
    story = site.describes("locked-out", "HubReady", "Unauthorized")
    assert "wrong-key" in story
    assert "x" * 42 not in story


def test_an_image_that_cannot_be_pulled(site: Site) -> None:
    site.apply(site.session("no-image", trainer={"image": "localhost/nobody/nothing:1"}))
    story = site.describes("no-image", "Training", "ImagePullFailed")
    assert "localhost/nobody/nothing:1" in story


def test_a_gpu_that_no_node_has(site: Site) -> None:
    site.apply(site.session("no-gpu", trainer={"resources": {"limits": {"nvidia.com/gpu": "1"}}}))
    story = site.describes("no-gpu", "Scheduled", "Unschedulable")
    site.kubectl("delete", "hts", "no-gpu")  # or it takes the GPUs that the node offers in later tests
    assert "nvidia.com/gpu" in story


def rule(site: Site, name: str) -> str:
    """By which the last attempt was judged."""
    return str(site.status(name)["attempts"][-1].get("rule", ""))


def test_a_command_that_is_not_found(site: Site) -> None:
    site.apply(site.session("no-command", trainer={"command": ["yolo-that-nobody-has", "train"]}))
    story = site.describes("no-command", "Succeeded", "TrainerFailed")
    assert "there is no command 'yolo-that-nobody-has' in the trainer's image" in story
    assert "see spec.trainer.command" in story
    assert rule(site, "no-command") == "no-command"


def test_an_image_without_a_shell(site: Site) -> None:
    site.apply(site.session("no-shell", trainer={"image": "localhost/pause:1"}))
    story = " ".join(site.describes("no-shell", "Succeeded", "TrainerFailed").split())
    assert "The trainer could not be started: " in story
    assert rule(site, "no-shell") == "no-shell"


def test_a_workspace_that_is_full(site: Site) -> None:
    fill = "head -c 64000000 /dev/zero > /workspace/zeros; sleep 600"
    full = site.session("full", trainer={"command": ["sh", "-c", fill]}, workspace={"sizeLimit": "16Mi"}, retry=ONCE)
    site.apply(full)
    story = " ".join(site.describes("full", "Succeeded", "Evicted").split())
    assert 'Usage of EmptyDir volume "workspace" exceeds the limit "16Mi"' in story
    assert "Its size is spec.workspace.sizeLimit." in story


def test_a_data_set_that_is_no_zip(site: Site, stranger: Body) -> None:
    site.apply(site.session("no-zip", model=NO_ZIP, hub=stranger))
    assert "the file is no whole zip archive" in site.describes("no-zip", "Succeeded", "FetchFailed")
    assert rule(site, "no-zip") == "unusable-input"


def test_weights_that_are_a_web_page(site: Site, stranger: Body) -> None:
    site.apply(site.session("page-weights", model=PAGE_WEIGHTS, hub=stranger))
    assert "the link gives a web page, not a file" in site.describes("page-weights", "Succeeded", "FetchFailed")
    assert rule(site, "page-weights") == "unusable-input"


def test_a_hub_url_that_is_no_hub(site: Site, stranger: Body) -> None:
    url = f"{stranger['url']}/page"
    site.apply(site.session("no-hub", hub={**stranger, "url": url}))
    story = " ".join(site.describes("no-hub", "HubReady", "HubRefused").split())
    assert f"spec.hub.url is {url}; the root of a hub's API is needed there." in story


def test_a_trainer_that_writes_nothing(site: Site) -> None:
    site.apply(site.session("silent", trainer={"command": ["true"]}))
    story = site.describes("silent", "CheckpointSafe", "FinalMissing")
    assert "no final model: its run folder has no checkpoint" in " ".join(story.split())


NONSENSE = """
mkdir -p "$HUBTRAINING_RUN/weights"
echo '<html>,table' > "$HUBTRAINING_RUN/results.csv"
for name in last best; do echo '<html>' > "$HUBTRAINING_RUN/weights/$name.pt"; done
"""


def test_a_trainer_that_writes_nonsense(site: Site) -> None:
    site.apply(site.session("nonsense", trainer={"command": ["sh", "-c", NONSENSE]}))
    story = site.describes("nonsense", "CheckpointSafe", "FinalMissing")
    assert "run/weights/best.pt is no whole checkpoint" in " ".join(story.split())


HOSTILE = """
import os, pickle, zipfile
class Hostile:
    def __reduce__(self):
        return os._exit, (66,)
run = os.environ["HUBTRAINING_RUN"]
os.makedirs(run + "/weights")
os.symlink("/var/run/hubtraining/tokens/controller", run + "/results.csv")
for kind in ("last", "best"):
    with zipfile.ZipFile(f"{run}/weights/{kind}.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"epoch": 0, "hostile": Hostile()}, protocol=2))
"""


def test_a_table_that_is_a_link_to_the_agents_token_and_a_hostile_pickle_change_nothing(site: Site) -> None:
    before = restarts(site.get("pods", namespace=SYSTEM)["items"])
    site.apply(site.session("hostile", trainer={"command": ["python3", "-c", HOSTILE]}))
    status = site.finished("hostile")
    assert status["phase"] == "Succeeded"
    assert site.condition("hostile", "CheckpointSafe")["reason"] == "FinalUploaded"
    assert site.hub_metrics("hostile") == {}
    assert restarts([site.pod("hostile")]) == 0
    assert restarts(site.get("pods", namespace=SYSTEM)["items"]) == before
    told = site.kubectl("logs", "hostile-1-0", "-c", "agent") + site.kubectl("describe", "hts", "hostile")
    assert "the table is left out" in told
    assert "eyJ" not in told, "tokens begin so"


def restarts(pods: list[Body]) -> int:
    """Of all their containers."""
    states = (pod["status"].get(kind, []) for pod in pods for kind in ("initContainerStatuses", "containerStatuses"))
    return sum(container["restartCount"] for listed in states for container in listed)


def test_nothing_of_all_this_made_the_controller_stumble(site: Site, since: str) -> None:
    """Runs last."""
    log = site.kubectl("logs", site.leader(), f"--since-time={since}", namespace=SYSTEM)
    assert log
    assert [line for line in log.splitlines() if "Traceback" in line or '"exception"' in line] == []
