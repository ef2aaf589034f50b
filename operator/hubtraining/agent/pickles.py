"""What a checkpoint says about itself, read without unpickling anything.

A checkpoint is a zip that holds a pickled dict whose leading items are plain: the epoch comes first. Opcodes are
walked up to the first value that is not plain, so no class is ever looked up and no object is ever made.
"""

import pickletools
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import IO

from hubtraining.agent.archives import opened_zip

Plain = int | float | str | None

HEAD = 65_536
"""Bytes of the pickle that are looked at."""

PLAIN = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
VALUES = frozenset({"BININT", "BININT1", "BININT2", "LONG1", "INT", "LONG", "BINFLOAT", "FLOAT",
                    "BINUNICODE", "SHORT_BINUNICODE", "UNICODE"})  # fmt: skip
SKIPPED = frozenset({"PROTO", "FRAME", "EMPTY_DICT", "MARK", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"})


def leading_items(pickled: bytes) -> dict[str, Plain]:
    """The plain items at the beginning of a pickled dict; empty where it is something else."""
    values = list(_plain_values(pickled))
    return {key: value for key, value in zip(values[::2], values[1::2], strict=False) if isinstance(key, str)}


def _plain_values(pickled: bytes) -> Iterator[Plain]:
    opcodes = pickletools.genops(BytesIO(pickled[:HEAD]))
    try:
        for opcode, argument, _ in opcodes:
            if opcode.name in VALUES:
                yield argument
            elif opcode.name in PLAIN:
                yield PLAIN[opcode.name]
            elif opcode.name not in SKIPPED:
                return
    except ValueError:  # not a pickle, or cut at HEAD
        return


def checkpoint_epoch(file: IO[bytes]) -> int | None:
    """The epoch inside an intact checkpoint, counted from 1; 0 where it was stripped after training; None if unsaid."""
    epoch = said_epoch(file)
    return None if epoch is None or epoch < -1 else epoch + 1


def said_epoch(file: IO[bytes]) -> int | None:
    """The number that stands as ``epoch`` inside an intact checkpoint, whatever it counts from; None if unsaid."""
    with opened_zip(file) as archive:
        member = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
        items = leading_items(_head(archive, member)) if member else {}
    epoch = items.get("epoch")
    return epoch if isinstance(epoch, int) and not isinstance(epoch, bool) else None


def _head(archive: zipfile.ZipFile, member: str) -> bytes:
    with archive.open(member) as stream:
        return stream.read(HEAD)
