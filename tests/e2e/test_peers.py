"""The vendor's own client inside ultralytics, old and new, trains a model of our hub from a pod that is not ours."""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.site import Body, Site, until

pytestmark = pytest.mark.e2e

PROGRAM = Path(__file__).parent / "peers" / "train_by_hub.py"
HUB = "http://hubtraining-hub.hubtraining-system.svc:8000"
SECRET = "peer-key"
VERSIONS = {
    "8.2.0": {"PYTHONPATH": "/opt/ultralytics-8.2.0", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
    "8.4.114": {},
}
"""The old one unpickles as was usual in its time; today's torch must be told."""
EPOCHS = 3
CREATION = {
    "meta": {"name": "peer"},
    "config": {"batchSize": 4, "epochs": EPOCHS, "imageSize": 64, "patience": 100, "device": "cpu", "cache": "ram"},
    "dataset": {"name": "signs"},
    "lineage": {"architecture": {"name": "yolov8n"}, "parent": {}},
}


@dataclass(frozen=True)
class Trained:
    """Two pods trained one model: the first was lost after two epochs, the second went on to the end."""

    model: str
    lost: str
    finished: str

    def sha256(self, log: str, name: str) -> str:
        """Of a file in the trainer's pod, as the pod printed it."""
        found = re.search(rf"^sha256 {name} ([0-9a-f]{{64}})$", log, re.MULTILINE)
        assert found, log
        return found[1]


@pytest.fixture(scope="module", params=VERSIONS)
def trained(site: Site, request: pytest.FixtureRequest) -> Trained:
    site.kubectl("delete", "secret,configmap", SECRET, "--ignore-not-found")
    site.kubectl("create", "secret", "generic", SECRET, f"--from-literal=api-key={site.key}")
    site.kubectl("create", "configmap", SECRET, f"--from-file={PROGRAM}")
    model = str(site.hub.post("/v1/models", CREATION)["id"])
    lost, finished = (trains(site, model, request.param, epochs) for epochs in (2, 0))
    return Trained(model, lost, finished)


def trains(site: Site, model: str, version: str, epochs: int) -> str:
    """The log of a pod that trains, to its end."""
    name = f"peer-{secrets.token_hex(4)}"
    site.apply(a_pod(site, name, VERSIONS[version], model, epochs))

    def ended() -> str | None:
        phase = site.get("pod", name)["status"].get("phase")
        return phase if phase in ("Succeeded", "Failed") else None

    phase = until(f"the end of {name}", ended, 600)
    log = site.kubectl("logs", name)
    assert phase == "Succeeded", log
    assert f"ultralytics {version}" in log
    return log


def a_pod(site: Site, name: str, variables: dict[str, str], model: str, epochs: int) -> Body:
    """What a user without our operator runs."""
    told = {"ULTRALYTICS_HUB_API": HUB, "ULTRALYTICS_HUB_WEB": HUB, "MODEL": model, **variables}
    env: list[dict[str, Any]] = [{"name": key, "value": value} for key, value in told.items()]
    env.append({"name": "HUB_API_KEY", "valueFrom": {"secretKeyRef": {"name": SECRET, "key": "api-key"}}})
    container = {
        "name": "trainer",
        "image": site.trainer_image,
        "command": ["python3", f"/program/{PROGRAM.name}", str(epochs)],
        "workingDir": "/tmp",
        "env": env,
        "volumeMounts": [{"name": "program", "mountPath": "/program"}, {"name": "shm", "mountPath": "/dev/shm"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "containers": [container],
        "volumes": [
            {"name": "program", "configMap": {"name": SECRET}},
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
        ],
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def uploads(site: Site, trained: Trained, kind: str) -> list[Body]:
    history: list[Body] = site.hub.get(f"/v1/models/{trained.model}/checkpoints")
    return [record for record in history if record["type"] == kind]


def test_the_second_pod_went_on_where_the_first_was_lost(site: Site, trained: Trained) -> None:
    assert "started at epoch 2" in trained.finished
    kept = {record["epoch"]: record["sha256"] for record in uploads(site, trained, "epoch")}
    assert kept[1] == trained.sha256(trained.lost, "last")
    assert sorted(kept) == list(range(EPOCHS))


def test_every_epochs_metrics_are_in_the_hub(site: Site, trained: Trained) -> None:
    series = {item["meta"]["name"]: item["data"] for item in site.hub.get(f"/v1/models/{trained.model}/metrics")}
    for name in ("train/box_loss", "val/box_loss", "metrics/mAP50-95(B)"):
        assert {str(epoch) for epoch in range(EPOCHS)} <= series[name].keys(), name
    assert "0" in series["model/parameters"]


def test_the_final_is_the_best_of_the_trainers_disk(site: Site, trained: Trained) -> None:
    finals = [record["sha256"] for record in uploads(site, trained, "final")]
    assert finals == [trained.sha256(trained.finished, "best")]
    read = site.hub.get(f"/v1/models/{trained.model}")
    assert (read["status"], read["has_best_weights"]) == ("trained", True)
    link = site.hub.root + "/v1/files/" + read["weights"].partition("/v1/files/")[2]
    assert hashlib.sha256(site.hub.download(link)).hexdigest() == finals[0]


def test_the_client_was_heard_and_had_nothing_to_complain_of(site: Site, trained: Trained) -> None:
    assert site.hub.get(f"/v1/models/{trained.model}")["last_seen"] is not None
    for log in (trained.lost, trained.finished):
        assert not re.search(r"(?i)rate limit reached|received no response|request failed|hub_sdk.*error", log)
        assert json.dumps(site.key)[1:-1] not in log
