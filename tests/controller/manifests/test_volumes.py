"""Volumes, and who sees which."""

from typing import Any

import pytest
from builders.attempt import an_attempt, settings
from builders.session import UID

from hubtraining.controller.manifests.attempt import Attempt, Manifest
from hubtraining.controller.manifests.volumes import agent_mounts, fetch_mounts, trainer_mounts, volumes
from hubtraining.domain import layout, names

REF = {"name": "my-hub", "key": "api-key"}
FOREIGN = {"hub": {"url": "https://hub.example", "credentialsSecretRef": REF}}


def volume(attempt: Attempt, name: str) -> Manifest:
    return next(each for each in volumes(attempt) if each["name"] == name)


def sources(attempt: Attempt) -> list[Manifest]:
    projected: list[Manifest] = volume(attempt, "credentials")["projected"]["sources"]
    return projected


def paths(mounts: list[Manifest]) -> dict[str, str]:
    return {mount["name"]: mount["mountPath"] for mount in mounts}


def test_the_workspace_is_an_empty_dir_without_a_limit() -> None:
    assert volume(an_attempt(), "workspace") == {"name": "workspace", "emptyDir": {}}


def test_the_workspace_can_have_a_limit() -> None:
    limited = an_attempt(workspace={"sizeLimit": "20Gi"})
    assert volume(limited, "workspace")["emptyDir"] == {"sizeLimit": "20Gi"}


def test_on_a_claim_every_container_sees_the_sessions_own_folder_only() -> None:
    shared = an_attempt(workspace={"claimName": "shared"})
    assert volume(shared, "workspace")["persistentVolumeClaim"] == {"claimName": "shared"}
    for mounts in (agent_mounts(shared), fetch_mounts(shared), trainer_mounts(shared)):
        assert mounts[0] | {"readOnly": True} == {
            "name": "workspace",
            "mountPath": "/workspace",
            "subPath": UID,
            "readOnly": True,
        }


def test_the_agent_cannot_write_to_the_workspace_and_nobody_else_sees_its_journal() -> None:
    attempt = an_attempt()
    assert agent_mounts(attempt)[0]["readOnly"] is True
    assert "readOnly" not in fetch_mounts(attempt)[0]
    assert "journal" in paths(agent_mounts(attempt))
    assert "journal" not in paths(fetch_mounts(attempt)) | paths(trainer_mounts(attempt))


def test_data_loaders_share_memory() -> None:
    attempt = an_attempt(trainer={"shmSize": "8Gi"})
    assert volume(attempt, "shm")["emptyDir"] == {"medium": "Memory", "sizeLimit": "8Gi"}
    assert paths(trainer_mounts(attempt))["shm"] == "/dev/shm"


def test_with_the_operators_own_hub_there_are_two_tokens_and_no_secret() -> None:
    controller, hub = (source["serviceAccountToken"] for source in sources(an_attempt()))
    assert controller == {"audience": names.AUDIENCE_CONTROLLER, "expirationSeconds": 3600, "path": "tokens/controller"}
    assert hub == {"audience": names.AUDIENCE_HUB, "expirationSeconds": 3600, "path": "tokens/hub"}


@pytest.mark.parametrize(
    ("stanzas", "key_in_identifier", "name", "path"),
    [
        (FOREIGN, False, "my-hub", "hub/api-key"),
        ({"hub": {"credentialsSecretRef": REF}}, False, "my-hub", "hub/api-key"),
        ({"model": None, "modelFrom": {"secretKeyRef": {**REF, "name": "mine"}}}, True, "mine", "hub/identifier"),
        (
            {**FOREIGN, "model": None, "modelFrom": {"secretKeyRef": {**REF, "name": "mine"}}},
            True,
            "mine",
            "hub/identifier",
        ),
        (
            {**FOREIGN, "model": None, "modelFrom": {"secretKeyRef": {**REF, "name": "mine"}}},
            False,
            "my-hub",
            "hub/api-key",
        ),
    ],
)
def test_a_key_comes_from_the_one_secret_that_counts(
    stanzas: Any, key_in_identifier: bool, name: str, path: str
) -> None:
    token, secret = sources(an_attempt(key_in_identifier=key_in_identifier, **stanzas))
    items = [{"key": "api-key", "path": path}]
    assert secret == {"secret": {"name": name, "items": items, "optional": True}}
    assert token["serviceAccountToken"]["audience"] == names.AUDIENCE_CONTROLLER


def test_a_foreign_hub_never_gets_a_token_for_ours() -> None:
    assert names.AUDIENCE_HUB not in str(volumes(an_attempt(**FOREIGN)))


def test_where_nobody_takes_reports_and_there_is_no_key_there_are_no_credentials() -> None:
    attempt = an_attempt(controller=settings(reports_url="", hub_auth="key"))
    assert "credentials" not in [each["name"] for each in volumes(attempt)]
    assert "credentials" not in paths(agent_mounts(attempt)) | paths(fetch_mounts(attempt))


def test_credentials_lie_where_the_agent_looks() -> None:
    attempt = an_attempt(**FOREIGN)
    root = paths(agent_mounts(attempt))["credentials"]
    found = {f"{root}/{item['path']}" for source in sources(attempt) for item in items_of(source)}
    assert found == {layout.TOKEN_CONTROLLER, layout.HUB_KEY}


def test_only_owner_and_group_can_read_credentials() -> None:
    assert volume(an_attempt(), "credentials")["projected"]["defaultMode"] == 0o440


def test_the_templates_volumes_are_the_trainers_alone() -> None:
    data = {"name": "data", "persistentVolumeClaim": {"claimName": "datasets"}}
    mount = {"name": "data", "mountPath": "/data", "readOnly": True}
    attempt = an_attempt(template={"spec": {"volumes": [data], "volumeMounts": [mount]}})
    assert volumes(attempt)[-1] == data
    assert trainer_mounts(attempt)[-1] == mount
    assert "data" not in paths(agent_mounts(attempt)) | paths(fetch_mounts(attempt))


def test_every_volume_has_one_name_and_every_mount_a_volume() -> None:
    attempt = an_attempt(**FOREIGN)
    names_of = [each["name"] for each in volumes(attempt)]
    assert len(set(names_of)) == len(names_of)
    mounted = paths(agent_mounts(attempt)) | paths(fetch_mounts(attempt)) | paths(trainer_mounts(attempt))
    assert set(mounted) == set(names_of)


def items_of(source: Manifest) -> list[Manifest]:
    return [source["serviceAccountToken"]] if "serviceAccountToken" in source else list(source["secret"]["items"])
