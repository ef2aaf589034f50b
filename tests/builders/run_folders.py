"""The run folders that real trainers have left; see tests/agent/run_folders/make.py."""

import gzip
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "agent" / "run_folders"
RUNS = tuple(sorted(str(path.parent.relative_to(FOLDER)) for path in FOLDER.glob("*/*/results.csv")))
"""``<version>/<case>``."""
PICKLED = tuple(sorted(str(path.parent.relative_to(FOLDER)) for path in FOLDER.glob("*/*/data.pkl.gz")))


def table(run: str) -> bytes:
    """The results.csv of a run."""
    return (FOLDER / run / "results.csv").read_bytes()


def arguments(run: str) -> bytes:
    """The args.yaml of a run."""
    return (FOLDER / run / "args.yaml").read_bytes()


def pickled(run: str) -> bytes:
    """The pickle of the checkpoint that was saved after the second epoch."""
    return gzip.decompress((FOLDER / run / "data.pkl.gz").read_bytes())


def columns(run: str) -> list[str]:
    """The names in the first line, read in another way than the agent does."""
    return re.split(r"\s*,\s*", table(run).decode().splitlines()[0].strip())
