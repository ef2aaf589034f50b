"""Lines of ``results.csv``, of every generation of the trainer, to rows of finished epochs. No files here."""

import math

from hubtraining.domain.progress import TIME, EpochRow

EPOCH = "epoch"
MAX_EPOCH = 1_000_000_000
"""More than any run has, and all that a hub takes."""
MAX_LINE = 65_536
"""Bytes without an end of line that we keep waiting for: more is not a table."""


class Table:
    """A table that grows: give it bytes as they come, in any pieces, and it gives back complete rows.

    The first line names the columns. A line without its end is kept until the end comes; a line that does not fit the
    header is counted and left out.
    """

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.epochs: int | None = None  # such a table does not say how many are planned
        self.skipped = 0
        self._rest = b""
        self._shift = 0

    def feed(self, piece: bytes) -> list[EpochRow]:
        """The rows that this piece completes."""
        *lines, rest = (self._rest + piece).split(b"\n")
        self._rest = rest[:MAX_LINE]
        rows = [self._row(line.decode(errors="replace")) for line in lines if line.strip()]
        return [row for row in rows if row is not None]

    def _row(self, line: str) -> EpochRow | None:
        cells = tuple(cell.strip() for cell in line.split(","))
        if EPOCH in cells:  # a header; a second one follows where a run was started again
            self.names, self._shift = cells, 0
            return None
        row = parsed(self.names, cells) if len(cells) == len(self.names) else None
        if row is None:
            self.skipped += 1
            return None
        self._shift = 1 if row.epoch == 0 else self._shift  # the oldest trainers count from 0
        return EpochRow(row.epoch + self._shift, row.metrics, row.seconds)


def parsed(names: tuple[str, ...], cells: tuple[str, ...]) -> EpochRow | None:
    """One row, or None where the epoch is no whole number or another cell is neither empty nor a number."""
    try:
        numbers = {name: float(cell or "nan") for name, cell in zip(names, cells, strict=True)}
        epoch = numbers.pop(EPOCH)
    except ValueError:
        return None
    if not epoch.is_integer() or not 0 <= epoch < MAX_EPOCH:  # inf and nan are no whole numbers
        return None
    finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
    return EpochRow(int(epoch), finite, finite.get(TIME))
