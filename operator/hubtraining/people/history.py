"""How metrics went, as far as they were seen, and a line that shows it."""

from collections.abc import Mapping

import msgspec

from hubtraining.people.view import StatusView

BLOCKS = "▁▂▃▄▅▆▇█"
FLAT = BLOCKS[3]


class Point(msgspec.Struct, frozen=True, order=True):
    """A metric's value after an epoch."""

    epoch: int
    value: float


class History(msgspec.Struct, frozen=True):
    """Points by metric, in order of epochs. A value: each status gives a new one."""

    points: Mapping[str, tuple[Point, ...]] = {}

    def after(self, status: StatusView) -> "History":
        """With what a status tells: each metric now, and where it was best.

        Where training went back to an earlier epoch, what came after is forgotten: it is being trained again.
        """
        epoch = status.progress.epoch
        if not epoch:
            return self
        points = dict(self.points)
        for metric in status.metrics:
            known = points.get(metric.name, ())
            best = [
                Point(at, value)
                for at, value in ((metric.best_epoch, _number(metric.best)),)
                if at and value is not None
            ]
            told = [Point(epoch, value) for value in (_number(metric.value),) if value is not None]
            points[metric.name] = _merged(known, best + told, epoch)
        return History(points)

    def line(self, name: str, width: int) -> str:
        """The metric's course in at most ``width`` characters; empty while there is only one point."""
        values = [point.value for point in self.points.get(name, ())]
        return spark(values, width) if len(values) > 1 else ""


def spark(values: list[float], width: int) -> str:
    """A character for each value, lowest to highest; where they are too many, one for the last of several."""
    count = min(width, len(values))
    shown = [values[(i + 1) * len(values) // count - 1] for i in range(count)]
    low, high = min(shown), max(shown)
    if high == low:
        return FLAT * count
    return "".join(BLOCKS[min(len(BLOCKS) - 1, int((value - low) / (high - low) * len(BLOCKS)))] for value in shown)


def _merged(known: tuple[Point, ...], told: list[Point], epoch: int) -> tuple[Point, ...]:
    by_epoch = {point.epoch: point for point in (*known, *told) if point.epoch <= epoch}
    return tuple(sorted(by_epoch.values()))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
