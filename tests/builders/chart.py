"""The chart, rendered: what tests look at."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from chart.helm import template

Object = dict[str, Any]

RELEASE = "hubtraining"
NAMESPACE = "hubtraining-system"
MONITOR_KINDS = ("monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PodMonitor")

ELSEWHERE: Object = {
    "hub": {"enabled": False},
    "externalHub": {"url": "https://api.hub.example", "existingSecret": {"name": "hub-key"}},
}
"""Values of a release whose default hub is somebody else's."""

SCOPED: Object = {"watchNamespaces": ["team-a", "team-b"]}
"""Values of a release that has rights in two namespaces only."""


class Rendered(tuple[Object, ...]):
    """The objects of one release."""

    __slots__ = ()

    def of_kind(self, *kinds: str) -> list[Object]:
        return [item for item in self if item["kind"] in kinds]

    def one(self, kind: str, name: str) -> Object:
        (found,) = [item for item in self.of_kind(kind) if item["metadata"]["name"] == name]
        return found

    def has(self, kind: str, name: str) -> bool:
        return any(item["metadata"]["name"] == name for item in self.of_kind(kind))

    def workloads(self) -> list[Object]:
        return self.of_kind("Deployment", "StatefulSet")

    def pod(self, component: str) -> Object:
        """The pod spec of a component."""
        (found,) = [w for w in self.workloads() if w["metadata"]["labels"]["app.kubernetes.io/component"] == component]
        spec: Object = found["spec"]["template"]["spec"]
        return spec

    def env(self, component: str) -> dict[str, Object]:
        """Variables of a component's container, by name."""
        return {item["name"]: item for item in self.pod(component)["containers"][0]["env"]}


def rendered(
    values: Mapping[str, Any] | None = None,
    *,
    release: str = RELEASE,
    kubernetes: str = "1.34.4",
    kinds: Sequence[str] = (),
) -> Rendered:
    """The release with these values; ``kinds`` are known to the cluster."""
    return _rendered(json.dumps(values or {}), release, kubernetes, tuple(kinds))


@cache
def _rendered(values: str, release: str, kubernetes: str, kinds: tuple[str, ...]) -> Rendered:
    text = template(release, NAMESPACE, json.loads(values), kubernetes=kubernetes, kinds=kinds)
    return Rendered(item for item in yaml.load_all(text, Loader=yaml.CSafeLoader) if item)


def leaves(values: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Path and value of everything in nested mappings that is not a mapping with keys itself."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*prefix, name))
        else:
            yield (*prefix, name), value


def nested(path: Sequence[str], value: Any) -> Object:
    """Values in which only this key is set."""
    for name in reversed(path):
        value = {name: value}
    result: Object = value
    return result
