"""Manifests for ``kubectl apply -k deploy``, made from the chart."""

import re
from collections.abc import Iterator
from pathlib import Path

from chart.files import ROOT, Files
from chart.helm import template

FOLDER = ROOT / "deploy"
RELEASE = "hubtraining"
NAMESPACE = "hubtraining-system"
HEADER = "# Made from charts/hubtraining by hack/chart/render.\n"

VALUES = {
    "crds": {"keep": False},  # an annotation that only Helm reads; here the folders keep
    "hub": {"persistence": {"keep": False}},
    "monitors": {"renderMode": "alwaysRender"},
}

PLACES = {"crd": ".", "hub-claim": ".", "monitors": "monitors"}
"""Where each template goes; all others go to the operator's folder, which can be deleted without losing data."""

HELMS_OWN = re.compile(r"^ *(helm\.sh/chart: .*|app\.kubernetes\.io/managed-by: Helm)\n", re.MULTILINE)

NAMESPACE_YAML = f"""{HEADER}apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/audit: restricted
    pod-security.kubernetes.io/warn: restricted
"""

IMAGE_YAML = """# Your registry: put it here as `newName`, and the tag or a `digest` with it.
images:
  - name: {repository}
    newTag: "{tag}"
# The image of agents is the controller's own.
replacements:
  - source:
      kind: Deployment
      name: {release}-controller
      fieldPath: spec.template.spec.containers.[name=controller].image
    targets:
      - select:
          kind: Deployment
          name: {release}-controller
        fieldPaths:
          - spec.template.spec.containers.[name=controller].env.[name=^HUBTRAINING_IMAGE$].value
"""


def files() -> Files:
    """Every file of ``deploy/``, by its path."""
    rendered = template(RELEASE, NAMESPACE, VALUES)
    documents = {FOLDER / place / name: HEADER + text for place, name, text in parts(rendered)}
    folders = {path.parent for path in documents} - {FOLDER}
    lists = {folder / "kustomization.yaml": kustomization(inside(documents, folder)) for folder in folders}
    root = kustomization(["namespace.yaml", *inside(documents, FOLDER), "operator"]) + image(rendered)
    return {**documents, **lists, FOLDER / "namespace.yaml": NAMESPACE_YAML, FOLDER / "kustomization.yaml": root}


def parts(rendered: str) -> Iterator[tuple[str, str, str]]:
    """Folder, file name and text of each template's documents."""
    sources: dict[str, list[str]] = {}
    for document in re.split(r"^---\n", rendered, flags=re.MULTILINE):
        head, _, body = document.partition("\n")
        if found := re.fullmatch(r"# Source: .*/templates/(.+)\.yaml", head):
            sources.setdefault(found[1], []).append(HELMS_OWN.sub("", body).strip() + "\n")
    for name, documents in sources.items():
        yield PLACES.get(name, "operator"), f"{name}.yaml", "---\n".join(documents)


def inside(documents: Files, folder: Path) -> list[str]:
    """Names of the documents that lie in a folder."""
    return sorted(path.name for path in documents if path.parent == folder)


def kustomization(resources: list[str]) -> str:
    """A kustomization of these resources."""
    head = f"{HEADER}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
    return head + "".join(f"  - {name}\n" for name in resources)


def image(rendered: str) -> str:
    """The stanza by which the image is chosen."""
    found = re.search(r"^ *image: \"(.+):(.+)\"$", rendered, re.MULTILINE)
    if found is None:
        raise ValueError("the chart renders no image of the form repository:tag")
    return IMAGE_YAML.format(repository=found[1], tag=found[2], release=RELEASE)
