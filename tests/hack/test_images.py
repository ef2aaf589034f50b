"""Images made without an engine."""

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.images import load, write_image


def test_an_image_holds_its_program_and_nothing_else(tmp_path: Path) -> None:
    program, archive = tmp_path / "pause", tmp_path / "pause.tar"
    program.write_bytes(b"\x7fELF")
    write_image(archive, "localhost/pause:1", program)
    with tarfile.open(archive) as image:
        files = {member.name: image.extractfile(member) for member in image}
        [manifest] = json.load(files["manifest.json"])  # type: ignore[arg-type]
        config = json.load(files[manifest["Config"]])  # type: ignore[arg-type]
        [layer] = manifest["Layers"]
        content = files[layer].read()  # type: ignore[union-attr]
    assert manifest["RepoTags"] == ["localhost/pause:1"]
    assert config["config"]["Entrypoint"] == ["/pause"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(content).hexdigest()}"]


def test_the_same_program_makes_the_same_image(tmp_path: Path) -> None:
    (tmp_path / "pause").write_bytes(b"\x7fELF")
    for archive in ("one.tar", "two.tar"):
        write_image(tmp_path / archive, "localhost/pause:1", tmp_path / "pause")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_an_archive_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no image archive"):
        load((), tmp_path / "missing.tar")
