"""How the session's template meets what we build."""

from typing import Any

import msgspec
import pytest
from builders.attempt import an_attempt

from hubtraining.controller.manifests import pod
from hubtraining.controller.manifests.template import avoiding, pod_fields, pod_security

FIELDS: dict[str, Any] = {
    "nodeSelector": {"gpu": "a100"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
    "priorityClassName": "high",
    "schedulerName": "other",
    "runtimeClassName": "nvidia",
    "serviceAccountName": "trainer",
    "imagePullSecrets": [{"name": "registry"}],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["data"]}],
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["10.0.0.2"]},
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_the_template_stands_in_the_pod(field: str) -> None:
    assert pod(an_attempt(template={"spec": {field: FIELDS[field]}}))["spec"][field] == FIELDS[field]


def test_what_the_template_leaves_out_does_not_appear() -> None:
    assert pod_fields(an_attempt()) == {}
    assert set(pod(an_attempt())["spec"]) & set(FIELDS) == set()


def test_every_field_of_the_template_is_used() -> None:
    known = set(an_attempt().spec.template.spec.__struct_encode_fields__)
    own_rules = {"securityContext", "trainerSecurityContext", "volumes", "volumeMounts"}
    assert known == set(FIELDS) | own_rules


def test_the_pod_has_a_user_that_is_not_root() -> None:
    security = pod_security(an_attempt())
    assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == 10001
    assert security["runAsNonRoot"] is True


def test_the_templates_user_and_groups_replace_ours_one_by_one() -> None:
    wanted = {"runAsUser": 5000, "supplementalGroups": [7], "fsGroupChangePolicy": "Always"}
    security = pod_security(an_attempt(template={"spec": {"securityContext": wanted}}))
    assert security["runAsUser"] == 5000
    assert security["supplementalGroups"] == [7]
    assert security["fsGroup"] == 10001
    assert security["runAsNonRoot"] is True


REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
NOT_A = {"key": "metadata.name", "operator": "NotIn", "values": ["node-a"]}
NOT_B = {"key": "metadata.name", "operator": "NotIn", "values": ["node-b"]}
GPU = {"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}
ZONE = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-c"]}]}


@pytest.mark.parametrize(
    ("affinity", "terms"),
    [
        ({}, [{"matchFields": [NOT_A, NOT_B]}]),
        ({"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}}, [{"matchFields": [NOT_A, NOT_B]}]),
        ({"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [GPU]}}}, [{**GPU, "matchFields": [NOT_A, NOT_B]}]),
        (
            {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [GPU, ZONE]}}},
            [{**GPU, "matchFields": [NOT_A, NOT_B]}, {"matchFields": [*ZONE["matchFields"], NOT_A, NOT_B]}],
        ),
    ],
)
def test_nodes_to_avoid_narrow_each_term_of_the_users_affinity(affinity: Any, terms: Any) -> None:
    attempt = msgspec.structs.replace(an_attempt(template={"spec": {"affinity": affinity}}), avoid=("node-a", "node-b"))
    assert pod(attempt)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] == terms


def test_the_rest_of_the_affinity_stays_as_the_user_wrote_it() -> None:
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    given = {"podAffinity": {preferred: []}, "nodeAffinity": {preferred: [{"weight": 1, "preference": GPU}]}}
    assert avoiding(given, ()) == given
    found = avoiding(given, ("node-a",))
    assert found["podAffinity"] == given["podAffinity"]
    assert found["nodeAffinity"][preferred] == given["nodeAffinity"][preferred]
    assert REQUIRED not in given["nodeAffinity"]
