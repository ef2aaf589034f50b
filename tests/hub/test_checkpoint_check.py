"""What is accepted as a checkpoint or a data set."""

import struct
import zipfile
from pathlib import Path

import pytest
from builders.hub import a_checkpoint, a_dataset, a_zip
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtraining.hub.checkpoint_check import MAX_RATIO, check_checkpoint, check_dataset
from hubtraining.hub.refusals import Invalid

WHOLE = a_checkpoint(3000, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def test_whole_files_pass(folder: Path) -> None:
    check_checkpoint(written(folder, WHOLE))
    check_checkpoint(written(folder, a_zip({"x/data.pkl": b"x" * 1000}, zipfile.ZIP_DEFLATED)))
    check_dataset(written(folder, a_dataset()))
    check_dataset(written(folder, a_zip({"data.yaml": b"nc: 1", "a/b..c.txt": b""})))


@settings(max_examples=60, deadline=None)
@given(length=st.integers(0, len(WHOLE) - 1))
def test_no_prefix_of_a_checkpoint_passes(folder: Path, length: int) -> None:
    with pytest.raises(Invalid):
        check_checkpoint(written(folder, WHOLE[:length]))


def test_damage_that_hides_a_member_is_found(folder: Path) -> None:
    content = bytearray(WHOLE)
    comment_length = content.index(b"PK\x01\x02") + 32
    content[comment_length] = len(WHOLE) - content.rindex(b"PK\x01\x02") - 22  # the next member becomes a comment
    assert len(zipfile.ZipFile(written(folder, bytes(content))).infolist()) == 1
    with pytest.raises(Invalid):
        check_checkpoint(written(folder, bytes(content)))


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_harmless_and_never_a_crash(folder: Path, place: int, bit: int) -> None:
    content = bytearray(WHOLE)
    content[place] ^= 1 << bit
    path = written(folder, bytes(content))
    try:
        check_checkpoint(path)
    except Invalid:
        return
    with zipfile.ZipFile(path) as damaged:  # names and dates are not covered by a checksum, contents are
        assert [damaged.read(member) for member in damaged.infolist()][1] == bytes([5]) * 3000


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=400), tail=st.booleans())
def test_no_bytes_crash_the_check(folder: Path, content: bytes, tail: bool) -> None:
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(content), 0, 0) if tail else b""
    with pytest.raises(Invalid):
        check_dataset(written(folder, content + end))


def test_a_zip_that_unpacks_to_far_more_than_it_is_refused(folder: Path) -> None:
    bomb = a_zip({"x/data.pkl": b"", "x/zeros": bytes((MAX_RATIO + 1) * (1 << 20))}, zipfile.ZIP_DEFLATED)
    with pytest.raises(Invalid, match="would unpack to"):
        check_checkpoint(written(folder, bomb))


def test_methods_that_take_long_are_refused(folder: Path) -> None:
    with pytest.raises(Invalid, match="neither stored nor deflated"):
        check_checkpoint(written(folder, a_zip({"x/data.pkl": b"x" * 1000}, zipfile.ZIP_LZMA)))


def test_encrypted_members_are_refused(folder: Path) -> None:
    content = bytearray(a_zip({"x/data.pkl": b"x"}))
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + offset] |= 1
    with pytest.raises(Invalid, match="encrypted"):
        check_checkpoint(written(folder, bytes(content)))


def test_a_disk_that_fails_is_not_the_senders_fault(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check_checkpoint(folder / "missing")
