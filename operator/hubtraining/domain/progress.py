"""What training has reached: rows of finished epochs, folded into speed, remaining time and best metrics."""

import math
import re
from collections.abc import Iterable, Mapping

import msgspec

from hubtraining.domain.report import LONGEST_NAME, Metric

WINDOW = 10
"""Epochs that the speed is averaged over: old ones say little about the next."""

TIME = "time"
"""The column of the trainer's own clock: recorded like a metric, but none."""

HIGHER = frozenset({"acc", "accuracy", "ap", "auc", "bleu", "delta1", "delta2", "delta3", "dice", "f1", "fitness",
                    "iou", "map", "map50", "miou", "pixel_acc", "precision", "psnr", "r2", "recall", "score", "ssim",
                    "top1", "top5"})  # fmt: skip
LOWER = frozenset({"abs_rel", "cer", "error", "fid", "loss", "mae", "mse", "perplexity", "rmse", "rmse_log", "silog",
                   "sq_rel", "wer"})  # fmt: skip
"""Words in a metric's name, or its last part, that say in which direction it is good."""

ERRORS_PREFIXES = ("train/", "val/")
SCORES_PREFIX = "metrics/"

_WORD = re.compile(r"[a-z0-9]+")


class EpochRow(msgspec.Struct, frozen=True):
    """One finished epoch as the trainer recorded it. ``epoch`` counts from 1."""

    epoch: int
    metrics: Mapping[str, float | None]
    """Every recorded number by its name; None where it was not finite."""
    seconds: float | None = None
    """Since training began, by the trainer's clock; None where it does not record it."""


class Best(msgspec.Struct, frozen=True):
    """The best value of a metric and the epoch that had it."""

    value: float
    epoch: int


class Mark(msgspec.Struct, frozen=True):
    """When an epoch was finished, in seconds of some clock that only differences are taken of."""

    epoch: int
    at: float


class Planned(msgspec.Struct, frozen=True):
    """When a run shall end, as far as it says so."""

    epochs: int | None = None
    seconds: float | None = None
    """Of training in one attempt; where it is given, the number of epochs follows from it."""
    patience: int | None = None
    """Epochs without a better model after which training stops early."""


class Progress(msgspec.Struct, frozen=True):
    """A value: each row gives a new one."""

    epoch: int = 0
    planned: Planned = Planned()
    begun: int = 0
    """The epoch that this attempt goes on after; rows up to it are of an earlier one and say nothing of the speed."""
    metrics: Mapping[str, float | None] = {}
    best: Mapping[str, Best] = {}
    fittest: Best | None = None
    marks: tuple[Mark, ...] = ()
    """The newest epochs of this attempt; the first stands for the end of the one before."""
    first: Mark | None = None
    """The first mark of this attempt, which leaves the window in time."""

    def after(self, row: EpochRow, now: float) -> "Progress":
        """Progress with one more row, seen at ``now`` (seconds of a steady clock)."""
        best = {name: better(self.best.get(name), name, value, row.epoch) for name, value in row.metrics.items()}
        window = marks(self.marks, row, now, self.begun)
        goes_on = bool(self.marks) and window[-2:-1] == self.marks[-1:]
        return msgspec.structs.replace(
            self,
            epoch=row.epoch,
            metrics=row.metrics,
            best={**self.best, **{name: value for name, value in best.items() if value is not None}},
            fittest=fitter(self.fittest, fitness(row.metrics), row.epoch),
            marks=window,
            first=self.first if goes_on else next(iter(window), None),
        )

    def anew(self) -> "Progress":
        """Progress of an attempt whose table begins again: what it went on from does not count any more."""
        return Progress(planned=self.planned)

    @property
    def epochs(self) -> int | None:
        """How many there will be: as planned, or as many as the planned time has room for."""
        if self.planned.seconds is None:
            return self.planned.epochs
        pace, left = self.seconds_per_epoch, self.remaining_seconds
        return None if not pace or left is None else self.epoch + math.ceil(left / pace)

    @property
    def seconds_per_epoch(self) -> float | None:
        """Mean over the newest epochs; None before two marks."""
        return pace(self.marks)

    @property
    def remaining_seconds(self) -> float | None:
        """Until training ends, counted from the end of the newest epoch; None while it cannot be told."""
        seconds = self.seconds_per_epoch
        if seconds is None:
            return None
        if self.planned.seconds is not None:
            return max(0.0, self.planned.seconds - self._trained(seconds))
        last = self.last_epoch
        return None if last is None else max(0, last - self.epoch) * seconds

    @property
    def last_epoch(self) -> int | None:
        """The epoch after which training is expected to end.

        A run that has not become better for more than half of its patience is expected to be stopped early.
        """
        epochs, patience = self.planned.epochs, self.planned.patience
        if not epochs or not patience or self.fittest is None:
            return epochs
        better_at = max(self.fittest.epoch, self.begun)
        return epochs if 2 * (self.epoch - better_at) <= patience else min(epochs, better_at + patience)

    def _trained(self, seconds: float) -> float:
        """Seconds of this attempt: by the trainer's clock, or by ours, which has not seen the first epoch begin."""
        if self.first is None or not self.marks:
            return 0.0
        seen = self.marks[-1].at - self.first.at
        return seen if self.first.epoch == self.begun else seen + (self.first.epoch - self.begun) * seconds

    def mirrored(self) -> tuple[Metric, ...]:
        """The newest metrics with their best: scores first, then errors, then the rest, in the trainer's order."""
        names = sorted((name for name in self.metrics if name != TIME and len(name) <= LONGEST_NAME), key=rank)
        return tuple(self._metric(name) for name in names)

    def _metric(self, name: str) -> Metric:
        best = self.best.get(name)
        if best is None:
            return Metric(name, self.metrics[name])
        return Metric(name, self.metrics[name], best.value, best.epoch)


def marks(old: tuple[Mark, ...], row: EpochRow, now: float, begun: int) -> tuple[Mark, ...]:
    """The window with one more mark; it begins anew where epochs or clock went back, or where the clock stood still.

    The trainer's clock starts at 0 in every attempt.
    """
    if row.epoch <= begun:
        return ()
    mark = Mark(row.epoch, now if row.seconds is None else row.seconds)
    if row.epoch == begun + 1 and row.seconds:
        return (Mark(begun, 0.0), mark)
    if not old or mark.epoch <= old[-1].epoch or mark.at <= old[-1].at:
        return (mark,)
    return (*old, mark)[-WINDOW - 1 :]


def pace(window: tuple[Mark, ...]) -> float | None:
    """Mean seconds of an epoch; None before two marks."""
    if len(window) < 2:
        return None
    first, last = window[0], window[-1]
    return (last.at - first.at) / (last.epoch - first.epoch)


def direction(name: str) -> int:
    """1 where higher is better, -1 where lower is, 0 where nobody can say."""
    text = name.lower()
    parts = set(_WORD.findall(text)) | {text.rpartition("/")[2]}
    if parts & LOWER or text.endswith("loss"):
        return -1
    return 1 if parts & HIGHER or name.startswith(SCORES_PREFIX) else 0


def better(old: Best | None, name: str, value: float | None, epoch: int) -> Best | None:
    """The better of two values of a metric; the older one where they are equal."""
    return _better(old, direction(name), value, epoch)


def fitter(old: Best | None, value: float | None, epoch: int) -> Best | None:
    """The fitter of two models; as the trainer counts, one that can do nothing yet is as good as those before it."""
    if old is not None and value == old.value == 0:
        return Best(value, epoch)
    return _better(old, 1, value, epoch)


def _better(old: Best | None, sign: int, value: float | None, epoch: int) -> Best | None:
    if value is None or sign == 0:
        return old
    return Best(value, epoch) if old is None or sign * value > sign * old.value else old


def rank(name: str) -> int:
    """Order of importance where not all metrics fit."""
    if name.startswith(SCORES_PREFIX):
        return 0
    return 1 if name.startswith(ERRORS_PREFIXES) else 2


def fitness(metrics: Mapping[str, float | None]) -> float | None:
    """The one number that tells a better model: the trainer's own where it records it, else the mean of all mAP50-95,
    else of all top-k accuracies, else mIoU.

    The trainer's own formula differs between its versions; this one orders models the same way for one task.
    """
    for prefix in ("fitness", "metrics/mAP50-95", "metrics/accuracy_top", "metrics/mIoU"):
        values = [value for name, value in metrics.items() if name.startswith(prefix) and value is not None]
        if values:
            return math.fsum(values) / len(values)
    return None


def folded(progress: Progress, rows: Iterable[EpochRow], now: float) -> Progress:
    """Progress after several rows that were all seen at ``now``."""
    for row in rows:
        progress = progress.after(row, now)
    return progress
