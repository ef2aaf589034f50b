"""A second name for the image in an archive: buildah writes only one."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

LISTS = {"manifest.json", "repositories"}


class UnknownLayout(Exception):
    """The lists do not stand at the archive's end, where buildah puts them."""


def rename(archive: Path, tags: tuple[str, ...]) -> None:
    """Give an archive's only image these names, without copying its layers."""
    start, manifest = lists(archive)
    manifest[0]["RepoTags"] = list(tags)
    with archive.open("r+b") as file:
        file.truncate(start)
        file.seek(start)
        with tarfile.open(fileobj=file, mode="w") as tail:
            tail.addfile(*member("manifest.json", json.dumps(manifest).encode()))


def lists(archive: Path) -> tuple[int, list[dict[str, Any]]]:
    """Where the lists of images start, and the list that is read today."""
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        first = next(number for number, each in enumerate(members) if each.name in LISTS)
        if any(each.name not in LISTS for each in members[first:]):
            raise UnknownLayout(archive)
        content = tar.extractfile("manifest.json")
        return members[first].offset, json.loads(content.read() if content else b"[]")


def member(name: str, content: bytes) -> tuple[tarfile.TarInfo, io.BytesIO]:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o444
    return entry, io.BytesIO(content)
