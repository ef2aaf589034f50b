"""Virtual environments of the programs that we run against: one for each lock file, in the cache, never in ours."""

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCKS = Path(__file__).parents[1] / "peers"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hubtraining" / "peers"


def python_of(peer: str) -> Path:
    """The Python that imports ``peer`` (the name of a lock file) and what it needs; made where it is missing."""
    lock = LOCKS / f"{peer}.lock"
    content = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = CACHE / f"{peer}-{content}"
    ready = folder / "ready"
    with _alone(CACHE / f"{folder.name}.lock"):
        if not ready.exists():
            venv.create(folder, clear=True, symlinks=True, with_pip=False)
            _install(folder, lock)
            ready.touch()
    return folder / "bin" / "python"


def _install(folder: Path, lock: Path) -> None:
    """What the lock names and nothing else: no dependency is looked up, each file is compared with its hash."""
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--disable-pip-version-check"]
    subprocess.run([*pip, *options, "--requirement", str(lock)], check=True)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """One process at a time: the workers of a test run share the cache."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
