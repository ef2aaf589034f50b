"""The vendor's own client at a hub of yours: a model, metrics, a heartbeat, a checkpoint up and down again.

    hubtraining hub --data ./hub &
    export ULTRALYTICS_HUB_API=http://localhost:8000 ULTRALYTICS_HUB_WEB=http://localhost:8000
    export HUB_API_KEY=$(hubtraining hub --data ./hub key create me)
    pip install hub-sdk==0.0.25
    python examples/hub_client.py last.pt

``last.pt`` is any checkpoint that torch saved.
"""

import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from hub_sdk import HUBClient  # type: ignore[import-not-found,unused-ignore]

MODEL = {
    "meta": {"name": "signs"},
    "config": {"batchSize": -1, "epochs": 3, "imageSize": 640, "patience": 100, "device": "", "cache": "ram"},
    "dataset": {"name": "coco8.yaml"},
    "lineage": {"architecture": {"name": "yolov8n"}, "parent": {}},
}


def train(model: Any, checkpoint: Path) -> None:
    """What a training sends: epochs count from 0, each epoch's metrics are JSON in a string."""
    model.start_heartbeat(interval=300)
    model.upload_metrics({epoch: json.dumps({"train/box_loss": 1.5 / (epoch + 1)}) for epoch in range(3)})
    model.upload_model(epoch=2, weights=str(checkpoint), is_best=True).content  # noqa: B018 - read to its end
    while model.hub_client.agent_id is None:  # the hub's answer to the first heartbeat
        time.sleep(0.1)
    model.stop_heartbeat()


def main(checkpoint: Path) -> None:
    """Fails with a traceback where the hub does not do its part."""
    client = HUBClient()
    if not client.authenticated:
        raise SystemExit("the hub does not know the key in HUB_API_KEY")
    model = client.model()
    model.create_model(MODEL)
    train(model, checkpoint)

    seen = client.model(model.id)
    with urllib.request.urlopen(seen.get_weights_url("last")) as answer:
        same = answer.read() == checkpoint.read_bytes()
    print(json.dumps({"model": model.id, "metrics": seen.get_metrics(), "agent": model.hub_client.agent_id}))
    if not same:
        raise SystemExit("the downloaded checkpoint has other bytes")
    print("the checkpoint came back byte for byte")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
