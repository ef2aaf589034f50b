#!/usr/bin/python3
"""`yolo`, which also prints the SHA-256 of each checkpoint, and keeps a copy in KEEP_EPOCHS_DIR, when that is set.

A test, or a person, then knows which bytes lay on disk after an epoch, and can look for them in the hub.
With HOLD_AT=6 a first attempt waits after its sixth epoch, with HOLD_AT=end after its model was validated, until
somebody takes it away: however fast a machine is, a test meets it there. EPOCH_SECONDS makes epochs last.
"""

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ultralytics  # type: ignore[import-not-found,unused-ignore]
from ultralytics.cfg import entrypoint  # type: ignore[import-not-found,unused-ignore]


def keep(source: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_name(f".{kept.name}.partial")
    shutil.copyfile(source, partial)
    partial.rename(kept)


def note(source: Path, name: str, folder: str) -> None:
    """Print the file's hash on a line of its own, and keep a copy where one is wanted."""
    print(f"\nsha256 {hashlib.sha256(source.read_bytes()).hexdigest()} {name}", flush=True)
    if folder:
        keep(source, Path(folder) / name)


def hold(point: str) -> None:
    """Wait, if this is where a first attempt is to be met."""
    if os.environ.get("HOLD_AT") == point and os.environ.get("HUBTRAINING_ATTEMPT") == "1":
        print(f"\nheld at {point}", flush=True)
        time.sleep(3600)


def begin_epoch(finished: int) -> None:
    """What precedes an epoch, when so many are finished."""
    time.sleep(float(os.environ.get("EPOCH_SECONDS", "0")))
    hold(str(finished))


def end(best: Path, folder: str) -> None:
    """What follows the validation of the model."""
    note(best, "best.pt", folder)
    hold("end")


def keeping(model: Callable[..., Any], folder: str) -> Callable[..., Any]:
    """A model class whose models tell what they save."""

    def create(*args: Any, **kwargs: Any) -> Any:
        made = model(*args, **kwargs)
        made.add_callback("on_train_epoch_start", lambda trainer: begin_epoch(trainer.epoch))
        made.add_callback("on_model_save", lambda trainer: note(trainer.last, f"epoch-{trainer.epoch}.pt", folder))
        made.add_callback("on_train_end", lambda trainer: end(trainer.best, folder))
        return made

    return create


if __name__ == "__main__":
    ultralytics.YOLO = keeping(ultralytics.YOLO, os.environ.get("KEEP_EPOCHS_DIR", ""))
    sys.exit(entrypoint())
