"""What the chart says of itself, and what helm says of it."""

import subprocess

import yaml

from chart.copies import CRD
from chart.files import CHART, ROOT
from chart.helm import helm

METADATA = yaml.safe_load((CHART / "Chart.yaml").read_text())
ANNOTATIONS = METADATA["annotations"]
LEVELS = ("Basic Install", "Seamless Upgrades", "Full Lifecycle", "Deep Insights", "Auto Pilot")


def test_helm_finds_nothing_to_complain_about() -> None:
    command = [helm(), "lint", "--strict", "--kube-version", "1.34.4", str(CHART)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


def test_the_oldest_kubernetes_is_the_first_with_native_sidecars() -> None:
    assert METADATA["kubeVersion"] == ">=1.29.0-0"


def test_the_definition_is_announced_under_its_own_names() -> None:
    crd = yaml.load(CRD.read_text(), Loader=yaml.CSafeLoader)
    (said,) = yaml.safe_load(ANNOTATIONS["artifacthub.io/crds"])
    assert (said["kind"], said["name"]) == (crd["spec"]["names"]["kind"], crd["metadata"]["name"])
    assert said["version"] in {version["name"] for version in crd["spec"]["versions"]}


def test_the_example_is_the_one_in_the_examples() -> None:
    example = yaml.safe_load((ROOT / "examples" / "session-gpu.yaml").read_text())
    assert yaml.safe_load(ANNOTATIONS["artifacthub.io/crdsExamples"]) == [example]


def test_the_operator_claims_a_level_that_exists() -> None:
    assert ANNOTATIONS["artifacthub.io/operator"] == "true"
    assert ANNOTATIONS["artifacthub.io/operatorCapabilities"] in LEVELS
