"""Rules of a spec, one by one: what is allowed, and the sentence for what is not."""

from typing import Any

import msgspec
import pytest
from builders.session import a_spec

from hubtraining.domain import rules
from hubtraining.domain.session import InvalidSpec, parse
from hubtraining.domain.spec import SessionSpec

REF = {"name": "hub-key", "key": "api-key"}
FROM = {"secretKeyRef": {"name": "mine", "key": "identifier"}}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

STORAGE = {"requests": {"storage": "1Gi"}}
CLAIM = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": STORAGE}}
OURS = {**CLAIM, "metadata": {"labels": {"hubtraining.dev/x": "y"}}}
NO_MODE = {"spec": {"accessModes": [], "resources": STORAGE}}
NO_SIZE = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"limits": {"storage": "1Gi"}}}}

ALLOWED: list[dict[str, Any]] = [
    {"model": "m" * 1024},
    {"model": None, "modelFrom": FROM},
    {"hub": {"url": "http://hub:8000", "credentialsSecretRef": REF}},
    {"hub": {"url": "https://hub.example/api", "credentialsSecretRef": REF, "caBundle": PEM}},
    {"hub": {"url": "https://hub.example"}, "model": None, "modelFrom": FROM},
    {"hub": {"credentialsSecretRef": REF}},
    {"hub": {"webURL": "https://hub.example"}},
    {"train": {"args": {"data": "a.yaml", "classes": [0, 1], "lr0": 0.01, "cos_lr": True, "time": None}}},
    {"trainer": {"command": ["sh", "-c", "true"], "args": ["x"]}},
    {"trainer": {"env": [{"name": "A_1"}, {"name": "b.c-d"}]}},
    {"trainer": {"resources": {"limits": {"nvidia.com/gpu": 1, "memory": "16Gi"}, "requests": {"cpu": "500m"}}}},
    {"trainer": {"shmSize": "512Mi"}},
    {"agent": {"metricsSeconds": 1, "checkpointSeconds": 86400}},
    {"workspace": {"sizeLimit": "20Gi"}},
    {"workspace": {"claimName": "shared"}},
    {"workspace": {}},
    {"workspace": {"claimTemplate": CLAIM}},
    {"progress": {"statusSeconds": 1, "metrics": ["m"] * 32}},
]

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"model": None}, "spec", "exactly one of model and modelFrom; neither is given"),
    ({"modelFrom": FROM}, "spec", "exactly one of model and modelFrom; both are given"),
    ({"model": "m" * 1025}, "spec.model", "has 1025 characters; at most 1024"),
    ({"model": f"{'a' * 42}_{'b' * 20}"}, "spec.model", "holds an API key"),
    ({"model": "https://hub.example/models/x?API_KEY=oops"}, "spec.model", "holds an API key"),
    ({"model": None, "modelFrom": {"secretKeyRef": {"name": "", "key": "k"}}}, "spec.modelFrom.secretKeyRef", "name"),
    ({"hub": {"credentialsSecretRef": {"name": "n", "key": ""}}}, "spec.hub.credentialsSecretRef", "a name and a key"),
    ({"hub": {"url": "ftp://hub", "credentialsSecretRef": REF}}, "spec.hub.url", "http:// or https://"),
    ({"hub": {"url": "https://hub?x=1", "credentialsSecretRef": REF}}, "spec.hub.url", "without user"),
    ({"hub": {"webURL": "https://me:secret@hub.example"}}, "spec.hub.webURL", "without user"),
    ({"hub": {"url": "https://hub.example"}}, "spec.hub.url", "needs spec.hub.credentialsSecretRef"),
    ({"hub": {"caBundle": "a certificate"}}, "spec.hub.caBundle", "PEM"),
    ({"train": {"args": {"project": "x"}}}, "spec.train.args.project", "cannot be set: the run folder is ours"),
    ({"train": {"args": {"data": {"a": 1}}}}, "spec.train.args.data", "a scalar or a flat list"),
    ({"trainer": {"image": ""}}, "spec.trainer.image", "is empty"),
    ({"trainer": {"args": ["--fast"]}}, "spec.trainer.args", "needs spec.trainer.command"),
    ({"trainer": {"env": [{"name": "1A"}]}}, "spec.trainer.env", "has the name '1A'"),
    ({"trainer": {"env": [{"value": "x"}]}}, "spec.trainer.env", "has the name ''"),
    ({"trainer": {"env": [{"name": "HUBTRAINING_DATA"}]}}, "spec.trainer.env", "are ours"),
    ({"trainer": {"env": [{"name": "A"}, {"name": "A"}]}}, "spec.trainer.env", "twice"),
    (
        {"trainer": {"env": [{"name": "A", "value": "", "valueFrom": {}}]}},
        "spec.trainer.env",
        "value and valueFrom for A",
    ),
    (
        {"trainer": {"resources": {"limits": {"nvidia.com/gpu": "one"}}}},
        "spec.trainer.resources.limits[nvidia.com/gpu]",
        "is 'one'",
    ),
    ({"trainer": {"resources": {"claims": {}}}}, "spec.trainer.resources.claims", "is not known"),
    ({"trainer": {"shmSize": "0"}}, "spec.trainer.shmSize", "is '0'; a positive quantity"),
    ({"trainer": {"shmSize": "1GB"}}, "spec.trainer.shmSize", "is '1GB'; a positive quantity"),
    ({"agent": {"resources": {"limits": {"cpu": -1}}}}, "spec.agent.resources.limits[cpu]", "is -1"),
    ({"agent": {"metricsSeconds": 0}}, "spec.agent.metricsSeconds", "is 0; from 1 to 86400"),
    ({"agent": {"checkpointSeconds": 86401}}, "spec.agent.checkpointSeconds", "is 86401"),
    ({"agent": {"heartbeatSeconds": -5}}, "spec.agent.heartbeatSeconds", "is -5"),
    ({"workspace": {"sizeLimit": "1Gi", "claimName": "c"}}, "spec.workspace", "must have at most one of"),
    ({"workspace": {"claimName": "c", "claimTemplate": CLAIM}}, "spec.workspace", "must have at most one of"),
    ({"workspace": {"claimTemplate": OURS}}, "spec.workspace.claimTemplate.metadata", "hubtraining.dev/x"),
    ({"workspace": {"claimTemplate": NO_MODE}}, "spec.workspace.claimTemplate.spec.accessModes", "is empty"),
    ({"workspace": {"claimTemplate": NO_SIZE}}, "spec.workspace.claimTemplate.spec.resources.requests", "how much"),
    ({"nodes": 2}, "spec.nodes", "needs spec.trainer.command"),
    ({"workspace": {"sizeLimit": "big"}}, "spec.workspace.sizeLimit", "is 'big'"),
    ({"progress": {"statusSeconds": 0}}, "spec.progress.statusSeconds", "is 0"),
    ({"progress": {"metrics": ["m"] * 33}}, "spec.progress.metrics", "names 33 metrics; at most 32"),
]


@pytest.mark.parametrize("stanzas", ALLOWED)
def test_it_is_allowed(stanzas: dict[str, Any]) -> None:
    assert parse(a_spec(**stanzas)).trainer.image


@pytest.mark.parametrize(("stanzas", "field", "words"), REFUSED)
def test_it_is_refused_with_its_field_and_what_is_allowed(stanzas: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse(a_spec(**stanzas))
    assert refused.value.field == field
    assert words in refused.value.message
    assert str(refused.value) == f"{field} {refused.value.message}"


def test_the_key_is_looked_for_before_anything_else() -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse(a_spec(model=f"{'a' * 42}_{'b' * 20}", modelFrom=FROM, workspace={"sizeLimit": "big"}))
    assert refused.value.field == "spec.model"


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse(a_spec(hub={"webURL": "https://me:hunter2@hub.example"}))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: str(rule.__name__))
def test_every_rule_can_refuse_something(rule: rules.Rule) -> None:
    def refuses(stanzas: dict[str, Any]) -> bool:
        try:
            rule(msgspec.convert(a_spec(**stanzas), SessionSpec))
        except InvalidSpec:
            return True
        return False

    candidates = [stanzas for stanzas, _, _ in REFUSED] + [{"template": {"spec": {"volumes": [{"name": "shm"}]}}}]
    assert any(refuses(stanzas) for stanzas in candidates)
