"""The whole pod: what the kubelet and the admission of Kubernetes will see."""

from typing import Any

import msgspec
import pytest
from builders.attempt import an_attempt, settings
from builders.session import a_session
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.manifests import Attempt, Manifest, pod
from hubtraining.controller.manifests.pod import grace_seconds
from hubtraining.controller.values.pods import view
from hubtraining.domain import names


def spec_of(attempt: Attempt) -> Manifest:
    spec: Manifest = pod(attempt)["spec"]
    return spec


def container(attempt: Attempt, name: str) -> Manifest:
    spec = spec_of(attempt)
    return next(each for each in [*spec["initContainers"], *spec["containers"]] if each["name"] == name)


def test_agent_comes_first_then_fetch_then_the_trainer() -> None:
    spec = spec_of(an_attempt())
    assert [each["name"] for each in spec["initContainers"]] == ["agent", "fetch"]
    assert [each["name"] for each in spec["containers"]] == ["trainer"]
    assert [each.get("restartPolicy") for each in spec["initContainers"]] == ["Always", None]


def test_the_pod_is_never_restarted_and_talks_to_no_api_server() -> None:
    spec = spec_of(an_attempt())
    assert spec["restartPolicy"] == "Never"
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False


def test_there_is_time_for_the_trainer_to_stop_and_for_the_last_upload() -> None:
    attempt = an_attempt()
    assert grace_seconds(attempt) == spec_of(attempt)["terminationGracePeriodSeconds"] == 60 + 3600 + 30


def test_the_time_to_stop_follows_the_sessions_uploads() -> None:
    assert grace_seconds(an_attempt(checkpoints={"finalUploadSeconds": 60})) == 60 + 60 + 30


def test_the_same_input_gives_the_same_bytes() -> None:
    stanzas: dict[str, Any] = {"template": {"metadata": {"labels": {"a": "1"}}, "spec": {"nodeSelector": {"b": "2"}}}}
    first, second = pod(an_attempt(**stanzas)), pod(an_attempt(**stanzas))
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


@pytest.mark.parametrize(
    "other",
    [
        an_attempt(2),
        an_attempt(model="yolo11n.pt", trainer={"shmSize": "2Gi"}),
        an_attempt(session=a_session(uid="another")),
        an_attempt(controller=settings(image="registry.example/hubtraining:2")),
        an_attempt(template={"metadata": {"annotations": {"a": "b"}}}),
    ],
)
def test_another_input_gives_another_hash(other: Attempt) -> None:
    def digest(attempt: Attempt) -> str:
        return str(pod(attempt)["metadata"]["annotations"][names.ANNOTATION_MANIFEST])

    assert len(digest(other)) == 64
    assert digest(other) != digest(an_attempt())


@given(st.integers(min_value=1, max_value=10_000))
def test_our_own_reader_recognises_it(number: int) -> None:
    attempt = an_attempt(number, trainer={"resources": {"limits": {"nvidia.com/gpu": 2}}})
    manifest = pod(attempt)
    seen = view({**manifest, "metadata": {**manifest["metadata"], "uid": "pod-1"}})
    assert (seen.session, seen.session_uid, seen.attempt) == ("signs", attempt.session.uid, number)
    assert seen.manifest_hash == manifest["metadata"]["annotations"][names.ANNOTATION_MANIFEST]
    assert seen.gpus == 2


def test_nothing_that_was_given_is_changed() -> None:
    attempt = an_attempt(
        template={"metadata": {"labels": {"a": "b"}}, "spec": {"tolerations": [{"operator": "Exists"}]}},
        trainer={"env": [{"name": "HOME", "value": "/data"}]},
    )
    before = msgspec.json.encode(attempt)
    pod(attempt)
    assert msgspec.json.encode(attempt) == before


@pytest.mark.parametrize("auth", ["token", "key", "identifier"])
def test_the_trainer_gets_no_key_and_no_token(auth: str) -> None:
    ref = {"name": "my-hub", "key": "api-key"}
    stanzas: dict[str, Any] = {
        "token": {},
        "key": {"hub": {"url": "https://hub.example", "credentialsSecretRef": ref}},
        "identifier": {"model": None, "modelFrom": {"secretKeyRef": ref}},
    }
    attempt = an_attempt(key_in_identifier=auth == "identifier", **stanzas[auth])
    trainer = container(attempt, "trainer")
    assert attempt.hub.auth == auth
    assert "credentials" not in [mount["name"] for mount in trainer["volumeMounts"]]
    assert "my-hub" not in str(trainer)
    assert "HUBTRAINING_ASSIGNMENT" not in str(trainer)


@pytest.mark.parametrize("name", ["agent", "fetch", "trainer"])
def test_every_container_satisfies_the_restricted_standard(name: str) -> None:
    security = container(an_attempt(), name)["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["runAsNonRoot"] is True
    assert spec_of(an_attempt())["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
