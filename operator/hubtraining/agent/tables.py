"""Tables of finished epochs as files: cut after an epoch, or written again from what is known of it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

from hubtraining.agent.growing import CSV, JSONL, reader
from hubtraining.agent.records import Cell, Column
from hubtraining.agent.results import EPOCH
from hubtraining.agent.run_folder import Workspace, read_small
from hubtraining.domain.epochs import Metrics
from hubtraining.domain.progress import TIME, EpochRow

MAX_BYTES = 64 * 2**20
"""Of a table that are read: a million epochs would be a long run."""


class RunTable(msgspec.Struct, frozen=True):
    """A table by the name that it has in the run folder."""

    name: str
    content: bytes

    @property
    def rows(self) -> list[EpochRow]:
        """What it says."""
        return reader(self.name).feed(self.content)

    @property
    def newest(self) -> int:
        """The epoch that was finished last; 0 where there is none."""
        rows = self.rows
        return rows[-1].epoch if rows else 0

    def until(self, epoch: int) -> "RunTable":
        """The lines up to an epoch, byte for byte; what cannot be read, and a line without its end, are left out."""
        return RunTable(self.name, b"".join(_kept(self, epoch)))


def find(workspace: Workspace, run: PurePosixPath) -> RunTable | None:
    """The table of a run folder: the trainer's own, or else that of the plain contract."""
    for name in (CSV, JSONL):
        content = read_small(workspace, run / name, MAX_BYTES)
        if content is not None:
            return RunTable(name, content)
    return None


def _kept(table: RunTable, epoch: int) -> Iterator[bytes]:
    reading = reader(table.name)
    for line in table.content.splitlines(keepends=True):
        skipped = reading.skipped
        rows = reading.feed(line)
        if line.endswith(b"\n") and reading.skipped == skipped and all(row.epoch <= epoch for row in rows):
            yield line


def from_columns(columns: Mapping[str, Column], epoch: int) -> RunTable:
    """results.csv up to an epoch from its columns, as the version that has these columns writes it."""
    rows = [row for row in zip(*columns.values(), strict=False) if isinstance(row[0], int) and row[0] <= epoch]
    whole = rows and next(iter(columns)) == EPOCH
    return RunTable(CSV, _csv(tuple(columns), rows) if whole else b"")


def from_metrics(metrics: Metrics, epoch: int, *, ultralytics: bool) -> RunTable:
    """The table up to an epoch from what the hub holds.

    results.csv only where the hub holds all columns of each epoch: under a header that the trainer would not have
    written, its next rows would mean something else. Learning rates say so: only an agent of ours sends them.
    """
    wanted = {number: values for number, values in sorted(metrics.items()) if number <= epoch}
    if not ultralytics:
        lines = [msgspec.json.encode({EPOCH: number, **values}) + b"\n" for number, values in wanted.items()]
        return RunTable(JSONL, b"".join(lines))
    names = list(dict.fromkeys(name for values in wanted.values() for name in values))
    whole = all(len(values) == len(names) for values in wanted.values())
    if not whole or not any(name.startswith("lr/") for name in names):
        return RunTable(CSV, b"")
    return RunTable(
        CSV, _csv((EPOCH, *names), [(n, *(values[name] for name in names)) for n, values in wanted.items()])
    )


def _csv(names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    """With the clock's column comes the plain style; versions before it wrote wide columns."""
    style = "{}" if TIME in names else "{:>23}"
    digits = 6 if TIME in names else 5
    lines = [names, *([_cell(value, digits) for value in row] for row in rows)]
    return "".join(",".join(style.format(cell) for cell in line) + "\n" for line in lines).encode()


def _cell(value: Cell, digits: int) -> str:
    number = value if isinstance(value, int | float) else math.nan
    return f"{number:.{digits}g}"
