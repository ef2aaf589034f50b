"""Runs in the trainer's image: trains a model that a hub holds, with the vendor's own client inside ultralytics.

``train_by_hub.py EPOCHS``: leave without a word after so many epochs, when they are with the hub; 0 trains to the end.
MODEL names the model's id; ULTRALYTICS_HUB_API, ULTRALYTICS_HUB_WEB and HUB_API_KEY are the client's own variables.
"""

import hashlib
import os
import sys
import threading
from pathlib import Path
from typing import Any

from ultralytics import settings  # type: ignore[import-not-found,unused-ignore]

settings.update({"hub": True, "api_key": os.environ["HUB_API_KEY"], "runs_dir": "/tmp/runs", "weights_dir": "/tmp/w"})

from ultralytics import YOLO, __version__  # type: ignore[import-not-found,unused-ignore] # noqa: E402 - settings first


def hurry(trainer: Any) -> None:
    """The client's own pace is one metrics post in 3 s and one checkpoint in 15 minutes: too slow for a test."""
    trainer.hub_session.rate_limits = {"metrics": 0.0, "ckpt": 0.0, "heartbeat": 300.0}


def wait_for_uploads() -> None:
    """The client posts from threads that it forgets; those that beat for ever are not waited for."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and "retry_request" in repr(getattr(thread, "_target", "")):
            thread.join(60)


def leave_after(epochs: int) -> Any:
    """A callback that ends the process as a lost node does."""

    def check(trainer: Any) -> None:
        if trainer.epoch == epochs:
            wait_for_uploads()
            tell("last", trainer.last)
            os._exit(0)

    return check


def tell(name: str, path: Path) -> None:
    print(f"\nsha256 {name} {hashlib.sha256(Path(path).read_bytes()).hexdigest()}", flush=True)


def main(leave: int) -> None:
    """Train as a user would: everything but the address is the hub's."""
    print(f"ultralytics {__version__}", flush=True)
    model = YOLO(f"{os.environ['ULTRALYTICS_HUB_WEB']}/models/{os.environ['MODEL']}")
    model.add_callback("on_train_start", hurry)
    if leave:
        model.add_callback("on_train_epoch_start", leave_after(leave))
    model.train(plots=False, workers=0)
    wait_for_uploads()
    tell("best", model.trainer.best)
    print(f"started at epoch {model.trainer.start_epoch}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
