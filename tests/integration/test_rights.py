"""The controller's rights: each is used, and none is missed, as the API server's audit log has it."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders.pod import PodBuilder
from builders.world import an_outcome
from support.api_server import Namespace, until
from support.installation import Installation, Member, installed
from support.scene import Scene, a_scene

from hubtraining.domain.names import (
    API_VERSION,
    FIELD_MANAGER,
    KIND,
    LABEL_ATTEMPT,
    LABEL_MANAGED_BY,
    LABEL_SESSION,
    PLURAL,
)

pytestmark = pytest.mark.integration

Right = tuple[str, str, str]
"""Verb, group, resource."""

HASTY = {"lease": {"seconds": 6, "renewSeconds": 4, "retrySeconds": 1}}
UNSEEN = {
    ("create", "discovery.k8s.io", "endpointslices"),  # an apply that creates is a patch in the log, and needs both
}
CLAIM = {"claimTemplate": {"spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}}}
SEVERAL: dict[str, Any] = {"nodes": 2, "trainer": {"command": ["torchrun"]}, "workspace": CLAIM}
SELF_REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews")


@pytest.fixture
def release(namespace: Namespace, tmp_path: Path) -> Iterator[Installation]:
    with installed(namespace, tmp_path, controller=HASTY) as made:
        yield made


@pytest.fixture
def scene(namespace: Namespace) -> Iterator[Scene]:
    with a_scene(namespace) as made:
        yield made


def granted(release: Installation) -> set[Right]:
    """What the chart lets the controller do."""
    roles = [
        role
        for role in release.rendered.of_kind("Role", "ClusterRole")
        if role["metadata"]["labels"]["app.kubernetes.io/component"] == "controller"
    ]
    return {
        (verb, group, resource)
        for role in roles
        for rule in role["rules"]
        for verb, group, resource in product(rule["verbs"], rule["apiGroups"], rule["resources"])
    }


def used(*members: Member) -> tuple[set[Right], set[Right]]:
    """What controllers asked for, and of that what they were not allowed."""
    asked, refused = set(), set()
    for event in (event for member in members for event in member.requests()):
        about = event.get("objectRef") or {}
        if not about.get("resource") or about["resource"] in SELF_REVIEWS:
            continue
        resource = "/".join(part for part in (about["resource"], about.get("subresource")) if part)
        right = (event["verb"], about.get("apiGroup", ""), resource)
        asked.add(right)
        if event["responseStatus"]["code"] == 403:
            refused.add(right)
    return asked, refused


def a_stray(scene: Scene, session: str) -> None:
    """A pod of an attempt before the first, as a controller that died at the wrong moment might have left one."""
    metadata = scene.session(session)["metadata"]
    owner = {"apiVersion": API_VERSION, "kind": KIND, "name": session, "uid": metadata["uid"], "controller": True}
    labels = {LABEL_MANAGED_BY: FIELD_MANAGER, LABEL_SESSION: session, LABEL_ATTEMPT: "0"}
    pod = {
        "metadata": {"name": f"{session}-0-0", "labels": labels, "ownerReferences": [owner]},
        "spec": {"containers": [{"name": "trainer", "image": "busybox"}]},
    }
    assert scene.namespace.post("pods", pod).status_code == 201


def live_and_die(scene: Scene, controller: Member, key: Path) -> None:
    """A session with a Secret, a report, and a pod that ends while nobody looks."""
    scene.namespace.kubectl("create", "secret", "generic", "key", f"--from-file=api-key={key}")
    scene.post("signs", hub={"credentialsSecretRef": {"name": "key", "key": "api-key"}})
    scene.until_pod("signs")
    scene.become("signs", PodBuilder.training)
    scene.until_phase("signs", "Training")
    a_stray(scene, "signs")
    until("the stray is gone", lambda: "signs-0-0" not in scene.pods())
    assert _report(controller, scene.token("signs")) == 400, "the token was good, and the report none"


def share(scene: Scene) -> None:
    """Several nodes, with a claim and a Service of their own, and two sessions who find theirs taken."""
    taken = {"metadata": {"name": "no-claim"}, "spec": CLAIM["claimTemplate"]["spec"]}
    assert scene.namespace.post("persistentvolumeclaims", taken).status_code == 201
    service = {"metadata": {"name": "no-service-nodes"}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}}
    assert scene.namespace.post("services", service).status_code == 201
    for name in ("pair", "no-claim", "no-service"):
        scene.post(name, **SEVERAL)
    until("both nodes", lambda: {"pair-1-0", "pair-1-1"} <= set(scene.pods()))
    for name in ("no-claim", "no-service"):
        scene.until_condition(name, "Accepted", "PodRefused")


def leave(scene: Scene) -> None:
    """A session that is not kept after its end."""
    scene.post("brief", ttlSecondsAfterFinished=0)
    scene.until_pod("brief")
    scene.become("brief", lambda pod: pod.ended(outcome=an_outcome()))
    path = f"{scene.namespace.path(PLURAL, API_VERSION)}/brief"
    until("it is gone", lambda: scene.namespace.api.http.get(path).status_code == 404)


def test_every_right_is_used_and_none_is_missing(release: Installation, scene: Scene) -> None:
    with release.controller("first") as first:
        live_and_die(scene, first, release.folder / "key")
        share(scene)
        leave(scene)
        first.kill()
    scene.end("signs")
    with release.controller("second") as second:
        until("the end is told", lambda: scene.status("signs")["attempts"][0]["outcome"] == "Disrupted")
        asked, refused = used(first, second)
        assert refused == set()
        expected = granted(release)
        assert asked <= expected
        assert expected - asked <= UNSEEN


def _report(controller: Member, token: str) -> int:
    url = f"http://127.0.0.1:{controller.reports_port}/v1/reports"
    return httpx.post(url, json={}, headers={"authorization": f"Bearer {token}"}).status_code


def test_what_is_asked_for_is_asked_for_in_its_own_namespaces_only(release: Installation, scene: Scene) -> None:
    with release.controller() as controller:
        scene.post("signs")
        scene.until_pod("signs")
        places = {(event.get("objectRef") or {}).get("namespace") for event in controller.requests()}
    assert places <= {release.namespace.name, None}
