"""Is an uploaded file whole? Every member of the zip is read and its CRC compared; nothing is ever unpickled."""

import errno
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from hubtraining.hub.refusals import Invalid

MAX_MEMBERS = 1_000_000
MAX_RATIO = 200
"""Bytes that one byte of the file may unpack to: label files compress well, a zip bomb a thousandfold."""
FREE_BYTES = 1 << 20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1
END = struct.Struct("<4s6xH4x4xH")
"""A zip's end record: its mark, how many members the zip has, and the length of the comment that follows."""
UNSAID = 0xFFFF
"""More members than the end record can count: another record does."""


def check_checkpoint(path: Path) -> None:
    """Raise Invalid unless the file is a whole PyTorch checkpoint (a zip that holds ``data.pkl``)."""
    names = _check_zip(path, "checkpoint")
    if not any(PurePosixPath(name).name == "data.pkl" for name in names):
        raise Invalid("the checkpoint is a zip without data.pkl, so nothing that torch.save wrote")


def check_dataset(path: Path) -> None:
    """Raise Invalid unless the file is a whole zip with members that stay inside the folder it is unpacked to."""
    names = _check_zip(path, "data set")
    if not names:
        raise Invalid("the data set is a zip that holds nothing")
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts:
            raise Invalid("the data set holds a member whose name leads out of its folder")


def _check_zip(path: Path, what: str) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(members, path.stat().st_size, what)
            if _promised(path) not in (len(members), UNSAID):
                raise _torn(what)
            broken = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError) as error:
        raise _torn(what) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a seek to where no byte can be; anything else is the disk's failure
            raise
        raise _torn(what) from error
    if broken is not None:
        raise Invalid(f"the {what} is damaged: a member's checksum is wrong")
    return [member.filename for member in members]


def _promised(path: Path) -> int:
    """How many members the file says that it has: damage in its directory can hide some."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - END.size - UNSAID))
        tail = file.read()
    return int(END.unpack_from(tail, tail.rfind(b"PK\x05\x06"))[1])


def _torn(what: str) -> Invalid:
    return Invalid(f"the {what} is not a whole zip file: it is torn, or something else")


def _check_members(members: list[zipfile.ZipInfo], size: int, what: str) -> None:
    if any(member.compress_type not in METHODS or member.flag_bits & ENCRYPTED for member in members):
        raise Invalid(f"the {what} has members that are encrypted or neither stored nor deflated")
    unpacked = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS or unpacked > FREE_BYTES + MAX_RATIO * size:
        raise Invalid(f"the {what} would unpack to {unpacked} bytes from {size}: not accepted")
