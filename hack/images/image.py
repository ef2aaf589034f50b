"""What there is to build, and the hash of all that goes in."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STANDINS = Path(__file__).resolve().parent / "standins"
DIGEST_LENGTH = 12


@dataclass(frozen=True)
class Image:
    """A name, and the folder with a Dockerfile and a .dockerignore that first shuts out everything."""

    name: str
    context: Path

    @cached_property
    def digest(self) -> str:
        """The hash of the Dockerfile, of all that it may copy, and of the stand-ins for its base."""
        inputs = digest_of(self.context, list(self.inputs()))
        bases = digest_of(STANDINS, files_beneath(STANDINS))
        return hashlib.sha256(f"{inputs} {bases}".encode()).hexdigest()[:DIGEST_LENGTH]

    @property
    def tags(self) -> tuple[str, str]:
        """The name by content, for pods, and the one that stays, for people."""
        return f"localhost/{self.name}:{self.digest}", f"localhost/{self.name}:dev"

    @property
    def dockerfile(self) -> Path:
        return self.context / "Dockerfile"

    def copied(self, folder: Path) -> "Image":
        """The same image from a copy of its inputs, which nobody edits while it is built."""
        for path in self.inputs():
            target = folder / path.relative_to(self.context)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        return Image(self.name, folder)

    def inputs(self) -> Iterator[Path]:
        ignored = self.context / ".dockerignore"
        yield self.dockerfile
        yield ignored
        for path in allowed(ignored):
            yield from files_beneath(self.context / path)


IMAGES = {
    "hubtraining": Image("hubtraining", ROOT),
    "trainer": Image("hubtraining-trainer", ROOT / "tests" / "e2e" / "trainer"),
}


def allowed(dockerignore: Path) -> list[str]:
    """The paths that a .dockerignore lets through."""
    return [line[1:] for line in dockerignore.read_text().splitlines() if line.startswith("!")]


def files_beneath(path: Path) -> list[Path]:
    """A file, or the files of a folder without what Python leaves there."""
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts)


def digest_of(base: Path, files: list[Path]) -> str:
    """One hash over names, modes and contents."""
    total = hashlib.sha256()
    for path in files:
        name, executable = path.relative_to(base), bool(path.stat().st_mode & 0o100)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{name}\0{executable}\0{content}\n".encode())
    return total.hexdigest()
