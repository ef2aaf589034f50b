"""Names and labels of what the chart makes."""

import pytest
from builders.chart import MONITOR_KINDS, NAMESPACE, Object, rendered

from chart.helm import ChartError

CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
RECOMMENDED = ("name", "instance", "component", "version", "part-of", "managed-by")


@pytest.mark.parametrize(
    ("release", "values", "prefix"),
    [
        ("hubtraining", {}, "hubtraining"),
        ("my-hubtraining", {}, "my-hubtraining"),
        ("vision", {}, "vision-hubtraining"),
        ("vision", {"nameOverride": "train"}, "vision-train"),
        ("vision", {"fullnameOverride": "exactly"}, "exactly"),
    ],
)
def test_names_begin_with_the_release(release: str, values: Object, prefix: str) -> None:
    made = rendered(values, release=release, kinds=MONITOR_KINDS)
    names = {item["metadata"]["name"] for item in made if item["kind"] != "CustomResourceDefinition"}
    assert {name for name in names if not name.startswith(f"{prefix}-")} == set()


def test_the_longest_release_name_still_gives_names_and_labels_that_fit() -> None:
    made = rendered(release="r" * 53, kinds=MONITOR_KINDS)
    assert max(len(item["metadata"]["name"]) for item in made) <= 63
    assert max(len(value) for item in made for value in item["metadata"]["labels"].values()) <= 63


def test_two_releases_share_nothing_but_the_definition() -> None:
    first, second = (
        {(item["kind"], item["metadata"]["name"]) for item in rendered(release=name, kinds=MONITOR_KINDS)}
        for name in ("blue", "green")
    )
    assert {kind for kind, _ in first & second} == {"CustomResourceDefinition"}


def test_everything_has_the_recommended_labels() -> None:
    for item in rendered(kinds=MONITOR_KINDS):
        assert {f"app.kubernetes.io/{name}" for name in RECOMMENDED} <= item["metadata"]["labels"].keys()


def test_everything_says_its_namespace() -> None:
    for item in rendered(kinds=MONITOR_KINDS):
        expected = None if item["kind"] in CLUSTER_WIDE else NAMESPACE
        assert item["metadata"].get("namespace") == expected


def test_your_labels_are_on_everything_and_on_every_pod() -> None:
    made = rendered({"commonLabels": {"team": "vision"}}, kinds=MONITOR_KINDS)
    assert {item["metadata"]["labels"]["team"] for item in made} == {"vision"}
    assert {w["spec"]["template"]["metadata"]["labels"]["team"] for w in made.workloads()} == {"vision"}


@pytest.mark.parametrize("kubernetes", ["1.29.0", "1.30.0", "1.31.0", "1.32.0", "1.33.0", "1.34.4", "1.35.0-rc.1"])
def test_it_renders_the_same_for_every_kubernetes_that_it_supports(kubernetes: str) -> None:
    assert rendered(kubernetes=kubernetes) == rendered()


def test_an_older_kubernetes_is_refused() -> None:
    with pytest.raises(ChartError, match=r"requires kubeVersion: >=1.29"):
        rendered(kubernetes="1.28.15")
