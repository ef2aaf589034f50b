"""What can build an image: docker, podman, or buildah."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from images import buildah
from images.cache import Cache
from images.image import Image
from images.shell import ImagesError, run, succeeds

ENGINES = ("docker", "podman")
CHOICES = ("auto", *ENGINES, "buildah")


class Engine(Protocol):
    """Builds an image, and writes it as a docker-archive with both of its names."""

    def build(self, image: Image) -> None: ...

    def save(self, image: Image, archive: Path) -> None: ...


@dataclass(frozen=True)
class Docker:
    """Docker, or podman, which takes the same words."""

    command: str

    def build(self, image: Image) -> None:
        content, stable = image.tags
        run(self.command, "build", "--tag", content, "--tag", stable, str(image.context))

    def save(self, image: Image, archive: Path) -> None:
        run(self.command, "save", "--output", str(archive), *image.tags)


def choose(wanted: str, cache: Cache) -> Engine:
    """The engine that was asked for, or the first that answers."""
    if wanted == "buildah":
        return buildah.prepare(cache)
    candidates = ENGINES if wanted == "auto" else (wanted,)
    # `info` asks the daemon; a client alone is no engine.
    answering = next((name for name in candidates if succeeds(name, "info")), None)
    if answering:
        return Docker(answering)
    if wanted != "auto":
        raise ImagesError(f"{wanted} does not answer `{wanted} info`: start it, or leave --engine away")
    return buildah.prepare(cache)
