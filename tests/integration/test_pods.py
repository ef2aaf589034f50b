"""The pods that we build, as the real API server and its Pod Security admission take them."""

from typing import Any

import httpx
import pytest
from builders.attempt import an_attempt
from builders.session import Body, a_body
from support.api_server import Namespace, until

from hubtraining.controller.manifests import pod
from hubtraining.domain.names import ANNOTATION_MANIFEST, API_VERSION, PLURAL
from hubtraining.domain.session import Session

pytestmark = pytest.mark.integration

REF = {"name": "hub-key", "key": "api-key"}
MATRIX: dict[str, dict[str, Any]] = {
    "the smallest": {},
    "two GPUs": {"trainer": {"resources": {"limits": {"nvidia.com/gpu": 2}, "requests": {"cpu": "500m"}}}},
    "a command": {"trainer": {"command": ["python", "train.py"], "args": ["--data", "$(HUBTRAINING_DATA)"]}},
    "variables": {
        "trainer": {
            "env": [
                {"name": "HOME", "value": "/data"},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {**REF, "optional": True}}},
                {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
            ],
            "envFrom": [{"prefix": "A_", "configMapRef": {"name": "settings", "optional": True}}],
        }
    },
    "a foreign hub": {"hub": {"url": "https://hub.example", "credentialsSecretRef": REF}},
    "an identifier in a Secret": {"model": None, "modelFrom": {"secretKeyRef": REF}},
    "a limited workspace": {"workspace": {"sizeLimit": "20Gi"}},
    "a claim": {"workspace": {"claimName": "shared"}},
    "an agent of its own": {"agent": {"image": "mine:1", "resources": {"limits": {"memory": "1Gi"}}}},
    "scheduling": {
        "template": {
            "metadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}},
            "spec": {
                "nodeSelector": {"gpu": "a100"},
                "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {"matchExpressions": [{"key": "gpu", "operator": "In", "values": ["a"]}]}
                            ]
                        },
                        "preferredDuringSchedulingIgnoredDuringExecution": [
                            {
                                "weight": 5,
                                "preference": {
                                    "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]
                                },
                            }
                        ],
                    },
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [
                            {
                                "topologyKey": "zone",
                                "labelSelector": {"matchLabels": {"a": "b"}},
                                "namespaceSelector": {},
                            }
                        ]
                    },
                },
                "topologySpreadConstraints": [
                    {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
                ],
                "priorityClassName": "system-node-critical",
                "schedulerName": "other",
                "serviceAccountName": "default",
                "imagePullSecrets": [{"name": "registry"}],
                "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["data.example"]}],
                "dnsPolicy": "None",
                "dnsConfig": {
                    "nameservers": ["10.0.0.2"],
                    "searches": ["a.example"],
                    "options": [{"name": "ndots", "value": "2"}],
                },
            },
        }
    },
    "volumes": {
        "template": {
            "spec": {
                "volumes": [
                    {
                        "name": "a",
                        "configMap": {"name": "c", "items": [{"key": "k", "path": "p", "mode": 292}], "optional": True},
                    },
                    {"name": "b", "secret": {"secretName": "s", "defaultMode": 256}},
                    {"name": "c", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
                    {"name": "d", "persistentVolumeClaim": {"claimName": "datasets", "readOnly": True}},
                    {"name": "e", "projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "s"}}]}},
                    {"name": "f", "csi": {"driver": "csi.example", "volumeAttributes": {"a": "b"}}},
                    {
                        "name": "g",
                        "ephemeral": {
                            "volumeClaimTemplate": {
                                "metadata": {"labels": {"a": "b"}},
                                "spec": {
                                    "accessModes": ["ReadWriteOnce"],
                                    "resources": {"requests": {"storage": "1Gi"}},
                                },
                            }
                        },
                    },
                ],
                "volumeMounts": [
                    {"name": name, "mountPath": f"/mnt/{name}", "readOnly": True, "subPath": "x"} for name in "abcdefg"
                ],
            }
        }
    },
    "users and groups": {
        "template": {
            "spec": {
                "securityContext": {
                    "runAsUser": 5000,
                    "runAsGroup": 5000,
                    "fsGroup": 5000,
                    "fsGroupChangePolicy": "Always",
                    "supplementalGroups": [7],
                    "seccompProfile": {"type": "Localhost", "localhostProfile": "training.json"},
                },
                "trainerSecurityContext": {"runAsUser": 6000, "runAsGroup": 6000, "readOnlyRootFilesystem": True},
            }
        }
    },
}


def stored(namespace: Namespace, **stanzas: Any) -> Session:
    """A session as the controller reads it: from what the API server stored, defaults and all."""
    answer = namespace.post(
        PLURAL, a_body(labels={"kueue.x-k8s.io/queue-name": "team-a"}, **stanzas), group=API_VERSION
    )
    assert answer.status_code == 201, answer.text
    return Session.from_body(answer.json())


def manifest(session: Session) -> Body:
    return pod(an_attempt(session=session, key_in_identifier="modelFrom" in session.spec))


def tried(namespace: Namespace, session: Session) -> httpx.Response:
    return namespace.post("pods", manifest(session), dry_run=True)


@pytest.mark.parametrize("name", MATRIX)
def test_pod_security_restricted_takes_it_without_a_warning(restricted: Namespace, name: str) -> None:
    allowed = name != "scheduling"  # system priorities are for kube-system; any other class would have to be made first
    stanzas = MATRIX[name] if allowed else without(MATRIX[name], "priorityClassName")
    answer = tried(restricted, stored(restricted, **stanzas))
    assert answer.status_code == 201, answer.text
    assert "warning" not in answer.headers


def without(stanzas: dict[str, Any], field: str) -> dict[str, Any]:
    template = stanzas["template"]
    kept = {name: value for name, value in template["spec"].items() if name != field}
    return {**stanzas, "template": {**template, "spec": kept}}


def test_nothing_of_the_manifest_is_lost_on_the_way(namespace: Namespace) -> None:
    session = stored(namespace, **without(MATRIX["scheduling"], "priorityClassName"))
    sent = manifest(session)
    assert missing(sent, namespace.post("pods", sent, dry_run=True).json()) == []


def missing(sent: Any, got: Any, path: str = "") -> list[str]:
    """What was sent and did not come back; what the API server added does not matter."""
    if isinstance(sent, dict) and isinstance(got, dict):
        return [each for key in sent for each in missing(sent[key], got.get(key), f"{path}.{key}")]
    if isinstance(sent, list) and isinstance(got, list):
        return [
            each
            for i, value in enumerate(sent)
            for each in missing(value, (got[i : i + 1] or [None])[0], f"{path}[{i}]")
        ]
    same = sent == got or (not sent and not got) or str(sent) == str(got)
    return [] if same else [f"{path}: {sent!r} became {got!r}"]


def test_a_priority_class_that_is_not_there_is_refused_in_words(namespace: Namespace) -> None:
    answer = tried(namespace, stored(namespace, template={"spec": {"priorityClassName": "no-such-class"}}))
    assert answer.status_code == 403
    assert "no-such-class" in answer.json()["message"]


def test_a_trainer_that_runs_as_root_is_for_namespaces_that_allow_it(
    namespace: Namespace, restricted: Namespace
) -> None:
    root: dict[str, Any] = {"template": {"spec": {"trainerSecurityContext": {"runAsUser": 0}}}}
    assert tried(namespace, stored(namespace, **root)).status_code == 201
    refused = tried(restricted, stored(restricted, **root))
    assert refused.status_code == 403
    assert "runAsUser" in refused.json()["message"]


def test_the_same_pod_cannot_be_created_twice_and_is_recognised_by_its_hash(namespace: Namespace) -> None:
    session = stored(namespace)
    first = namespace.post("pods", manifest(session))
    assert first.status_code == 201, first.text
    assert namespace.post("pods", manifest(session)).status_code == 409
    hashes = {made["metadata"]["annotations"][ANNOTATION_MANIFEST] for made in (first.json(), manifest(session))}
    assert len(hashes) == 1


def test_with_its_session_the_pod_goes_though_no_operator_runs(namespace: Namespace) -> None:
    session = stored(namespace)
    created = namespace.post(
        "pods", {**manifest(session), "spec": {**manifest(session)["spec"], "schedulerName": "nobody"}}
    )
    assert created.status_code == 201, created.text
    http = namespace.api.http
    http.delete(f"{namespace.path(PLURAL, API_VERSION)}/{session.name}").raise_for_status()
    until("the pod is gone", lambda: http.get(f"{namespace.path('pods')}/signs-1-0").status_code == 404)
