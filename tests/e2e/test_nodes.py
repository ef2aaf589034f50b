"""A session of two nodes: its pods find each other by name, and torch trains across them."""

import hashlib
import re
from collections.abc import Iterator

import pytest
from support.site import ROOT, Body, Site

from demo import storage

pytestmark = pytest.mark.e2e

NAME = "pair"
PROGRAM = ROOT / "tests" / "e2e" / "programs" / "all_reduce.py"
SCRIPT = f"""
getent hosts "$(hostname).{NAME}-nodes" | sed "s/^/known as /"
python3 /code/{PROGRAM.name} plain && exec python3 /code/{PROGRAM.name} torchrun
"""


def shared_volume(site: Site) -> Body:
    """A volume that pods of several nodes may write, as NFS would be."""
    folder = site.state / "volumes" / "shared"
    folder.mkdir(parents=True, exist_ok=True)
    body = storage.volume(folder)
    return {**body, "spec": {**body["spec"], "accessModes": ["ReadWriteMany"]}}


@pytest.fixture(scope="module")
def trained(site: Site) -> Iterator[Body]:
    """The status of two pods' training at its end."""
    site.apply(shared_volume(site))
    code = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "all-reduce"}}
    site.apply({**code, "data": {PROGRAM.name: PROGRAM.read_text()}})
    asked = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    template = {
        "volumes": [{"name": "code", "configMap": {"name": "all-reduce"}}],
        "volumeMounts": [{"name": "code", "mountPath": "/code", "readOnly": True}],
    }
    env = [{"name": "USE_LIBUV", "value": "0"}]
    spec: Body = {
        "model": "pair.yaml",
        "nodes": 2,
        "train": {"args": {"data": "none", "epochs": 5}},
        "trainer": {"image": site.trainer_image, "command": ["sh", "-c", SCRIPT], "env": env},
        "retry": {"limit": 0},
        "workspace": {"claimTemplate": {"spec": asked}},
        "template": {"spec": template},
    }
    kind = {"apiVersion": "hubtraining.dev/v1alpha1", "kind": "HubTrainingSession"}
    site.apply({**kind, "metadata": {"name": NAME}, "spec": spec})
    status = site.finished(NAME)
    assert status["phase"] == "Succeeded", status
    yield status
    site.kubectl("delete", "hubtrainingsession", NAME, "--wait")
    site.kubectl("delete", "pvc", NAME, "--ignore-not-found", "--wait")
    site.kubectl("delete", "pv", "shared", "--wait")


def log(site: Site, index: int) -> str:
    return site.kubectl("logs", f"{NAME}-1-{index}", "-c", "trainer")


def test_it_succeeds_in_one_attempt_of_two_pods(site: Site, trained: Body) -> None:
    assert trained["attempt"] == 1
    assert trained["attempts"][0]["pods"] == [f"{NAME}-1-0", f"{NAME}-1-1"]
    assert sorted(site.pods_ever(NAME)) == [f"{NAME}-1-0", f"{NAME}-1-1"]


def test_each_pod_has_its_name_in_the_headless_service(site: Site, trained: Body) -> None:
    for index in range(2):
        address = site.get("pod", f"{NAME}-1-{index}")["status"]["podIP"]
        assert f"known as {address}" in log(site, index)
    assert site.get("service", f"{NAME}-nodes")["spec"]["clusterIP"] == "None"


@pytest.mark.parametrize("start", ["plain", "torchrun"])
def test_the_processes_find_each_other_and_all_reduce_adds_up(site: Site, trained: Body, start: str) -> None:
    weights = set()
    for index in range(2):
        text = log(site, index)
        assert re.search(rf"{start} rank {index} of 2 sum 3$", text, re.MULTILINE), text
        weights |= set(re.findall(rf"{start} rank {index} weights (\w+)", text))
    assert len(weights) == 1


def test_the_hub_has_what_the_first_of_them_saved(site: Site, trained: Body) -> None:
    assert sorted(site.hub_metrics(NAME)) == [1, 2, 3, 4, 5]
    last = (site.volume(NAME) / "run" / "checkpoints" / "last.pt").read_bytes()
    finals = [each["sha256"] for each in site.uploads(NAME) if each["type"] == "final"]
    assert finals == [hashlib.sha256(last).hexdigest()]
