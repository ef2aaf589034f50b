"""The definition of the resource, as the chart brings it."""

from typing import Any

import yaml
from builders.chart import rendered

from chart.copies import CRD
from chart.files import CHART
from hubtraining.domain.names import GROUP, PLURAL

NAME = f"{PLURAL}.{GROUP}"


def original() -> dict[str, Any]:
    body: dict[str, Any] = yaml.load(CRD.read_text(), Loader=yaml.CSafeLoader)
    return body


def test_the_charts_copy_is_the_definition() -> None:
    assert (CHART / "files" / "hubtrainingsessions.yaml").read_bytes() == CRD.read_bytes()


def test_what_is_installed_is_the_definition() -> None:
    crd = rendered().one("CustomResourceDefinition", NAME)
    assert crd["spec"] == original()["spec"]
    assert crd["apiVersion"] == original()["apiVersion"]


def test_it_stays_when_the_release_goes_unless_you_say_otherwise() -> None:
    crd = rendered().one("CustomResourceDefinition", NAME)
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    gone = rendered({"crds": {"keep": False}}).one("CustomResourceDefinition", NAME)
    assert "helm.sh/resource-policy" not in gone["metadata"].get("annotations", {})


def test_it_can_come_from_elsewhere() -> None:
    assert rendered({"crds": {"enabled": False}}).of_kind("CustomResourceDefinition") == []


def test_helm_upgrades_it_because_it_is_a_template() -> None:
    assert not (CHART / "crds").exists()
