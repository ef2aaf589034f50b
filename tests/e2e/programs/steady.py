"""A trainer by the plain contract: each epoch takes a given time, and a folder beside the workspace keeps note of it.

The notes outlive every pod, so a test knows what was trained when, how often, and which bytes were saved.
"""

import argparse
import hashlib
import json
import os
import pickle
import shutil
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

RUN = Path(os.environ["HUBTRAINING_RUN"])
NOTES = Path("/notes")
ATTEMPT = int(os.environ["HUBTRAINING_ATTEMPT"])
STATE_BYTES = 300_000
MIB = 2**20


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("epochs", type=int)
    parser.add_argument("seconds", type=float, help="that an epoch takes")
    parser.add_argument("--at", type=int, help="the epoch of the first attempt before which something happens")
    parser.add_argument("--do", choices=HAPPENINGS)
    return parser.parse_args()


def train(told: argparse.Namespace) -> None:
    (RUN / "checkpoints").mkdir(parents=True, exist_ok=True)
    state = resumed()
    note(attempt=ATTEMPT, after=state["epoch"])
    for epoch in range(state["epoch"] + 1, told.epochs + 1):
        if (ATTEMPT, epoch) == (1, told.at):
            HAPPENINGS[told.do]()
        began = time.time()
        time.sleep(told.seconds)
        state = {"epoch": epoch, "best": max(state["best"], accuracy(epoch, told.epochs))}
        finish(state, told.epochs, began)
    leave()


def accuracy(epoch: int, epochs: int) -> float:
    """Better and better, but for every third epoch: the best is not always the last."""
    return epoch / epochs if epoch % 3 else 0.0


def finish(state: dict[str, Any], epochs: int, began: float) -> None:
    """An epoch is done: its line first, then its checkpoints."""
    epoch, reached = state["epoch"], accuracy(state["epoch"], epochs)
    line = {"epoch": epoch, "epochs": epochs, "train/loss": 1 / epoch + ATTEMPT / 1000, "val/accuracy": reached}
    with (RUN / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    save(state, better=reached == state["best"])
    note(attempt=ATTEMPT, epoch=epoch, began=began, done=time.time())


def save(state: dict[str, Any], *, better: bool) -> None:
    """Write last.pt, and best.pt where it is the best. It is noted before it is there: we may be killed between."""
    part = RUN / "checkpoints" / "part"
    with zipfile.ZipFile(part, "w") as archive:
        archive.writestr("steady/data.pkl", pickle.dumps(state, protocol=2))
        archive.writestr("steady/data/0", os.urandom(STATE_BYTES))
    note(attempt=ATTEMPT, saved=state["epoch"], sha256=hashlib.sha256(part.read_bytes()).hexdigest())
    for name in ("last.pt", "best.pt") if better else ("last.pt",):
        shutil.copyfile(part, part.with_name(f"{name}.part"))
        part.with_name(f"{name}.part").replace(part.with_name(name))
    part.unlink()


def resumed() -> dict[str, Any]:
    """What the checkpoint says that there is to go on from."""
    path = os.environ.get("HUBTRAINING_RESUME")
    if path is None:
        return {"epoch": 0, "best": 0.0}
    with zipfile.ZipFile(path) as archive:
        return dict(pickle.loads(archive.read("steady/data.pkl")))


def note(**facts: Any) -> None:
    with (NOTES / "notes.jsonl").open("a") as file:
        file.write(json.dumps(facts) + "\n")


def leave() -> None:
    """Keep the files of a run that has ended where a test can compare them with the hub's."""
    shutil.copyfile(RUN / "metrics.jsonl", NOTES / "metrics.jsonl")
    shutil.copyfile(best(), NOTES / "best.pt")
    note(attempt=ATTEMPT, ended=True)


def best() -> Path:
    """This run's own, or that of an attempt on another workspace, which fetch has brought."""
    own = RUN / "checkpoints" / "best.pt"
    return own if own.exists() else RUN / "weights" / "best.pt"


def use_memory() -> None:
    """Until the kernel ends this."""
    print("using memory", flush=True)
    held = [bytearray(MIB) for _ in range(2048)]
    sys.exit(f"{len(held)} MiB are no problem here")


def fill_disk() -> None:
    """Until there is no room; where there is, until the kubelet has had enough."""
    print("filling the workspace", flush=True)
    with (RUN.parent / "ballast").open("wb") as file:
        for _ in range(96):
            file.write(bytes(MIB))
            file.flush()
    time.sleep(600)


def wait() -> None:
    """Until somebody ends this, however long the test takes to get there."""
    print("waiting", flush=True)
    time.sleep(600)
    sys.exit("nobody came")


HAPPENINGS = {"memory": use_memory, "disk": fill_disk, "wait": wait}

if __name__ == "__main__":
    train(arguments())
