"""Runs in the peer's environment: does with the real hub-sdk what a user of it does, and prints what it saw as JSON.

Start it as ``use_hub_sdk.py FOLDER`` with ULTRALYTICS_HUB_API and HUB_API_KEY set. FOLDER holds last.pt, best.pt and
signs.zip.
"""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from hub_sdk import HUBClient  # type: ignore[import-not-found,unused-ignore]

CREATION = {
    "meta": {"name": "sdk model"},
    "projectId": None,
    "datasetId": None,
    "config": {
        "batchSize": "-1",
        "cache": "ram",
        "device": "name",
        "epochs": "5",
        "imageSize": "640",
        "patience": "5",
    },
    "dataset": {"name": "coco8.yaml"},
    "lineage": {"architecture": {"name": "yolov8n"}, "parent": {}},
}


def authentication() -> dict[str, Any]:
    """By the environment, by argument, and with a key that nobody has."""
    return {
        "environment": HUBClient().authenticated,
        "argument": HUBClient({"api_key": os.environ["HUB_API_KEY"]}).authenticated,
        "stranger": HUBClient({"api_key": "x" * 42}).authenticated,
    }


def creation(client: Any) -> tuple[Any, dict[str, Any]]:
    """A model, and what the client knows of it afterwards."""
    model = client.model()
    model.create_model(CREATION)
    return model, {"id": model.id, **state(model)}


def state(model: Any) -> dict[str, Any]:
    """What the client's own questions answer."""
    return {
        "data": model.data,
        "resumable": model.is_resumable(),
        "best": model.has_best_weights(),
        "pretrained": model.is_pretrained(),
        "trained": model.is_trained(),
        "custom": model.is_custom(),
        "architecture": model.get_architecture(),
        "dataset": model.get_dataset_url(),
    }


def metrics(model: Any) -> dict[str, Any]:
    """Two epochs, one of them twice, and what comes back."""
    first = {0: json.dumps({"train/box_loss": 1.5, "val/box_loss": float("nan")}), 1: json.dumps({"train/box_loss": 9})}
    answers = [model.upload_metrics(first), model.upload_metrics({1: json.dumps({"train/box_loss": 0.5})})]
    return {"codes": [answer.status_code for answer in answers], "read": model.get_metrics()}


def heartbeats(model: Any) -> dict[str, Any]:
    """Beats until the hub has been heard twice."""
    seen = []
    model.start_heartbeat(1)
    deadline = time.monotonic() + 60
    while len(seen) < 2 and time.monotonic() < deadline:
        time.sleep(1)
        if model.hub_client.agent_id:
            seen.append(model.hub_client.agent_id)
    model.stop_heartbeat()
    return {"agents": seen}


def checkpoints(client: Any, model: Any, folder: Path) -> dict[str, Any]:
    """The last one, then the final one; after each, what another client sees and can download."""
    last = model.upload_model(epoch=3, weights=str(folder / "last.pt"), is_best=True)
    last.content  # noqa: B018 - a streamed answer must be read
    resumable = client.model(model.id)
    resume = download(resumable.get_weights_url("last"), folder / "got-last.pt")
    final = model.upload_model(epoch=4, weights=str(folder / "best.pt"), map=0.625, final=True)
    final.content  # noqa: B018
    trained = client.model(model.id)
    best = download(trained.get_weights_url("best"), folder / "got-best.pt")
    return {
        "codes": [last.status_code, final.status_code],
        "resumable": state(resumable),
        "trained": state(trained),
        "names": [resume, best],
    }


def download(link: str, target: Path) -> str:
    """Bring a link's file; returns its name there. No header is sent: the link is enough."""
    with urllib.request.urlopen(link) as answer:
        target.write_bytes(answer.read())
    return link.rpartition("/")[2]


def lists(client: Any) -> dict[str, Any]:
    """Six models, in pages of two (0.0.8 rounds the number of pages down), forwards and back."""
    for number in range(5):
        client.model().create_model({**CREATION, "meta": {"name": f"listed {number}"}})
    listed = client.model_list(page_size=2)
    pages = [ids(listed)]
    while listed.current_page < listed.total_pages - 1:
        listed.next()
        pages.append(ids(listed))
    listed.previous()
    return {"pages": pages, "back": ids(listed), "public": ids(client.model_list(page_size=2, public=True))}


def ids(listed: Any) -> list[str]:
    """Of one page."""
    return [one["id"] for one in listed.results]


def changes(client: Any, model: Any) -> dict[str, Any]:
    """Another name; then the model is hidden, another one gone for good."""
    updated = model.update({"meta": {"name": "renamed"}})
    renamed = client.model(model.id).data["meta"]
    doomed = client.model()
    doomed.create_model(CREATION)
    deleted = [model.delete(), doomed.delete(hard=True)]
    gone = [client.model(one.id).data for one in (model, doomed)]
    return {"updated": updated.status_code, "meta": renamed, "deleted": [d.status_code for d in deleted], "gone": gone}


def datasets(client: Any, folder: Path) -> dict[str, Any]:
    """A data set with its zip, and a project."""
    dataset = client.dataset()
    dataset.create_dataset({"meta": {"name": "signs"}})
    before = dataset.get_download_link()
    uploaded = dataset.upload_dataset(file=str(folder / "signs.zip"))
    uploaded.content  # noqa: B018
    read = client.dataset(dataset.id)
    name = download(read.get_download_link(), folder / "got-signs.zip")
    project = client.project()
    project.create_project({"meta": {"name": "traffic"}})
    listed = [ids(client.dataset_list(page_size=5)), ids(client.project_list(page_size=5))]
    deleted = [dataset.delete(hard=True).status_code, project.delete(hard=True).status_code]
    return {
        "ids": [dataset.id, project.id],
        "before": before,
        "code": uploaded.status_code,
        "name": name,
        "listed": listed,
        "deleted": deleted,
    }


def main(folder: Path) -> None:
    """Everything, in the order of a training."""
    client = HUBClient()
    seen: dict[str, Any] = {"authentication": authentication()}
    model, seen["creation"] = creation(client)
    seen["metrics"] = metrics(model)
    seen["heartbeats"] = heartbeats(model)
    seen["checkpoints"] = checkpoints(client, model, folder)
    seen["lists"] = lists(client)
    seen["changes"] = changes(client, model)
    seen["datasets"] = datasets(client, folder)
    Path(folder, "seen.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
