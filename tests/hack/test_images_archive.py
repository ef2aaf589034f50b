import io
import json
import tarfile
from pathlib import Path

import pytest

from images.archive import UnknownLayout, rename

TAGS = ("localhost/thing:0123456789ab", "localhost/thing:dev")
LAYER = bytes(range(256)) * 100


def an_archive(path: Path, *names: str) -> Path:
    contents = {
        "layer.tar": LAYER,
        "manifest.json": json.dumps([{"Config": "c.json", "RepoTags": TAGS[:1], "Layers": ["layer.tar"]}]).encode(),
    }
    with tarfile.open(path, "w") as tar:
        for name in names:
            entry, content = tarfile.TarInfo(name), contents.get(name, b"{}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def read(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {each.name: file.read() for each in tar.getmembers() if (file := tar.extractfile(each))}


@pytest.mark.parametrize(
    "lists", [["manifest.json"], ["repositories", "manifest.json"], ["manifest.json", "repositories"]]
)
def test_an_archive_gets_all_names(tmp_path: Path, lists: list[str]) -> None:
    path = an_archive(tmp_path / "image.tar", "layer.tar", "c.json", *lists)
    rename(path, TAGS)
    (manifest,) = json.loads(read(path)["manifest.json"])
    assert manifest == {"Config": "c.json", "RepoTags": list(TAGS), "Layers": ["layer.tar"]}


def test_the_layers_stay_as_they_are(tmp_path: Path) -> None:
    path = an_archive(tmp_path / "image.tar", "layer.tar", "c.json", "repositories", "manifest.json")
    rename(path, TAGS)
    files = read(path)
    assert set(files) == {"layer.tar", "c.json", "manifest.json"}
    assert files["layer.tar"] == LAYER


def test_renaming_twice_is_renaming_once(tmp_path: Path) -> None:
    path = an_archive(tmp_path / "image.tar", "layer.tar", "manifest.json")
    rename(path, TAGS)
    once = path.read_bytes()
    rename(path, TAGS)
    assert path.read_bytes() == once


def test_layers_behind_the_lists_are_never_cut_off(tmp_path: Path) -> None:
    path = an_archive(tmp_path / "image.tar", "manifest.json", "layer.tar")
    before = path.read_bytes()
    with pytest.raises(UnknownLayout):
        rename(path, TAGS)
    assert path.read_bytes() == before
