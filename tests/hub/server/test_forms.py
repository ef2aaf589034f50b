"""Multipart forms in pieces of any size."""

import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.hub.refusals import Invalid, Malformed
from hubtraining.hub.server.forms import FLUSH_BYTES, MAX_FIELD, MAX_PARTS, FormReader, boundary_of, receive
from hubtraining.hub.server.services import inline
from hubtraining.hub.store.blobs import Blobs

TYPE = "multipart/form-data; boundary=b"


def a_part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


def a_form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b--\r\n"


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def received(folder: Path, body: bytes, size: int = 1000, content_type: str = TYPE) -> tuple[object, bytes]:
    """The form, and the bytes of its file."""
    blobs = Blobs(folder, reserve=0)
    blobs.prepare()
    with blobs.spool() as spool:
        form = await receive(in_pieces(body, size), content_type, spool, inline)
        return form, spool.path.read_bytes()


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
async def test_pieces_of_any_size_give_the_same_form(tmp_path: Path, size: int) -> None:
    content = b"\r\n--a is not the boundary\r\n--" + bytes(range(256)) * 4
    body = a_form(a_part("epoch", b"5"), a_part("last.pt", content, "last.pt"), a_part("isBest", b"True"))
    form, file = await received(tmp_path, body, size)
    assert vars(form) == {"fields": {"epoch": "5", "isBest": "True"}, "file_name": "last.pt"}
    assert file == content


@given(content=st.binary(max_size=300), size=st.integers(1, 50))
def test_no_bytes_are_lost_or_added(content: bytes, size: int) -> None:
    content = content.replace(b"--b", b"")
    reader, body = FormReader(b"b"), a_form(a_part("f", content, "f"))
    taken = bytearray()
    for start in range(0, len(body), size):
        reader.feed(body[start : start + size])
        taken += reader.take()
    assert reader.complete
    assert bytes(taken) == content


async def test_a_file_without_a_name_has_its_parts_name(tmp_path: Path) -> None:
    form, _ = await received(tmp_path, a_form(a_part("best.pt", b"x", "")))
    assert vars(form)["file_name"] == "best.pt"


@pytest.mark.parametrize(
    ("body", "kind", "part"),
    [
        (a_form(a_part("epoch", b"5")), Invalid, "no file"),
        (a_form(), Invalid, "no file"),
        (b"", Malformed, "too early"),
        (b"nonsense", Malformed, "no multipart form"),
        (a_part("f", b"x", "f"), Malformed, "too early"),
        (a_form(a_part("f", b"x", "f"), a_part("g", b"x", "g")), Invalid, "more than one file"),
        (a_form(a_part("text", b"x" * (MAX_FIELD + 1))), Invalid, "longer than"),
        (a_form(*[a_part("text", b"x")] * (MAX_PARTS + 1)), Invalid, "parts"),
        (b"--b\r\n" + b"x" * 10_000, Malformed, "no multipart form"),
    ],
)
async def test_a_bad_form_is_refused(tmp_path: Path, body: bytes, kind: type[Exception], part: str) -> None:
    with pytest.raises(kind, match=part):
        await received(tmp_path, body)


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "multipart/form-data", f"multipart/form-data; boundary={'b' * 5000}"]
)
async def test_a_type_that_is_no_form_is_refused(tmp_path: Path, content_type: str) -> None:
    with pytest.raises(Malformed):
        await received(tmp_path, b"x", content_type=content_type)


def test_the_boundary_may_be_quoted() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"') == b"a b"


async def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        for _ in range(512):
            yield b"x" * 65_536
        yield b"\r\n--b--\r\n"

    blobs = Blobs(tmp_path, reserve=0)
    blobs.prepare()
    with blobs.spool() as spool:
        tracemalloc.start()
        await receive(body(), TYPE, spool, inline)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert spool.size == 512 * 65_536
    assert peak < 6 * FLUSH_BYTES
