"""Make the run folders that the tests read, with the trainers themselves.

Usage, in the image of tests/e2e/trainer (or any Python with torch, pandas and the trainer's other needs):

    python3 make.py OUT VERSIONS [CASE…]

``VERSIONS`` holds a folder for each version: ``pip install --no-deps --target VERSIONS/8.2.0 ultralytics==8.2.0``.
Of each run its table, arguments and names of files are kept, and of one checkpoint the pickle without its tensors.
Every run trains a tiny model on random images in /workspace/run, as in a pod, so the paths in the files are a pod's.
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

RUN = Path("/workspace/run")
DATA = Path("/workspace/data")
TASKS = {"detect": "", "segment": "-seg", "pose": "-pose", "obb": "-obb", "classify": "-cls"}
VERSIONS = ("8.2.0", "8.2.103", "8.3.40", "8.3.200", "8.4.114")
ENDS = ("8.2.0", "8.4.114")
"""Versions that the cases which are no task are made with."""
PICKLED = ("8.2.0", "8.3.200", "8.4.114")
CASES = ("early-stop", "time", "save-period", "nan", "reused", "resumed")
SIDE = 64


def label(task: str, random: Random) -> str:
    """One object in the middle of an image, in the form of a task."""
    x, y, size = (0.3 + 0.4 * random.random(), 0.3 + 0.4 * random.random(), 0.3)
    left, top, right, bottom = x - size / 2, y - size / 2, x + size / 2, y + size / 2
    corners = f"{left} {top} {right} {top} {right} {bottom} {left} {bottom}"
    return {
        "segment": f"0 {corners}\n",
        "obb": f"0 {corners}\n",
        "pose": f"0 {x} {y} {size} {size} {x} {y} 2 {left} {top} 2\n",
    }.get(task, f"0 {x} {y} {size} {size}\n")


def image(path: Path, random: Random) -> None:
    """Noise."""
    from PIL import Image  # noqa: PLC0415 - whoever only asks for help needs no trainer

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.frombytes("RGB", (SIDE, SIDE), random.randbytes(SIDE * SIDE * 3)).save(path)


def data_set(task: str) -> str:
    """Twelve images to train on and four to validate with; what ``data=`` names."""
    random, root = Random(8), DATA / task
    shutil.rmtree(root, ignore_errors=True)
    for split, count in (("train", 12), ("val", 4)):
        for number in range(count):
            if task == "classify":
                image(root / split / f"class{number % 2}" / f"{number}.png", random)
                continue
            image(root / "images" / split / f"{number}.png", random)
            labels = root / "labels" / split / f"{number}.txt"
            labels.parent.mkdir(parents=True, exist_ok=True)
            labels.write_text(label(task, random))
    if task == "classify":
        return str(root)
    points = "kpt_shape: [2, 3]\nflip_idx: [0, 1]\n" if task == "pose" else ""
    (root / "data.yaml").write_text(f"path: {root}\ntrain: images/train\nval: images/val\n{points}names: [thing]\n")
    return str(root / "data.yaml")


def pickled(checkpoint: Path) -> bytes:
    """The pickle inside a checkpoint."""
    with zipfile.ZipFile(checkpoint) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


def train(
    task: str, model: str = "", keep: Path | None = None, stop_after: int = 0, poisoned_after: int = 0, **arguments: Any
) -> None:
    """One run of the version that can be imported; ``keep`` gets the pickle of the second epoch's checkpoint."""
    from ultralytics import YOLO  # noqa: PLC0415 - only in the process that trains

    def poison(trainer: Any) -> None:
        if trainer.epoch == poisoned_after > 0:
            next(iter(trainer.model.parameters())).data.fill_(float("nan"))

    def saved(trainer: Any) -> None:
        if keep and trainer.epoch == 1:
            keep.write_bytes(gzip.compress(pickled(trainer.last), mtime=0))
        if trainer.epoch + 1 == stop_after:
            os._exit(143)  # killed, as a node that goes away kills

    made = YOLO(model or f"yolov8n{TASKS[task]}.yaml")
    made.add_callback("on_train_epoch_start", poison)
    made.add_callback("on_model_save", saved)
    where = {"project": str(RUN.parent), "name": RUN.name, "exist_ok": True} if not arguments.get("resume") else {}
    usual = {"imgsz": SIDE, "batch": 4, "workers": 0, "device": "cpu", "plots": False, "amp": False, "epochs": 3}
    made.train(data=data_set(task), **{**usual, **where, **arguments})


def case(name: str, out: Path) -> None:
    """One kind of run."""
    if name in TASKS:
        train(name, keep=out / "data.pkl.gz" if name == "detect" and out.parent.name in PICKLED else None)
    elif name == "early-stop":
        train("classify", epochs=60, patience=1)
    elif name == "time":
        train("detect", epochs=100, time=0.004)
    elif name == "save-period":
        train("detect", save_period=1)
    elif name == "nan":
        train("detect", epochs=4, poisoned_after=2)
    elif name == "reused":
        train("detect", epochs=2)
        train("detect", epochs=2)


def resumed(python: Callable[[str], int], out: Path) -> None:
    """Killed after the second epoch of four, then gone on with on a machine that has nothing but last.pt."""
    python("killed")
    kept = Path("/workspace/kept")
    kept.mkdir(exist_ok=True)
    last = shutil.move(RUN / "weights/last.pt", kept / "last.pt")
    shutil.copyfile(RUN / "results.csv", out / "before.csv")
    shutil.rmtree(RUN)
    python(f"resume:{last}")


def collect(out: Path) -> None:
    """Keep what is small."""
    for name in ("results.csv", "args.yaml"):
        shutil.copyfile(RUN / name, out / name)
    weights = sorted(path.name for path in (RUN / "weights").iterdir())
    (out / "weights.json").write_text(json.dumps(weights) + "\n")


def in_version(out: Path, versions: Path, version: str, name: str) -> None:
    """One case with one version, each training in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{versions / version}:{os.environ.get('PYTHONPATH', '')}",
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",  # older versions read their own checkpoints with pickle
        "YOLO_CONFIG_DIR": f"/tmp/yolo-{version}",
    }

    def python(what: str) -> int:
        return subprocess.run(
            [sys.executable, __file__, "--one", what, str(out)], env=environment, check=False
        ).returncode

    shutil.rmtree(RUN, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    resumed(python, out) if name == "resumed" else python(name)
    collect(out)


def one(what: str, out: Path) -> None:
    """Within the process of one training."""
    if what == "killed":
        train("detect", epochs=4, stop_after=2)
    elif what.startswith("resume:"):
        train("detect", model=what.removeprefix("resume:"), resume=True)
    else:
        case(what, out)


def main() -> None:
    if sys.argv[1] == "--one":
        one(sys.argv[2], Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("versions", type=Path)
    parser.add_argument("cases", nargs="*")
    given = parser.parse_args()
    for version in VERSIONS:
        tasks = ("detect",) if version == "8.3.40" else tuple(TASKS)
        for name in (*tasks, *(CASES if version in ENDS else ())):
            if not given.cases or name in given.cases or f"{version}/{name}" in given.cases:
                in_version(given.out / version / name, given.versions, version, name)


if __name__ == "__main__":
    main()
