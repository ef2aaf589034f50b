"""``deploy/`` is the chart, rendered, without what only Helm reads."""

from pathlib import Path

import yaml
from builders.chart import NAMESPACE, Object, rendered

import hubtraining
from chart import deploy
from chart.files import stale

FOLDER = deploy.FOLDER


def documents(path: Path) -> list[Object]:
    return [item for item in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader) if item]


def resources(folder: Path) -> list[Object]:
    """What a kustomization brings, its folders included."""
    (kustomization,) = documents(folder / "kustomization.yaml")
    paths = [folder / name for name in kustomization["resources"]]
    return [item for path in paths for item in (resources(path) if path.is_dir() else documents(path))]


def identity(item: Object) -> tuple[str, str, str]:
    return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]


def without_helm(item: Object) -> Object:
    metadata = item["metadata"]
    own = {"helm.sh/chart": f"hubtraining-{hubtraining.__version__}", "app.kubernetes.io/managed-by": "Helm"}
    labels = {name: value for name, value in metadata["labels"].items() if own.get(name) != value}
    return {**item, "metadata": {**metadata, "labels": labels}}


def test_rendering_again_changes_nothing() -> None:
    assert stale(deploy.files(), (FOLDER,)) == []


def test_it_is_what_helm_would_install() -> None:
    values = {"crds": {"keep": False}, "hub": {"persistence": {"keep": False}}}
    expected = {identity(item): without_helm(item) for item in rendered(values)}
    found = {identity(item): item for item in resources(FOLDER)}
    assert found.pop(("Namespace", "", NAMESPACE))
    assert found == expected


def test_nothing_speaks_of_helm() -> None:
    assert [path.name for path in FOLDER.rglob("*.yaml") if "helm" in path.read_text().lower()] == []


def test_the_namespace_holds_its_pods_to_the_strictest_standard() -> None:
    (namespace,) = documents(FOLDER / "namespace.yaml")
    prefix = "pod-security.kubernetes.io/"
    assert namespace["metadata"]["labels"] == dict.fromkeys(
        [f"{prefix}enforce", f"{prefix}audit", f"{prefix}warn"], "restricted"
    )


def test_deleting_the_operator_loses_neither_sessions_nor_models_nor_the_namespace() -> None:
    kinds = {item["kind"] for item in resources(FOLDER / "operator")}
    assert not kinds & {"Namespace", "CustomResourceDefinition", "PersistentVolumeClaim"}


def test_monitors_are_for_those_who_have_their_kinds() -> None:
    assert {item["kind"] for item in resources(FOLDER / "monitors")} == {"ServiceMonitor", "PodMonitor"}
    assert not {"ServiceMonitor", "PodMonitor"} & {item["kind"] for item in resources(FOLDER)}


def test_every_file_is_listed_somewhere() -> None:
    folders = [path.parent for path in FOLDER.rglob("kustomization.yaml")]
    listed = {folder / name for folder in folders for name in documents(folder / "kustomization.yaml")[0]["resources"]}
    files = {path for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml"}
    assert files <= listed


def test_the_image_is_named_in_one_place() -> None:
    (kustomization,) = documents(FOLDER / "kustomization.yaml")
    (image,) = kustomization["images"]
    used = {
        container["image"]
        for item in resources(FOLDER)
        if item["kind"] in ("Deployment", "StatefulSet")
        for container in item["spec"]["template"]["spec"]["containers"]
    }
    assert used == {f"{image['name']}:{image['newTag']}"}
