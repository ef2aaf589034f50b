"""Stand-ins for the public bases, made by debootstrap under the very names that the Dockerfiles use.

Without an engine there is often no registry either. What this machine needs to reach packages goes into the
stand-ins alone, so that the Dockerfiles stay the same everywhere.
"""

import hashlib
import os
import shutil
import tarfile
from pathlib import Path
from typing import Protocol

from images import machine
from images.image import STANDINS, digest_of, files_beneath
from images.shell import run, say

SUITE = "trixie"
BASES = {
    "docker.io/library/debian:trixie-slim": STANDINS / "debian",
    "docker.io/library/python:3.13-slim-trixie": STANDINS / "python",
}
# What the public base leaves out; the folder of standins/debian/root keeps it out from then on.
SLIMMED = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists")


class Builder(Protocol):
    """The part of buildah that making a base needs."""

    def build_folder(self, dockerfile: Path, context: Path, tags: tuple[str, ...]) -> None: ...

    def has(self, tag: str) -> bool: ...

    def tag(self, existing: str, tag: str) -> None: ...

    def forget(self, prefix: str, keep: tuple[str, ...]) -> None: ...


def provide(builder: Builder, dockerfile: Path, work: Path) -> None:
    """See to it that each base that a Dockerfile names is there."""
    text = dockerfile.read_text()
    overlay = machine.settings(os.environ)
    for name, folder in BASES.items():
        if name in text and folder / "Dockerfile" != dockerfile:
            provide(builder, folder / "Dockerfile", work)
            make(builder, name, folder, overlay, work)


def make(builder: Builder, name: str, folder: Path, overlay: dict[str, bytes], work: Path) -> None:
    """Make a base, or find the one made by this recipe."""
    prefix = f"localhost/standin-{folder.name}:"
    made = prefix + recipe(overlay)
    if not builder.has(made):
        say(f"Making a stand-in for {name}")
        context = work / folder.name
        shutil.copytree(folder, context)
        if (context / "root").is_dir():
            debootstrap(context, overlay)
        builder.build_folder(context / "Dockerfile", context, (made, name))
        builder.forget(prefix, (made,))
    builder.tag(made, name)


def recipe(overlay: dict[str, bytes]) -> str:
    """The hash of all that stand-ins are made from."""
    files = digest_of(STANDINS, files_beneath(STANDINS))
    return hashlib.sha256(repr((SUITE, files, sorted(overlay.items()))).encode()).hexdigest()[:12]


def debootstrap(context: Path, overlay: dict[str, bytes]) -> None:
    """Make root.tar: a minimal Debian with the files of `root` and of the machine laid over it."""
    system = context / "system"
    run("unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase", SUITE, str(system))
    for folder in SLIMMED:
        empty(system / folder)
    shutil.copytree(context / "root", system, dirs_exist_ok=True)
    for path, content in overlay.items():
        target = system / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    with tarfile.open(context / "root.tar", "w") as tar:
        tar.add(system, arcname=".")


def empty(folder: Path) -> None:
    """Delete what is in a folder, but not the folder."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
