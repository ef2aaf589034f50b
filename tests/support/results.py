"""What a trainer has left on its disk."""

import csv
import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def results(path: Path) -> dict[int, dict[str, float]]:
    """The trainer's own rows, by epoch."""
    with path.open() as file:
        rows = [{key.strip(): float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return {int(row.pop("epoch")): row for row in rows}
