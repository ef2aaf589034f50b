"""Specs that cannot be used: by the schema, by a rule of the CRD, by the controller, or because of their pod."""

from dataclasses import dataclass
from typing import Any

from builders.specs import LONG, SPEC, Body
from hypothesis import strategies as st
from support.crd import Schema, fields
from support.rule_cases import CASES


@dataclass(frozen=True)
class Bad:
    """Stanzas that take the place of a good spec's."""

    what: str
    stanzas: Body
    reason: str = ""
    """That ``Accepted`` gives; empty where the API server does not take the spec."""

    def of(self, spec: Body) -> Body:
        """The spec with them."""
        changed = {**spec, **self.stanzas}
        return {name: value for name, value in changed.items() if value is not None}


def _wrong(node: Schema) -> list[Any]:
    """What a schema refuses."""
    if "enum" in node:
        return ["Sometimes", 7]
    limits = [node[limit] + step for limit, step in (("minimum", -1), ("maximum", 1)) if limit in node]
    too_long = ["x" * (node["maxLength"] + 1)] if node.get("maxLength", 9999) < 9999 else []
    wrong = {"integer": [*limits, "many", 1.5], "boolean": ["yes", 1], "string": [7, *too_long], "array": ["x", {}]}
    return wrong.get(node.get("type", ""), [["x"]])


def _by_schema() -> list[Bad]:
    """One for each way in which a field that is in no list can be against the schema."""
    found = []
    for path, node in fields(SPEC):
        if "[]" in path or "{}" in path or node.get("x-kubernetes-preserve-unknown-fields"):
            continue
        found += [Bad(f"{path} is {str(value)[:20]!r}", _nested(path, value)) for value in _wrong(node)]
        if "properties" in node:
            found.append(Bad(f"{path} has an unknown field", _nested(f"{path}.unknown", 1)))
    return found


def _nested(path: str, value: Any) -> Body:
    for name in reversed(path.split(".")):
        value = {name: value}
    return dict(value)


def _by_rule() -> list[Bad]:
    """What the CRD's rules refuse."""
    return [
        Bad(f"rule {place}", {name: attempt.spec.get(name) for name in attempt.after})
        for place, case in CASES.items()
        for attempt, _ in case.refused
        if place != "#0"
    ]


def _pod(**fields: Any) -> Body:
    return {"template": {"spec": fields}}


def _trainer(**fields: Any) -> Body:
    return {"trainer": {"image": "registry.example/trainer:1", "command": ["sh"], **fields}}


def _by_controller() -> list[Bad]:
    """What the schema leaves open and the controller cannot use."""
    arguments: list[Body] = [
        *({name: "x"} for name in ("project", "name", "save_dir", "resume", "mode", "model")),
        {"Epochs": 3},
        {"lr-0": 1},
        {"epochs": {"many": 3}},
        {"classes": [[1]]},
        {"optimizer": "a\nb"},
    ]
    stanzas = [{"train": {"args": {"data": "signs.yaml", **args}}} for args in arguments]
    claim = {"persistentVolumeClaim": {"claimName": "data"}}
    stanzas.append(_pod(volumes=[{"name": "a", **claim}, {"name": "b", **claim}]))
    return [Bad(f"{stanza}", stanza, "InvalidSpec") for stanza in stanzas]


def _by_pod() -> list[Bad]:
    """What only the API server's look at the pod finds."""
    unknown = {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}
    too_much = {"limits": {"memory": "1Gi"}, "requests": {"memory": "2Gi"}}
    stanzas: list[Body] = [
        _pod(serviceAccountName="nobody"),
        _pod(priorityClassName="nobody"),
        _pod(runtimeClassName="nobody"),
        _pod(nodeSelector={"a b": "c"}),
        _pod(nodeSelector={"a": "not a label"}),
        _pod(hostAliases=[{"ip": "somewhere"}]),
        _pod(dnsPolicy="None"),
        _pod(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
        _pod(tolerations=[{"operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 5}]),
        _pod(volumes=[{"name": "Data", "emptyDir": {}}]),
        _pod(securityContext={"runAsUser": LONG + 1}),
        _pod(securityContext={"seccompProfile": {"type": "Localhost"}}),
        _pod(topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "", "whenUnsatisfiable": "DoNotSchedule"}]),
        {"template": {"metadata": {"labels": {"a": "not a label"}}}},
        {"template": {"metadata": {"annotations": {"a b": "c"}}}},
        _trainer(image=" "),
        _trainer(resources=too_much),
        _trainer(resources={"limits": {"nvidia.com/gpu": "500m"}}),
        _trainer(envFrom=[{"configMapRef": {"name": "A B"}}]),
        _trainer(env=[unknown]),
    ]
    return [Bad(f"{stanza}", stanza, "PodRefused") for stanza in stanzas]


BY_SCHEMA, BY_RULE, BY_CONTROLLER, BY_POD = _by_schema(), _by_rule(), _by_controller(), _by_pod()
refused = st.sampled_from(BY_SCHEMA) | st.sampled_from(BY_RULE)
unusable = st.sampled_from(BY_CONTROLLER) | st.sampled_from(BY_POD)
