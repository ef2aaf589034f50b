"""Curves as inline SVG: which lines belong together, and where their points lie. Pure."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Points = Mapping[int, float | None]
"""Values by epoch, counted from 1; None where there is none."""

At = Callable[[float, float], tuple[float, float]]
"""From epoch and value to a place in the picture."""

WIDTH, HEIGHT = 320, 168
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 24
MOST_POINTS = 400
"""Of one line: more cannot be seen."""
LARGEST, SMALLEST = 1e100, 1e-100
"""Beyond them a number is a mistake, and its differences overflow."""
TICKS = 4
ORDER = ("metrics/", "loss", "learning rate")


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """One curve from point to point; ``dot`` is its newest."""

    name: str
    path: str
    dot: tuple[float, float]
    last: float


@dataclass(frozen=True)
class Chart:
    """Lines over one pair of axes."""

    title: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def charts(series: Mapping[str, Points]) -> list[Chart]:
    """One chart for each group of names that has something to show; scores first, then losses, then rates."""
    groups: dict[str, dict[str, dict[int, float]]] = {}
    for name, points in series.items():
        known = {epoch: float(value) for epoch, value in points.items() if value is not None and abs(value) < LARGEST}
        if known and not name.startswith("model/"):
            title, line = place(name)
            groups.setdefault(title, {})[line] = known
    return [chart(title, lines) for title, lines in sorted(groups.items(), key=lambda group: _rank(group[0]))]


def place(name: str) -> tuple[str, str]:
    """Title of the chart and name of the line: what is learned and what is validated stand side by side."""
    if found := re.fullmatch(r"(train|val)/(.+)", name):
        return found[2], found[1]
    if found := re.fullmatch(r"(metrics/[^(]+)\((\w)\)", name):
        return found[1], {"B": "box", "M": "mask", "P": "pose"}.get(found[2], found[2])
    if found := re.fullmatch(r"lr/(.+)", name):
        return "learning rate", found[1]
    return name, ""


def _rank(title: str) -> tuple[int, str]:
    known = [place for place, word in enumerate(ORDER) if word in title]
    return (known[0] if known else len(ORDER), title)


def chart(title: str, lines: Mapping[str, Mapping[int, float]]) -> Chart:
    """Lines that have at least one point each."""
    epochs = [epoch for points in lines.values() for epoch in points]
    values = [value for points in lines.values() for value in points.values()]
    x_from, x_to = _room(min(epochs), max(epochs))
    rungs = ladder(min(values), max(values))
    y_from, y_to = min(rungs[0], *values), max(rungs[-1], *values)

    def at(epoch: float, value: float) -> tuple[float, float]:
        across = (epoch - x_from) / (x_to - x_from)
        up = (value - y_from) / (y_to - y_from)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    ends = sorted({min(epochs), max(epochs)})
    return Chart(
        title,
        tuple(
            Line(name, path(thinned(points), at), at(max(points), points[max(points)]), points[max(points)])
            for name, points in lines.items()
        ),
        tuple(Tick(at(epoch, y_from)[0], str(epoch)) for epoch in ends),
        tuple(Tick(at(x_from, rung)[1], f"{rung:.3g}") for rung in rungs),
    )


def path(points: Mapping[int, float], at: At) -> str:
    """An SVG path in order of epochs."""
    placed = [at(epoch, points[epoch]) for epoch in sorted(points)]
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in placed)


def thinned(points: Mapping[int, float]) -> dict[int, float]:
    """Evenly fewer points, the newest always among them."""
    epochs = sorted(points)
    step = math.ceil(len(epochs) / MOST_POINTS)
    return {epoch: points[epoch] for epoch in [*epochs[::step], epochs[-1]]}


def ladder(low: float, high: float) -> list[float]:
    """Round numbers at equal distances that reach from below ``low`` to above ``high``."""
    low, high = _room(low, high)
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= rough), 10 * power)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [rung * step for rung in range(first, last + 1)]


def _room(low: float, high: float) -> tuple[float, float]:
    """A range that is not empty."""
    if high - low > max(abs(high) * 1e-9, SMALLEST):
        return low, high
    margin = abs(high) * 0.1 if abs(high) > SMALLEST else 1.0
    return low - margin, high + margin
