"""Building without an engine: buildah as root, with storage of its own and bases made on the spot."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from images import archive as archives
from images import bases, machine
from images.cache import Cache
from images.image import Image
from images.shell import ImagesError, output, run, say, succeeds

PACKAGES = ("buildah", "debootstrap")
# A namespace of its own takes all mounts with it, however the program ends.
PRIVATE = ("unshare", "--mount", "--propagation", "private")


@dataclass(frozen=True)
class Buildah:
    """Buildah on a storage folder that nothing else uses."""

    cache: Cache
    driver: str

    def command(self, *words: str) -> tuple[str, ...]:
        root = self.cache.root / f"buildah-{self.driver}"
        state = ("--root", str(root / "storage"), "--runroot", str(root / "run"))
        # Its temporary files go where those of killed builds are found and deleted.
        program = ("env", f"TMPDIR={self.cache.work}", "buildah")
        return (*PRIVATE, *program, *state, "--storage-driver", self.driver, *words)

    def build(self, image: Image) -> None:
        bases.provide(self, image.dockerfile, self.cache.work)
        if self.layered:
            self.name_stages(image)
        self.build_folder(image.dockerfile, image.context, image.tags)
        self.forget(f"localhost/{image.name}:", image.tags)

    @property
    def layered(self) -> bool:
        """Whether steps are kept: without overlay each would be a full copy of the image."""
        return self.driver == "overlay"

    def name_stages(self, image: Image) -> None:
        """Build the earlier stages under names: what has none is forgotten after each build."""
        for stage in stages(image.dockerfile):
            tag = f"localhost/stage/{image.name}:{stage}"
            self.build_folder(image.dockerfile, image.context, (tag,), "--target", stage)

    def build_folder(self, dockerfile: Path, context: Path, tags: tuple[str, ...], *options: str) -> None:
        """Build a folder with a Dockerfile, from bases that are here."""
        names = [word for tag in tags for word in ("--tag", tag)]
        how = ("--isolation", "chroot", "--pull-never", "--format", "docker", f"--layers={str(self.layered).lower()}")
        run(*self.command("build", *how, *options, *names, "--file", str(dockerfile), str(context)))

    def save(self, image: Image, archive: Path) -> None:
        content, _ = image.tags
        run(*self.command("push", "--quiet", content, f"docker-archive:{archive}:{content}"))
        archives.rename(archive, image.tags)

    def has(self, tag: str) -> bool:
        return succeeds(*self.command("inspect", "--type", "image", tag))

    def tag(self, existing: str, tag: str) -> None:
        run(*self.command("tag", existing, tag))

    def forget(self, prefix: str, keep: tuple[str, ...]) -> None:
        """Delete the images of other names with this prefix, and the layers that only they used."""
        # All are listed, because buildah takes a name without a tag for `latest`.
        names = (output(*self.command("images", "--format", "{{.Name}}:{{.Tag}}")) or "").split()
        for name in sorted(set(names) - set(keep)):
            if name.startswith(prefix):
                output(*self.command("rmi", name))
        output(*self.command("rmi", "--prune"))

    def forget_killed(self) -> None:
        """Delete the working containers of builds that were killed."""
        output(*self.command("rm", "--all"))


def stages(dockerfile: Path) -> list[str]:
    """The names of the stages before the last, which has none."""
    words = [line.split() for line in dockerfile.read_text().splitlines() if line.startswith("FROM ")]
    return [each[-1] for each in words if each[-2] == "AS"]


def prepare(cache: Cache) -> Buildah:
    """Buildah, installed when it is not there; raise ImagesError where it cannot work."""
    missing = tuple(name for name in PACKAGES if shutil.which(name) is None)
    if missing:
        machine.install(missing)
    if os.geteuid() != 0:
        raise ImagesError("buildah needs root here, to make the bases that it builds from: run this as root")
    buildah = Buildah(cache, "overlay")
    if not succeeds(*buildah.command("info")):
        say("Overlay mounts do not work here, so buildah copies instead")
        buildah = Buildah(cache, "vfs")
    buildah.forget_killed()
    return buildah
