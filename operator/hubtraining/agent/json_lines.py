"""Lines of ``metrics.jsonl``, the table of trainers that are not Ultralytics, to rows of finished epochs. No files."""

import json
import math
from typing import Any

from hubtraining.agent.results import EPOCH, MAX_EPOCH, MAX_LINE
from hubtraining.domain.progress import TIME, EpochRow

EPOCHS = "epochs"
"""The key of the planned epochs, where a trainer tells them."""


class JsonLines:
    """A table that grows, read as :class:`hubtraining.agent.results.Table` reads its own."""

    def __init__(self) -> None:
        self.skipped = 0
        self.epochs: int | None = None
        """Planned, as the newest line that says so has it."""
        self._rest = b""

    def feed(self, piece: bytes) -> list[EpochRow]:
        """The rows that this piece completes."""
        *lines, rest = (self._rest + piece).split(b"\n")
        self._rest = rest[:MAX_LINE]
        rows = [self._row(line) for line in lines if line.strip()]
        return [row for row in rows if row is not None]

    def _row(self, line: bytes) -> EpochRow | None:
        values = _object(line)
        epoch = _whole(values.pop(EPOCH, None))
        if epoch is None:
            self.skipped += 1
            return None
        self.epochs = _whole(values.pop(EPOCHS, None)) or self.epochs
        numbers = {name: _finite(value) for name, value in values.items() if _is_metric(name, value)}
        return EpochRow(epoch, numbers, numbers.get(TIME))


def _object(line: bytes) -> dict[str, Any]:
    """The line's object, every number a float; empty for anything else. NaN is read: trainers write it."""
    try:
        values = json.loads(line, parse_int=float)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, float) and value.is_integer() and 1 <= value <= MAX_EPOCH else None


def _is_metric(name: str, value: Any) -> bool:
    """A name with half a surrogate pair, which JSON can hold, can be told to nobody."""
    return (value is None or isinstance(value, float)) and not any("\ud800" <= letter <= "\udfff" for letter in name)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
