"""What a template may and may not change about the pod."""

from typing import Any

import pytest
from builders.session import a_spec

from hubtraining.domain import template_rules
from hubtraining.domain.session import InvalidSpec, parse

DATA = {"name": "data", "persistentVolumeClaim": {"claimName": "datasets", "readOnly": True}}


def spec_of(**fields: Any) -> dict[str, Any]:
    return a_spec(template={"spec": fields})


def refusal(spec: dict[str, Any]) -> InvalidSpec:
    with pytest.raises(InvalidSpec) as refused:
        parse(spec)
    return refused.value


@pytest.mark.parametrize(
    "fields",
    [
        {"volumes": [DATA], "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
        {"volumes": [DATA], "volumeMounts": [{"name": "data", "mountPath": "/workspaces/data"}]},
        {"volumes": [DATA, {"name": "more", "configMap": {"name": "more"}}]},
        {"securityContext": {"runAsUser": 5000, "fsGroup": 5000, "supplementalGroups": [7]}},
        {"trainerSecurityContext": {"runAsUser": 0}},
        {"tolerations": [{"operator": "Exists"}], "nodeSelector": {"gpu": "a100"}},
    ],
)
def test_it_is_allowed(fields: dict[str, Any]) -> None:
    assert parse(spec_of(**fields)).template.spec


@pytest.mark.parametrize("kind", template_rules.VOLUME_KINDS)
def test_every_kind_of_volume_on_the_list_is_allowed(kind: str) -> None:
    assert parse(spec_of(volumes=[{"name": "data", kind: {}}])).template.spec.volumes


@pytest.mark.parametrize("kind", ["hostPath", "iscsi", "gitRepo"])
def test_any_other_kind_of_volume_is_refused(kind: str) -> None:
    refused = refusal(spec_of(volumes=[{"name": "data", kind: {"path": "/"}}]))
    assert refused.field == "spec.template.spec.volumes"
    assert f"has {kind} in 'data'" in refused.message


@pytest.mark.parametrize(
    ("volumes", "words"),
    [
        ([{"name": "data"}], "has nothing in 'data'"),
        ([{"name": "data", "emptyDir": {}, "secret": {}}], "has emptyDir and secret"),
        ([{"emptyDir": {}}], "has the name ''"),
        ([DATA, DATA], "has the name 'data'"),
    ],
)
def test_a_volume_needs_one_name_and_one_kind(volumes: list[Any], words: str) -> None:
    assert words in refusal(spec_of(volumes=volumes)).message


@pytest.mark.parametrize(
    ("workspace", "volumes", "other"),
    [
        ({"claimName": "datasets"}, [DATA], "spec.workspace.claimName"),
        ({}, [DATA, {**DATA, "name": "more"}], "'data'"),
    ],
)
def test_a_claim_is_there_once(workspace: dict[str, Any], volumes: list[Any], other: str) -> None:
    """A real kubelet never starts a pod that has one twice."""
    refused = refusal({**spec_of(volumes=volumes), "workspace": workspace})
    assert refused.field == "spec.template.spec.volumes"
    assert f"the claim 'datasets' in {volumes[-1]['name']!r}, and {other} has it, too" in refused.message


@pytest.mark.parametrize("name", template_rules.OUR_VOLUMES)
def test_our_volumes_cannot_be_replaced(name: str) -> None:
    assert "are ours" in refusal(spec_of(volumes=[{"name": name, "emptyDir": {}}])).message


@pytest.mark.parametrize("name", [*template_rules.OUR_VOLUMES, "other", None])
def test_only_the_templates_volumes_can_be_mounted(name: str | None) -> None:
    mounts = [{"name": name, "mountPath": "/data"}]
    assert "can be mounted" in refusal(spec_of(volumes=[DATA], volumeMounts=mounts)).message


@pytest.mark.parametrize(
    "path", ["/", "", "data", "/workspace", "/workspace/run", "/tmp/x", "/dev/shm", "/data/../workspace", "/proc", "//"]
)
def test_nothing_can_be_mounted_over_our_folders(path: str) -> None:
    refused = refusal(spec_of(volumes=[DATA], volumeMounts=[{"name": "data", "mountPath": path}]))
    assert refused.field == "spec.template.spec.volumeMounts"


@pytest.mark.parametrize("stanza", ["labels", "annotations"])
@pytest.mark.parametrize("key", ["hubtraining.dev/attempt", "app.kubernetes.io/name"])
def test_our_labels_and_annotations_cannot_be_set(stanza: str, key: str) -> None:
    refused = refusal(a_spec(template={"metadata": {stanza: {key: "x"}}}))
    assert refused.field == f"spec.template.metadata.{stanza}"
    assert key in refused.message


def test_the_pod_never_runs_as_root() -> None:
    assert "trainerSecurityContext" in refusal(spec_of(securityContext={"runAsUser": 0})).message


@pytest.mark.parametrize(
    "field", ["privileged", "capabilities", "allowPrivilegeEscalation", "procMount", "runAsNonRoot"]
)
@pytest.mark.parametrize("context", ["securityContext", "trainerSecurityContext"])
def test_no_privilege_can_be_asked_for(context: str, field: str) -> None:
    refused = refusal(spec_of(**{context: {field: True}}))
    assert refused.field == f"spec.template.spec.{context}.{field}"
