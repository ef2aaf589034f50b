"""The main job: real training in a real pod, ending as a trained model in the hub."""

import math

import pytest
from support.results import results, sha256
from support.site import CLAIM, Body, Site, until

from demo import session

pytestmark = pytest.mark.e2e

NAME = "main"
EPOCHS = 12
KEPT = [
    {"name": "KEEP_EPOCHS_DIR", "value": "/workspace/kept"},
    {"name": "EPOCH_SECONDS", "value": "1"},  # a file that is written anew three times a second is not copied whole
    session.TELLING,
]


@pytest.fixture(scope="module")
def trained(site: Site) -> Body:
    """The status of the example, trained to its end, with a copy of each epoch's last.pt kept by the trainer."""
    body = site.session(NAME, trainer={"env": KEPT})
    body["spec"]["workspace"] = {"claimName": CLAIM}
    site.apply(body)
    return site.finished(NAME)


def test_the_session_succeeds(trained: Body) -> None:
    conditions = {c["type"]: c["status"] for c in trained["conditions"]}
    assert trained["phase"] == "Succeeded"
    assert conditions["Succeeded"] == "True"
    assert conditions["CheckpointSafe"] == "True"
    assert trained["attempts"][0]["exitCode"] == 0


def test_every_epochs_metrics_in_the_hub_are_those_of_results_csv(site: Site, trained: Body) -> None:
    own = results(site.workspace(NAME) / "run" / "results.csv")
    hub = site.hub_metrics(NAME)
    assert sorted(hub) == sorted(own) == list(range(1, EPOCHS + 1))
    for epoch, row in own.items():
        metrics = {name: value for name, value in row.items() if name.startswith(("train/", "val/", "metrics/"))}
        assert metrics
        for name, value in metrics.items():
            got = hub[epoch][name]
            assert got is None if not math.isfinite(value) else got == pytest.approx(value), (epoch, name)


def test_the_final_checkpoint_is_the_trainers_best_on_disk(site: Site, trained: Body) -> None:
    best = sha256(site.workspace(NAME) / "run" / "weights" / "best.pt")
    finals = [item for item in site.uploads(NAME) if item["type"] == "final"]
    assert [item["sha256"] for item in finals] == [best]
    assert trained["checkpoints"]["final"]["sha256"] == best
    assert site.hub.get(f"/v1/models/{site.model(NAME)}")["status"] == "trained"


def test_an_upload_before_the_end_is_what_the_trainer_saved_at_that_epoch(site: Site, trained: Body) -> None:
    kept = {sha256(path) for path in (site.workspace(NAME) / "kept").glob("epoch-*.pt")}
    early = [item["sha256"] for item in site.uploads(NAME) if item["type"] == "epoch"]
    assert len(kept) == EPOCHS
    assert early
    assert set(early) <= kept


def test_status_and_prometheus_show_the_same_numbers(site: Site, trained: Body) -> None:
    own = results(site.workspace(NAME) / "run" / "results.csv")[EPOCHS]
    samples = site.scrape_leader()
    labels = f'namespace="e2e",session="{NAME}"'
    assert trained["progress"]["epoch"] == EPOCHS
    assert samples[f"hubtraining_session_epoch{{{labels}}}"] == EPOCHS
    assert trained["metrics"]
    for metric in trained["metrics"]:
        name = metric["name"]
        sample = next(
            v
            for k, v in samples.items()
            if k.startswith("hubtraining_session_metric{")
            and all(part in k for part in (f'name="{name}"', f'session="{NAME}"'))
        )
        assert sample == pytest.approx(own[name])
        assert float(metric["value"]) == pytest.approx(own[name], rel=1e-4)


def test_nothing_of_kopfs_is_on_the_session(site: Site, trained: Body) -> None:
    metadata = site.get("hubtrainingsession", NAME)["metadata"]
    assert "finalizers" not in metadata
    assert [name for name in metadata.get("annotations", {}) if "kopf" in name] == []


def test_kubectl_tells_the_story_without_logs(site: Site, trained: Body) -> None:
    table = site.kubectl("get", "hts", NAME)
    story = until("the event Succeeded", lambda: "Succeeded" in (t := site.kubectl("describe", "hts", NAME)) and t, 30)
    assert "Succeeded" in table
    for reason in ("ModelCreated", "AttemptStarted", "TrainingStarted", "CheckpointUploaded", "Succeeded"):
        assert reason in story


def test_a_finished_session_deleted_takes_its_pod_along(site: Site, trained: Body) -> None:
    site.apply(site.session("gone", train={"args": {**site.session("x")["spec"]["train"]["args"], "epochs": 50}}))
    until("the pod", lambda: "gone-1-0" in site.kubectl("get", "pods", "-o", "name"))
    site.scale("deployment/hubtraining-controller", 0)
    try:
        site.kubectl("delete", "hts", "gone", "--wait")
        until("no pod", lambda: "gone-1-0" not in site.kubectl("get", "pods", "-o", "name"), 90)
    finally:
        site.scale("deployment/hubtraining-controller", 2)
