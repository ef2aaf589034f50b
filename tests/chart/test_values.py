"""Values: each is explained, has a default, is checked, and changes something."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from builders.chart import MONITOR_KINDS, Object, leaves, nested, rendered

from chart.files import CHART
from chart.helm import ChartError

SCHEMA: Object = json.loads((CHART / "values.schema.json").read_text())
TEXT = (CHART / "values.yaml").read_text()
VALUES: Object = yaml.safe_load(TEXT)

Path = tuple[str, ...]


def nodes(schema: Object, path: Path = ()) -> Iterator[tuple[Path, Object]]:
    """Every key that the schema lists, with its own schema."""
    for name, node in schema.get("properties", {}).items():
        yield (*path, name), node
        yield from nodes(node, (*path, name))


def comments() -> dict[Path, str]:
    """The comment above each key of values.yaml, its lines joined."""
    found: dict[Path, str] = {}
    path: Path = ()
    above: list[str] = []
    for line in TEXT.splitlines():
        if said := re.fullmatch(r" *# (.*)", line):
            above.append(said[1])
        elif key := re.match(r"( *)(\w+):", line):
            path = (*path[: len(key[1]) // 2], key[2])
            found |= {path: " ".join(above)} if above else {}
            above = []
        else:
            above = []
    return found


def at(path: Path) -> object:
    value: object = VALUES
    for name in path:
        assert isinstance(value, dict)
        value = value[name]
    return value


LISTED = dict(nodes(SCHEMA))
KEYS = {path: node for path, node in LISTED.items() if "default" in node and path != ("global",)}
GROUPS = {path: node for path, node in LISTED.items() if "default" not in node}


def test_the_schema_lists_the_keys_of_the_values_and_no_others() -> None:
    within = {path: next(key for key in KEYS if path[: len(key)] == key) for path, _ in leaves(VALUES)}
    assert set(within.values()) == set(KEYS)


@pytest.mark.parametrize("path", KEYS, ids=".".join)
def test_the_schema_repeats_default_and_explanation(path: Path) -> None:
    assert KEYS[path]["default"] == at(path)
    assert KEYS[path]["description"] == comments()[path]
    assert KEYS[path]["description"].endswith(".")


@pytest.mark.parametrize("path", [(), *GROUPS], ids=lambda path: ".".join(path) or "root")
def test_a_misspelt_key_is_refused_by_name(path: Path) -> None:
    with pytest.raises(ChartError, match="additional properties 'mispelt' not allowed"):
        rendered(nested((*path, "mispelt"), "x"))


@pytest.mark.parametrize("path", KEYS, ids=".".join)
def test_a_value_of_another_kind_is_refused(path: Path) -> None:
    with pytest.raises(ChartError, match=f"at '/{'/'.join(path)}'"):
        rendered(nested(path, 7.5))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("image.digest", "sha256:abc"),
        ("image.pullPolicy", "Sometimes"),
        ("log.level", "debug"),
        ("controller.workers", 0),
        ("controller.replicas", -1),
        ("controller.lease.seconds", 0),
        ("controller.topologySpreadConstraints", [{"topologyKey": "rack"}]),
        ("hub.webURL", "hub.example"),
        ("hub.publicURL", "https://hub.example/"),
        ("hub.persistence.size", "much"),
        ("hub.limits.rateLimit", "1/0"),
        ("hub.limits.rateLimit", 60),
        ("hub.persistence.accessModes", []),
        ("watchNamespaces", ["Team"]),
        ("watchNamespaces", ["a", "a"]),
        ("imagePullSecrets", ["pull"]),
        ("monitors.renderMode", "never"),
        ("networkPolicy.apiServerPorts", [0]),
        ("networkPolicy.hubFrom", [{}]),
        ("controller.resources", {"limit": {}}),
        ("commonLabels", {"app.kubernetes.io/name": "x"}),
        ("hub.podLabels", {"helm.sh/chart": "x"}),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(path: str, value: object) -> None:
    with pytest.raises(ChartError, match=f"at '/{path.replace('.', '/')}"):
        rendered(nested(path.split("."), value))


def test_two_default_hubs_are_one_too_many() -> None:
    with pytest.raises(ChartError, match="externalHub/url"):
        rendered({"externalHub": {"url": "https://api.hub.example"}})


def test_a_chart_of_charts_may_pass_its_globals() -> None:
    assert rendered({"global": {"anything": 1}}) == rendered()


OTHER: dict[str, object] = {
    "nameOverride": "other",
    "fullnameOverride": "other",
    "commonLabels": {"team": "vision"},
    "crds.enabled": False,
    "crds.keep": False,
    "image.repository": "r.example/x",
    "image.tag": "7",
    "image.digest": f"sha256:{'a' * 64}",
    "image.pullPolicy": "Always",
    "imagePullSecrets": [{"name": "pull"}],
    "watchNamespaces": ["team-a"],
    "rbac.create": False,
    "rbac.clusterWideSecrets": False,
    "rbac.aggregateUserRoles": False,
    "log.level": "DEBUG",
    "log.format": "plain",
    "podSecurityContext": {"runAsUser": 12_345},
    "securityContext": {"privileged": False},
    "controller.workers": 8,
    "controller.replicas": 3,
    "controller.lease.seconds": 20,
    "controller.lease.renewSeconds": 12,
    "controller.lease.retrySeconds": 3,
    "controller.podDisruptionBudget.enabled": False,
    "controller.topologySpreadConstraints": [
        {"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "networkPolicy.enabled": False,
    "networkPolicy.metricsFrom": [{"podSelector": {}}],
    "networkPolicy.hubFrom": [{"podSelector": {}}],
    "networkPolicy.apiServerPorts": [8443],
    "agent.resources": {"limits": {"memory": "1Gi"}},
    "hub.enabled": False,
    "hub.webURL": "https://hub.example",
    "hub.publicURL": "https://hub.example",
    "hub.persistence.enabled": False,
    "hub.persistence.size": "1Gi",
    "hub.persistence.storageClassName": "fast",
    "hub.persistence.accessModes": ["ReadWriteOncePod"],
    "hub.persistence.existingClaim": "mine",
    "hub.persistence.annotations": {"a": "b"},
    "hub.persistence.keep": False,
    "hub.limits.rateLimit": 0,
    **{
        f"hub.limits.{name}": 7
        for name in (
            "maxJsonBytes",
            "maxUploadBytes",
            "maxDatasetBytes",
            "minFreeBytes",
            "bodySeconds",
            "linkSeconds",
            "claimSeconds",
            "tokenCacheSeconds",
        )
    },
    "hub.service.type": "NodePort",
    "hub.service.annotations": {"a": "b"},
    "externalHub.url": "https://api.hub.example",
    "externalHub.webURL": "https://hub.example",
    "externalHub.existingSecret.name": "key",
    "externalHub.existingSecret.key": "other",
    "monitors.enabled": False,
    "monitors.renderMode": "alwaysRender",
    "monitors.labels": {"release": "prometheus"},
    "monitors.interval": "10s",
    "dashboard.enabled": False,
    "dashboard.labels": {"dashboards": "yes"},
    "dashboard.annotations": {"folder": "Training"},
    **{
        f"{component}.{key}": value
        for component in ("controller", "hub")
        for key, value in {
            "serviceAccount.create": False,
            "serviceAccount.name": "mine",
            "serviceAccount.annotations": {"a": "b"},
            "resources": {"limits": {"memory": "1Gi"}},
            "podAnnotations": {"a": "b"},
            "podLabels": {"a": "b"},
            "nodeSelector": {"a": "b"},
            "tolerations": [{"operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "priorityClassName": "high",
        }.items()
    },
}
"""Another allowed value for each key."""


def test_every_key_has_another_value_here() -> None:
    assert {tuple(name.split(".")) for name in OTHER} == set(KEYS)


@pytest.mark.parametrize("name", OTHER)
def test_every_value_changes_something(name: str) -> None:
    elsewhere = {
        "hub": {"enabled": False},
        "externalHub": {"url": "https://x.example", "existingSecret": {"name": "s"}},
    }
    base: Object = elsewhere if name.startswith("externalHub.") else {}
    changed = yaml.safe_load(yaml.safe_dump(base))  # a copy
    place = changed
    *folders, key = name.split(".")
    for folder in folders:
        place = place.setdefault(folder, {})
    place[key] = OTHER[name]
    kinds = () if name == "monitors.renderMode" else MONITOR_KINDS
    assert rendered(changed, kinds=kinds) != rendered(base, kinds=kinds)
