"""Zip files from strangers."""

import io
import struct
import zipfile
from itertools import product

import pytest
from builders.trainer import weights
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.agent.archives import MAX_DIRECTORY, NotIntact, check, opened_zip

WHOLE = weights(3, size=2000)


def contents(file: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def intact(file: bytes) -> int:
    """The bytes that were read; raises NotIntact."""
    return sum(check(io.BytesIO(file)))


def test_every_byte_of_every_member_is_read() -> None:
    assert intact(WHOLE) == sum(map(len, contents(WHOLE).values()))


@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_that_is_cut_anywhere_is_not_intact(size: int) -> None:
    with pytest.raises(NotIntact):
        intact(WHOLE[:size])


def test_a_bit_that_was_changed_anywhere_is_found_or_changes_no_content() -> None:
    small = weights(3, size=100)
    known = set(contents(small).values())
    for position, bit in product(range(len(small)), range(8)):
        changed = small[:position] + bytes([small[position] ^ 1 << bit]) + small[position + 1 :]
        try:
            intact(changed)
        except NotIntact:
            continue
        assert set(contents(changed).values()) <= known


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_no_checkpoint_has_is_refused_before_anything_is_unpacked(method: int) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        archive.writestr("data.pkl", b"anything")
    with pytest.raises(NotIntact, match="neither stored nor deflated"):
        intact(held.getvalue())


@given(st.integers(1, len(WHOLE) - 1))
def test_old_and_new_bytes_mixed_are_never_intact(position: int) -> None:
    other = weights(4, size=2000, seed=9)
    mixed = other[:position] + WHOLE[position:]
    if mixed in (WHOLE, other):
        return
    try:
        intact(mixed)
    except NotIntact:
        return
    assert contents(mixed) in (contents(WHOLE), contents(other))


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_intact_or_not_and_nothing_else(content: bytes) -> None:
    with pytest.raises(NotIntact):
        intact(content)


def test_a_zip_bomb_is_no_checkpoint() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", bytes(10_000_000))
    with pytest.raises(NotIntact, match="not a checkpoint"):
        intact(held.getvalue())


def test_a_zip_without_members_is_no_checkpoint() -> None:
    held = io.BytesIO()
    zipfile.ZipFile(held, "w").close()
    with pytest.raises(NotIntact, match="0 members"):
        intact(held.getvalue())


def test_a_directory_larger_than_we_hold_in_memory_is_refused_before_it_is_read() -> None:
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, MAX_DIRECTORY + 1, 0, 0)
    with pytest.raises(NotIntact, match="at once"):
        intact(bytes(MAX_DIRECTORY + 1) + end)


def test_a_failure_of_the_disk_is_not_taken_for_a_torn_file() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"), opened_zip(Failing(WHOLE)):
        pass
