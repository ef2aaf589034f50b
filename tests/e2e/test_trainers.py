"""A trainer that is not Ultralytics: the example in PyTorch, with the files that any trainer may write."""

import hashlib
import json

import pytest
import yaml
from support.site import CLAIM, ROOT, Body, Site

pytestmark = pytest.mark.e2e

EXAMPLE = ROOT / "examples" / "pytorch"
NAME = "regression"


@pytest.fixture(scope="module")
def trained(site: Site) -> Body:
    """The status of the example, trained to its end in the tests' own image."""
    code = {"train.py": (EXAMPLE / "train.py").read_text()}
    site.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "pytorch-example", "namespace": "e2e"},
            "data": code,
        }
    )
    body: Body = yaml.safe_load((EXAMPLE / "session.yaml").read_text())
    body["metadata"]["namespace"] = "e2e"
    body["spec"]["trainer"]["image"] = site.trainer_image
    body["spec"]["workspace"] = {"claimName": CLAIM}
    site.apply(body)
    return site.finished(NAME)


def test_it_succeeds_with_every_epoch_that_it_wrote(site: Site, trained: Body) -> None:
    assert trained["phase"] == "Succeeded"
    lines = (site.workspace(NAME) / "run" / "metrics.jsonl").read_text().splitlines()
    own = {line["epoch"]: line["train/loss"] for line in map(json.loads, lines)}
    assert sorted(own) == list(range(1, 21))
    assert {epoch: row["train/loss"] for epoch, row in site.hub_metrics(NAME).items()} == pytest.approx(own)
    assert (trained["progress"]["epoch"], trained["progress"]["epochs"]) == (20, 20)


def test_its_last_checkpoint_is_the_final_model(site: Site, trained: Body) -> None:
    last = hashlib.sha256((site.workspace(NAME) / "run" / "checkpoints" / "last.pt").read_bytes()).hexdigest()
    assert [item["sha256"] for item in site.uploads(NAME) if item["type"] == "final"] == [last]
