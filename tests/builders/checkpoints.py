"""Files that look like what a trainer saves: zip archives with a ``data.pkl``."""

import hashlib
import os
import zipfile
from pathlib import Path

from hubtraining.hub.uploads import CheckpointUpload


def a_checkpoint(path: Path, *, size: int = 2000, seed: int = 0) -> Path:
    """Write a whole checkpoint of about ``size`` bytes; another ``seed`` gives another content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}/data.pkl", b"not a pickle, and never unpickled")
        with archive.open(f"{path.stem}/data/0", "w", force_zip64=size > 1 << 30) as member:
            for start in range(0, size, 1 << 20):
                member.write(hashlib.shake_128(f"{seed} {start}".encode()).digest(min(1 << 20, size - start)))
    return path


def an_upload(path: Path, epoch: int = 1, *, best: bool = False, final: bool = False) -> CheckpointUpload:
    """The upload of a whole checkpoint, written now if it is not there."""
    if not path.exists():
        a_checkpoint(path, seed=epoch)
    if final:
        return CheckpointUpload(path, epoch, "final", map=0.5, sha256=digest(path))
    return CheckpointUpload(path, epoch, is_best=best, sha256=digest(path))


def digest(path: Path) -> str:
    """SHA-256 of a file, lowercase hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sha256_of(content: bytes) -> str:
    """SHA-256 of bytes, lowercase hex."""
    return hashlib.sha256(content).hexdigest()


def tear(path: Path, keep: int = 100) -> Path:
    """Cut a file off, as a writer leaves it that is not done."""
    os.truncate(path, keep)
    return path
