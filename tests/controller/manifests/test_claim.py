"""The claim of a session's own."""

from typing import Any

import pytest
from builders.attempt import an_attempt
from builders.session import UID

from hubtraining.controller.manifests import claim, pod

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"team": "a"}, "annotations": {"note": "x"}},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "20Gi"}},
    },
}


def test_it_is_named_like_the_session_which_owns_it() -> None:
    made = claim(an_attempt(3, workspace={"claimTemplate": TEMPLATE}))
    assert (made["kind"], made["metadata"]["name"]) == ("PersistentVolumeClaim", "signs")
    assert [(owner["uid"], owner["controller"]) for owner in made["metadata"]["ownerReferences"]] == [(UID, True)]
    assert made["metadata"]["labels"].items() >= {"team": "a", "hubtraining.dev/session": "signs"}.items()
    assert made["metadata"]["annotations"] == {"note": "x"}


def test_it_asks_for_what_the_template_says() -> None:
    made = claim(an_attempt(workspace={"claimTemplate": TEMPLATE}))
    assert made["spec"] == {**TEMPLATE["spec"], "volumeMode": "Filesystem"}


def test_without_a_class_the_clusters_default_is_taken() -> None:
    spec = {name: value for name, value in TEMPLATE["spec"].items() if name != "storageClassName"}
    assert "storageClassName" not in claim(an_attempt(workspace={"claimTemplate": {"spec": spec}}))["spec"]


def test_it_is_the_same_for_every_attempt() -> None:
    assert claim(an_attempt(1, workspace={"claimTemplate": TEMPLATE})) == claim(
        an_attempt(2, workspace={"claimTemplate": TEMPLATE})
    )


def test_every_attempts_pod_mounts_all_of_it() -> None:
    made = pod(an_attempt(2, workspace={"claimTemplate": TEMPLATE}))
    volume = next(each for each in made["spec"]["volumes"] if each["name"] == "workspace")
    assert volume == {"name": "workspace", "persistentVolumeClaim": {"claimName": "signs"}}
    mounts = [mount for each in made["spec"]["containers"] for mount in each["volumeMounts"]]
    assert {"name": "workspace", "mountPath": "/workspace"} in mounts


def test_a_session_without_a_template_has_none() -> None:
    with pytest.raises(ValueError, match="no claim of its own"):
        claim(an_attempt())
