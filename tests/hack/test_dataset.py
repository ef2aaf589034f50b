import importlib.util
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from types import ModuleType

import pytest
import yaml

MAKE = Path(__file__).parents[2] / "examples" / "dataset" / "make.py"
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def the_program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_dataset", MAKE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = the_program()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dataset") / "signs.zip"
    make.make(path)
    return path


@pytest.fixture(scope="module")
def files(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def labels(files: dict[str, bytes], split: str = "") -> list[list[str]]:
    texts = [content.decode() for name, content in files.items() if f"labels/{split}" in name]
    return [line.split() for text in texts for line in text.splitlines()]


def test_the_same_bytes_come_out_of_another_process(archive: Path, tmp_path: Path) -> None:
    again = tmp_path / "signs.zip"
    subprocess.run([sys.executable, MAKE, again], check=True, env={"PYTHONHASHSEED": "1"})
    assert again.read_bytes() == archive.read_bytes()


def test_nothing_is_left_to_a_compressor_or_a_clock(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_the_root_folder_and_the_description_are_named_as_the_zip(tmp_path: Path) -> None:
    make.make(tmp_path / "other.zip")
    with zipfile.ZipFile(tmp_path / "other.zip") as opened:
        names = opened.namelist()
    assert "other/other.yaml" in names
    assert {name.split("/")[0] for name in names} == {"other"}


def test_there_is_a_label_file_for_each_image(files: dict[str, bytes]) -> None:
    images = {name for name in files if name.endswith(".png")}
    texts = {name for name in files if name.endswith(".txt")}
    assert texts == {name.replace("/images/", "/labels/").replace(".png", ".txt") for name in images}
    assert sum("/train/" in name for name in images) == 12
    assert sum("/val/" in name for name in images) == 4


def test_the_description_finds_its_images_wherever_it_is_extracted(files: dict[str, bytes]) -> None:
    description = yaml.safe_load(files["signs/signs.yaml"])
    assert not description.get("path")
    for split in ("train", "val"):
        assert any(name.startswith(f"signs/{description[split]}/") for name in files)
    assert description["names"] == {0: "disc", 1: "square", 2: "triangle"}


def test_every_sign_lies_within_its_image(files: dict[str, bytes]) -> None:
    for _, *numbers in labels(files):
        x, y, width, height = map(float, numbers)
        assert 0 <= x - width / 2 < x + width / 2 <= 1
        assert 0 <= y - height / 2 < y + height / 2 <= 1


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_class_is_in_each_split(files: dict[str, bytes], split: str) -> None:
    assert {kind for kind, *_ in labels(files, split)} == {"0", "1", "2"}


def test_the_images_are_whole(files: dict[str, bytes]) -> None:
    for content in (content for name, content in files.items() if name.endswith(".png")):
        assert content.startswith(SIGNATURE)
        chunks = dict(chunks_of(content.removeprefix(SIGNATURE)))
        assert chunks[b"IHDR"] == struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
        assert len(zlib.decompress(chunks[b"IDAT"])) == 64 * (1 + 3 * 64)
        assert b"IEND" in chunks


def chunks_of(content: bytes) -> list[tuple[bytes, bytes]]:
    chunks = []
    while content:
        (size,) = struct.unpack(">I", content[:4])
        kind, body, check = content[4:8], content[8 : 8 + size], content[8 + size : 12 + size]
        assert struct.pack(">I", zlib.crc32(kind + body)) == check
        chunks.append((kind, body))
        content = content[12 + size :]
    return chunks


def test_a_sign_is_painted_where_its_label_says() -> None:
    square = make.Sign(kind=1, x=20, y=40, radius=7)
    covered = [(x, y) for x in range(64) for y in range(64) if square.covers(x, y)]
    assert (min(covered), max(covered)) == ((13, 33), (27, 47))
    assert square.label == "1 0.320312 0.632812 0.234375 0.234375\n"


@pytest.mark.parametrize("words", [[], ["a.zip", "b.zip"], ["signs.tar"]])
def test_anything_but_one_zip_is_refused_with_the_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="Usage"):
        make.main(words)
