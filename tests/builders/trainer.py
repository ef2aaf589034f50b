"""A trainer that writes its run folder as ultralytics does, one step at a time."""

import hashlib
import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from random import Random

from hubtraining.domain.layout import WORKSPACE, exit_file

LOSSES = ("train/box_loss", "train/cls_loss", "train/dfl_loss", "val/box_loss", "val/cls_loss", "val/dfl_loss")
SCORES = ("metrics/precision(B)", "metrics/recall(B)", "metrics/mAP50(B)", "metrics/mAP50-95(B)")
COLUMNS = (*LOSSES[:3], *SCORES, *LOSSES[3:], "lr/pg0")


POD_RUN = "/workspace/run"
"""Where a pod has the run folder; checkpoints say so, wherever a test has its workspace."""


def weights(
    epoch: int,
    *,
    size: int = 4096,
    seed: int = 0,
    epochs: int = 300,
    save_dir: str = POD_RUN,
    results: dict[str, list[float]] | None = None,
) -> bytes:
    """What Ultralytics saves: a stored zip with a pickled dict first. ``epoch`` counts from 0."""
    record = {
        "epoch": epoch,
        "best_fitness": 0.5,
        "model": None,
        "ema": OrderedDict(layer=seed),
        "train_args": {"task": "detect", "epochs": epochs, "save_dir": save_dir},
        **({} if results is None else {"train_results": results}),
        "date": "today",
    }
    return saved(record, size=size, seed=f"{seed} {epoch}")


def saved(record: object, *, size: int = 4096, seed: str = "") -> bytes:
    """What ``torch.save`` makes of an object whose tensors take so many bytes; the same each time."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for member, content in (
            ("data.pkl", pickle.dumps(record, protocol=2)),
            ("data/0", Random(seed).randbytes(size)),
            ("version", b"3\n"),
        ):
            archive.writestr(zipfile.ZipInfo(f"archive/{member}"), content)
    return held.getvalue()


def metrics_of(epoch: int) -> dict[str, float]:
    """The numbers of an epoch (from 1): losses fall, scores rise, all different."""
    values = {name: 2.0 / epoch + number / 10 for number, name in enumerate(COLUMNS)}
    values |= {name: 1 - 1 / (epoch + number + 1) for number, name in enumerate(SCORES)}
    return {name: float(f"{value:.5g}") for name, value in values.items()}


class Trainer:
    """One run in ``<workspace>/run``. ``padded`` writes tables as older versions did: wide columns, no time."""

    def __init__(
        self,
        workspace: Path,
        *,
        epochs: int = 300,
        padded: bool = False,
        size: int = 4096,
        save_dir: str = POD_RUN,
        results: bool = True,
        session_uid: str = "uid",
    ) -> None:
        self.workspace = workspace
        self.session_uid = session_uid
        self.run = workspace / "run"
        self.epochs = epochs
        self.padded = padded
        self.size = size
        self.save_dir = save_dir
        self.results = results
        self.clock: float | None = None
        """Of the trainer, at the end of its newest epoch in this process; None: as if it had trained from epoch 1."""
        self.saved: dict[str, bytes] = {}
        """The newest content of each weights file."""
        self.hashes: set[str] = set()
        """SHA-256 of everything that was saved."""

    @property
    def csv(self) -> Path:
        """The table."""
        return self.run / "results.csv"

    def start(self) -> "Trainer":
        """Make the run folder."""
        (self.run / "weights").mkdir(parents=True, exist_ok=True)
        (self.run / "args.yaml").write_text(f"task: detect\nmode: train\nepochs: {self.epochs}\nsave_dir: {self.run}\n")
        return self

    def epoch(self, number: int, *, best: bool = True) -> "Trainer":
        """Finish an epoch (from 1): the row first, then last.pt, then best.pt."""
        self.row(number)
        self.save("last", number - 1)
        if best:
            self.save("best", number - 1)
        return self

    def row(self, number: int) -> None:
        """Append a row, and the header before the first."""
        values = metrics_of(number)
        columns = ("epoch", *(() if self.padded else ("time",)), *values)
        self.clock = 10.0 * number if self.clock is None else self.clock + 10.0
        numbers = (number, *(() if self.padded else (self.clock,)), *values.values())
        cells = tuple(f"{value:.{5 if self.padded else 6}g}" for value in numbers)
        new = not self.csv.exists()
        with self.csv.open("a") as file:
            if new:
                file.write(self._line(columns))
            file.write(self._line(cells))

    def save(self, kind: str, epoch: int) -> bytes:
        """Write weights as training does: truncated, then written in one go. ``epoch`` counts from 0, -1: stripped."""
        size = self.size if epoch >= 0 else self.size // 2
        content = self.saved[kind] = weights(
            epoch,
            size=size,
            epochs=self.epochs,
            save_dir=self.save_dir,
            results=self._results() if self.results else None,
        )
        self.hashes.add(hashlib.sha256(content).hexdigest())
        (self.run / "weights" / f"{kind}.pt").write_bytes(content)
        return content

    def strip(self) -> "Trainer":
        """What the end of training does to both files, in place."""
        for kind in ("last", "best"):
            self.save(kind, -1)
        return self

    def train(self) -> "Trainer":
        """The whole run."""
        self.start()
        for number in range(1, self.epochs + 1):
            self.epoch(number)
        return self.strip()

    def exit(self, code: int, attempt: int = 1) -> "Trainer":
        """What the launcher writes, by rename."""
        file = self.workspace / exit_file(self.session_uid, attempt).removeprefix(f"{WORKSPACE}/")
        file.parent.mkdir(exist_ok=True)
        part = file.with_name(".exit.part")
        part.write_text(f"{code}\n")
        part.rename(file)
        return self

    def _results(self) -> dict[str, list[float]]:
        """The table so far, by column."""
        lines = [line.split(",") for line in self.csv.read_text().splitlines()] if self.csv.exists() else [["epoch"]]
        columns = zip(*lines, strict=True)
        return {name.strip(): [int(v) if name.strip() == "epoch" else float(v) for v in c] for name, *c in columns}

    def _line(self, cells: tuple[object, ...]) -> str:
        if self.padded:
            return ",".join(f"{cell:>23}" for cell in map(str, cells)) + "\n"
        return ",".join(map(str, cells)) + "\n"
