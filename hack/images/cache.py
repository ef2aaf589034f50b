"""Where archives are kept, so that nothing is built twice."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from images.image import Image
from images.shell import say

KEPT = 2  # archives of each image: this branch's, and the one that a switch of branches came from


@dataclass(frozen=True)
class Cache:
    """A folder of this machine's user, outside the checkout."""

    root: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Cache":
        base = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return cls(Path(base) / "hubtraining" / "images")

    def archive(self, image: Image) -> Path:
        return self.root / f"{image.name}-{image.digest}.tar"

    @property
    def work(self) -> Path:
        """Room of this process for what is half made."""
        return self.root / f"work-{os.getpid()}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One build at a time: the kernel gives the lock back however a build ends."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            acquire(lock.fileno())
            self.forget_killed()
            self.work.mkdir(exist_ok=True)
            try:
                yield
            finally:
                shutil.rmtree(self.work, ignore_errors=True)

    def forget_killed(self) -> None:
        """Delete what killed builds left, or as much as their last children let go of."""
        for folder in self.root.glob("work-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def forget_older(self, image: Image) -> None:
        """Delete archives of an image that have not been asked for lately."""
        found = sorted(self.root.glob(f"{image.name}-{'[0-9a-f]' * 12}.tar"), key=lambda path: path.stat().st_mtime)
        for path in found[:-KEPT]:
            path.unlink()

    def remember(self, archive: Path) -> None:
        """Count an archive as used now."""
        os.utime(archive)


def acquire(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Waiting for another build on this machine")
        fcntl.flock(lock, fcntl.LOCK_EX)
