"""Follow a run: each look at its folder tells what is new. Blocking, small reads: look in a thread."""

import logging
from collections.abc import Mapping
from pathlib import PurePosixPath

import msgspec

from hubtraining.agent import weights
from hubtraining.agent.growing import CSV, JSONL, GrowingTable, Growth
from hubtraining.agent.results import MAX_EPOCH
from hubtraining.agent.run_folder import Kind, Workspace, read_small
from hubtraining.agent.weights import WeightsFile
from hubtraining.domain.progress import EpochRow, Planned

log = logging.getLogger("hubtraining.agent")


class Seen(msgspec.Struct, frozen=True):
    """One look. Files are looked at after the exit code, so what comes with one is the whole run."""

    exit_code: int | None = None
    rows: tuple[EpochRow, ...] = ()
    anew: bool = False
    """The table began again, so rows of before are void: the first of ``rows`` is its first."""
    more: bool = False
    """The table holds more than this look read."""
    weights: Mapping[Kind, WeightsFile] = {}
    """The checkpoint files that are there."""
    planned: Planned = Planned()
    """As the trainer noted it when it started."""


class Follower:
    """The folder of one run, and how far it has been read."""

    def __init__(self, workspace: Workspace, run: PurePosixPath, exit_file: PurePosixPath) -> None:
        self._workspace = workspace
        self._run = run
        self._exit_file = exit_file
        self._csv = GrowingTable(workspace, run / CSV)
        self._jsonl = GrowingTable(workspace, run / JSONL)
        self._ours: GrowingTable | None = None
        self._complaints: dict[str, str] = {}

    def look(self) -> Seen:
        """What is there now. Never raises for anything that a trainer may do to its folder."""
        exit_code = exit_code_in(read_small(self._workspace, self._exit_file, 16))
        growth = self._growth()
        return Seen(
            exit_code=exit_code,
            rows=growth.rows,
            anew=growth.anew,
            more=growth.more,
            weights=self._weights(),
            planned=self._planned(),
        )

    def _growth(self) -> Growth:
        """Of the trainer's own table, or else of the plain contract's; another one than before begins anew."""
        for table in (self._csv, self._jsonl):
            growth = self._grown(table)
            if growth is not None:
                before, self._ours = self._ours, table
                return growth if before in (None, table) else msgspec.structs.replace(growth, anew=True)
        return Growth()

    def _grown(self, table: GrowingTable) -> Growth | None:
        try:
            growth = table.look()
        except OSError as error:
            self._complain("the table is left out", str(error))
            return None
        if growth is not None and table.reader.skipped:
            self._complain(f"{table.name} is left out in part", "it has lines that are no rows of finished epochs")
        return growth

    def _weights(self) -> dict[Kind, WeightsFile]:
        found = {kind: self._file(kind) for kind in weights.KINDS}
        return {kind: file for kind, file in found.items() if file is not None}

    def _file(self, kind: Kind) -> WeightsFile | None:
        try:
            return weights.find(self._workspace, self._run, kind)
        except OSError as error:
            self._complain(f"the {kind} checkpoint is left out", str(error))
            return None

    def _planned(self) -> Planned:
        arguments = read_small(self._workspace, self._run / "args.yaml")
        if arguments is not None:
            return planned(arguments)
        return Planned() if self._ours is None else Planned(epochs=self._ours.reader.epochs)

    def _complain(self, what: str, why: str) -> None:
        """Once for each thing that is wrong, not once a second."""
        if self._complaints.get(what) != why:
            log.warning("%s: %s", what, why)
            self._complaints[what] = why


def exit_code_in(content: bytes | None) -> int | None:
    """The launcher's number; None while there is none."""
    text = (content or b"").strip()
    return int(text) if text.isdigit() and len(text) <= 3 else None


def planned(arguments: bytes) -> Planned:
    """What the trainer's args.yaml says of its end, one key a line: ``epochs``, ``time`` in hours, ``patience``."""
    lines = (line.partition(b":") for line in arguments.splitlines())
    values = {key: _number(value) for key, _, value in lines if key in (b"epochs", b"time", b"patience")}
    epochs, hours, patience = (values.get(key) for key in (b"epochs", b"time", b"patience"))
    return Planned(
        epochs=None if epochs is None else int(epochs),
        seconds=hours * 3600 if hours else None,
        patience=None if patience is None else int(patience),
    )


def _number(text: bytes) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < MAX_EPOCH else None
