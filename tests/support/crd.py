"""The CRD as the tests walk it: every field with its path, every rule with its place."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).resolve().parents[2] / "crds" / "hubtrainingsessions.yaml"
Schema = dict[str, Any]


def definition() -> Schema:
    return dict(yaml.safe_load(FILE.read_text()))


def version() -> Schema:
    """The one version that is served."""
    (served,) = definition()["spec"]["versions"]
    return dict(served)


def schema() -> Schema:
    return dict(version()["schema"]["openAPIV3Schema"])


def fields(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every named field beneath a schema, such as ``spec.trainer.env[].name``."""
    for name, field in node.get("properties", {}).items():
        inner = f"{path}.{name}" if path else name
        yield inner, field
        yield from fields(field, inner)
    for part, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(node.get(part), dict):
            yield from fields(node[part], path + mark)


def schemas(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema, items and values included."""
    yield path, node
    for name, field in node.get("properties", {}).items():
        yield from schemas(field, f"{path}.{name}" if path else name)
    for part, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(node.get(part), dict):
            yield from schemas(node[part], path + mark)


def rules(root: Schema | None = None) -> dict[str, Schema]:
    """Every CEL rule by its place, such as ``spec.trainer.env[]#1``; of another schema than our file's, if given."""
    return {
        f"{path}#{index}": rule
        for path, node in schemas(schema() if root is None else root)
        for index, rule in enumerate(node.get("x-kubernetes-validations", ()))
    }


LIMITS = {"int32": 2**31, "int64": 2**63}
LONGEST_TEXT = 2048
"""Of one field of the status: what comes from outside must not fill the object."""


def faults(node: Schema, value: Any, path: str = "status") -> Iterator[str]:
    """What the API server would find wrong with a value: types, ranges, unknown fields, keys that are there twice."""
    match node["type"]:
        case "object":
            for name, part in value.items():
                known = node["properties"].get(name)
                yield from faults(known, part, f"{path}.{name}") if known else [f"{path}.{name} is not known"]
            yield from (f"{path}.{name} is missing" for name in node.get("required", ()) if name not in value)
        case "array":
            keys = [tuple(part[key] for key in node.get("x-kubernetes-list-map-keys", ())) for part in value]
            yield from [f"{path} has a key twice"] if len(set(keys)) < len(keys) and any(keys) else []
            for index, part in enumerate(value):
                yield from faults(node["items"], part, f"{path}[{index}]")
        case "integer":
            limit = LIMITS[node["format"]]
            yield from [] if type(value) is int and -limit <= value < limit else [f"{path} is {value!r}"]
        case "string":
            yield from [] if isinstance(value, str) and len(value) <= LONGEST_TEXT else [f"{path} is {value!r:.50}"]
        case "boolean":
            yield from [] if isinstance(value, bool) else [f"{path} is {value!r}"]
