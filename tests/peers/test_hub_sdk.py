"""The vendor's own SDK, three generations of it, against our hub as a process: programs that we did not write."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from builders.hub import a_checkpoint, a_dataset
from builders.hub_process import a_hub_process, create_key
from support.peers import python_of

pytestmark = pytest.mark.peers

PROGRAM = Path(__file__).with_name("use_hub_sdk.py")
VERSIONS = ("0.0.8", "0.0.20", "0.0.25")


@dataclass(frozen=True)
class Run:
    """What one version saw, and the folder with what it sent and got."""

    folder: Path
    seen: dict[str, Any]


@pytest.fixture(scope="module", params=VERSIONS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("sdk")
    for name, content in (("last.pt", a_checkpoint()), ("best.pt", a_checkpoint()), ("signs.zip", a_dataset())):
        (folder / name).write_bytes(content)
    with a_hub_process(folder / "hub") as hub:
        environ = {
            "ULTRALYTICS_HUB_API": hub.url,
            "ULTRALYTICS_HUB_WEB": hub.url,
            "HUB_API_KEY": create_key(hub.folder),
        }
        command = [str(python_of(f"hub-sdk-{request.param}")), str(PROGRAM), str(folder)]
        done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr.decode()
        yield Run(folder, json.loads((folder / "seen.json").read_text()))


def test_a_key_is_known_and_a_strangers_is_not(run: Run) -> None:
    assert run.seen["authentication"] == {"environment": True, "argument": True, "stranger": False}


def test_a_created_model_is_read_back(run: Run) -> None:
    created = run.seen["creation"]
    assert len(created["id"]) == 20
    assert created["data"]["id"] == created["id"]
    assert created["data"]["status"] == "new"
    assert created["data"]["config"] == {
        "batchSize": -1, "epochs": 5, "imageSize": 640, "patience": 5, "device": "name", "cache": "ram",
    }  # fmt: skip
    assert (created["architecture"], created["dataset"]) == ("yolov8n.yaml", "coco8.yaml")
    assert {"dataset", "project"} <= created["data"].keys()
    assert not any(created[flag] for flag in ("resumable", "best", "trained", "custom", "pretrained"))


def test_metrics_come_back_and_the_last_values_win(run: Run) -> None:
    assert run.seen["metrics"]["codes"] == [200, 200]
    assert run.seen["metrics"]["read"] == [
        {"meta": {"name": "train/box_loss"}, "data": {"0": 1.5, "1": 0.5}},
        {"meta": {"name": "val/box_loss"}, "data": {"0": None}},
    ]


def test_heartbeats_are_given_one_agent(run: Run) -> None:
    first, second = run.seen["heartbeats"]["agents"]
    assert first == second
    assert len(first) == 20


def test_checkpoints_are_taken_and_downloaded_with_the_same_bytes(run: Run) -> None:
    seen, model = run.seen["checkpoints"], run.seen["creation"]["id"]
    assert seen["codes"] == [200, 200]
    assert seen["names"] == [f"{model}-epoch-3.pt", f"{model}-best.pt"]
    for name in ("last.pt", "best.pt"):
        assert (run.folder / f"got-{name}").read_bytes() == (run.folder / name).read_bytes()
    assert (seen["resumable"]["resumable"], seen["resumable"]["trained"]) == (True, False)
    assert (seen["trained"]["best"], seen["trained"]["trained"]) == (True, True)


def test_models_are_listed_page_by_page(run: Run) -> None:
    seen = run.seen["lists"]
    assert [len(page) for page in seen["pages"]] == [2, 2, 2]
    assert len({model for page in seen["pages"] for model in page}) == 6
    assert seen["pages"][2][1] == run.seen["creation"]["id"]
    assert seen["back"] == seen["pages"][1]
    assert seen["public"] == []


def test_models_are_changed_and_deleted(run: Run) -> None:
    seen = run.seen["changes"]
    assert (seen["updated"], seen["deleted"]) == (200, [200, 200])
    assert seen["meta"]["name"] == "renamed"
    assert seen["gone"] == [{}, {}]


def test_data_sets_and_projects_are_kept(run: Run) -> None:
    seen = run.seen["datasets"]
    assert (seen["before"], seen["code"], seen["name"]) == (None, 200, "signs.zip")
    assert (run.folder / "got-signs.zip").read_bytes() == (run.folder / "signs.zip").read_bytes()
    assert seen["listed"] == [[item] for item in seen["ids"]]
    assert seen["deleted"] == [200, 200]
