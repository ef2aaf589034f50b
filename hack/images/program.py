"""The command: image by image, from the cache or from an engine."""

import argparse
import os
import sys
from pathlib import Path

from images.cache import Cache
from images.engines import CHOICES, choose
from images.image import IMAGES, Image
from images.shell import ImagesError, say


def arguments(words: list[str]) -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(
        prog="build", description="Build images and print where their docker-archives are, one a line."
    )
    parser.add_argument("image", nargs="?", default="all", choices=(*IMAGES, "all"))
    parser.add_argument("--engine", default="auto", choices=CHOICES, help="what builds; auto takes what answers")
    parser.add_argument("--print", action="store_true", help="only print where the archives would be")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Build what was asked for; returns the exit code."""
    wanted = arguments(words)
    chosen = list(IMAGES.values()) if wanted.image == "all" else [IMAGES[wanted.image]]
    cache = Cache.of(os.environ)
    try:
        for image in chosen:
            print(cache.archive(image) if wanted.print else built(image, cache, wanted.engine), flush=True)
    except ImagesError as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def built(image: Image, cache: Cache, engine: str) -> Path:
    """The image's archive, made when it is not there."""
    with cache.locked():
        image = image.copied(cache.work / image.name)
        archive = cache.archive(image)
        if archive.exists():
            cache.remember(archive)
        else:
            make(image, archive, cache, engine)
    return archive


def make(image: Image, archive: Path, cache: Cache, engine: str) -> None:
    """Build an image, and give the archive its name only when it is whole."""
    content, _ = image.tags
    say(f"Building {content}")
    builder = choose(engine, cache)
    builder.build(image)
    partial = cache.work / archive.name
    builder.save(image, partial)
    partial.replace(archive)
    cache.forget_older(image)
