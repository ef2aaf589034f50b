"""Zips of data sets, from strangers."""

import io
import os
import shutil
import stat
import zipfile
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from random import Random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.agent import data_set
from hubtraining.agent.data_set import BadDataSet, find_yaml, safe_name, unpack, with_path


def a_zip(path: Path, members: dict[str, bytes], **options: int) -> Path:
    """A zip of these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = options.get("mode", 0o644 | stat.S_IFREG) << 16
            archive.writestr(member, content)
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_zip_is_unpacked_whole(tmp_path: Path) -> None:
    members = {"data.yaml": b"names: [a]\n", "images/train/1.png": b"png", "labels/train/1.txt": b"0 1"}
    unpack(
        a_zip(tmp_path / "a.zip", {**members, "__MACOSX/._data.yaml": b"x", "images/.DS_Store": b"x"}), tmp_path / "out"
    )
    assert files(tmp_path / "out") == members
    assert not (tmp_path / ".out.part").exists()


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/etc/evil", "..\\evil", "C:\\evil", "C:evil", "a\\..\\..\\evil", ".."],
)
def test_a_member_that_leads_out_is_refused_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(BadDataSet, match="leads out"):
        unpack(a_zip(tmp_path / "a.zip", {"data.yaml": b"", name: b"evil"}), inner / "out")
    assert not (inner / "out").exists()
    assert not any("evil" in str(path) for path in tmp_path.rglob("*"))


@given(st.text(min_size=1, max_size=20))
def test_every_name_stays_inside_or_is_refused(name: str) -> None:
    try:
        safe = safe_name(zipfile.ZipInfo(name))
    except (BadDataSet, ValueError):
        return
    assert not safe.is_absolute()
    assert ".." not in safe.parts
    assert os.path.normpath(Path("/root") / safe).startswith("/root/")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    with pytest.raises(BadDataSet, match="link or a device"):
        unpack(a_zip(tmp_path / "a.zip", {"data.yaml": b"/etc/passwd"}, mode=kind | 0o777), tmp_path / "out")


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_members_that_stand_in_each_others_way_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    with (
        zipfile.ZipFile(tmp_path / "a.zip", "w") as archive,
        pytest.warns(UserWarning, match="Duplicate") if names[0] == names[1] else nullcontext(),
    ):
        for name in names:
            archive.writestr(name, b"x")
    with pytest.raises(BadDataSet, match="cannot be unpacked"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_bomb_is_refused_by_the_size_it_admits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(BadDataSet, match="the workspace has 1000000 bytes free; the data set unpacks to 2000000"):
        unpack(a_zip(tmp_path / "a.zip", {"data.yaml": bytes(2_000_000)}), tmp_path / "out")


def test_a_bomb_that_lies_about_its_size_ends_where_it_said_it_would(tmp_path: Path) -> None:
    content = bytearray(a_zip(tmp_path / "a.zip", {"data.yaml": bytes(5_000_000)}).read_bytes())
    for size in (content.find((5_000_000).to_bytes(4, "little")), content.rfind((5_000_000).to_bytes(4, "little"))):
        content[size : size + 4] = (100).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(BadDataSet):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert sum(path.stat().st_size for path in (tmp_path / ".out.part").rglob("*")) <= 1000
    assert not (tmp_path / "out").exists()


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_set, "MAX_FILES", 3)
    with pytest.raises(BadDataSet, match="holds 4 files"):
        unpack(a_zip(tmp_path / "a.zip", dict.fromkeys("abcd", b"")), tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_data_set_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(BadDataSet):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("position", range(40, 400, 30))
def test_a_damaged_zip_of_any_method_is_refused_in_one_sentence_or_harmless(
    tmp_path: Path, method: int, position: int
) -> None:
    held, inside = io.BytesIO(), Random(8).randbytes(500)
    with zipfile.ZipFile(held, "w", method) as archive:
        archive.writestr("data.yaml", inside)
    content = bytearray(held.getvalue())
    content[position] ^= 0x55
    (tmp_path / "a.zip").write_bytes(content)
    try:
        unpack(tmp_path / "a.zip", tmp_path / "out")
    except BadDataSet as error:
        assert "cannot be unpacked" in str(error)  # noqa: PT017 - where it is not raised, the content is whole
    else:
        assert files(tmp_path / "out") == {"data.yaml": inside}


def test_what_a_broken_off_try_left_does_not_get_in(tmp_path: Path) -> None:
    (tmp_path / ".out.part/old").mkdir(parents=True)
    unpack(a_zip(tmp_path / "a.zip", {"data.yaml": b""}), tmp_path / "out")
    assert files(tmp_path / "out") == {"data.yaml": b""}


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def test_the_yaml_nearest_to_the_top_is_the_data_sets(tmp_path: Path) -> None:
    put(tmp_path, "signs/data.yml", "signs/deep/other.yaml")
    assert find_yaml(tmp_path) == tmp_path / "signs/data.yml"


@pytest.mark.parametrize(("names", "told"), [((), "none"), (("a.yaml", "b.yml"), "a.yaml, b.yml")])
def test_no_yaml_or_several_are_refused(tmp_path: Path, names: tuple[str, ...], told: str) -> None:
    put(tmp_path, *names)
    with pytest.raises(BadDataSet, match=f"it has {told}$"):
        find_yaml(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "train: images/train\nnames: [a]\n",
        "path: /elsewhere\ntrain: images/train\nnames: [a]\n",
        "path:   # where\n  /elsewhere\ntrain: images/train\nnames: [a]\n",
        "'path': >\n  /else\n  where\n\n\ntrain: images/train\nnames: [a]\n",
        "---\n%YAML 1.2\n---\ntrain: images/train\nnames: [a]\npath: x",
        "\ufeffpath: x\ntrain: images/train\nnames: [a]\n",
    ],
)
def test_the_path_is_replaced_and_everything_else_stays(text: str) -> None:
    read = yaml.safe_load(with_path(text, Path("/workspace/inputs/data set")))
    assert read == {"path": "/workspace/inputs/data set", "train": "images/train", "names": ["a"]}


def test_a_key_that_only_begins_like_path_stays() -> None:
    assert yaml.safe_load(with_path("pathology: 1\n", Path("/w"))) == {"path": "/w", "pathology": 1}


def test_a_yaml_in_braces_is_refused() -> None:
    with pytest.raises(BadDataSet, match="one key a line"):
        with_path("{path: x, train: y}", Path("/w"))


def test_the_name_of_a_plain_member_is_itself() -> None:
    assert safe_name(zipfile.ZipInfo("a/b.png")) == PurePosixPath("a/b.png")
