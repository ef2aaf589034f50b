from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest

from hubtraining.hub.multipart import CHUNK, FileChanged, FileForm, file_form


async def body_of(form: FileForm, **options: Any) -> bytes:
    return b"".join([piece async for piece in form.stream(**options)])


async def parts_of(form: FileForm) -> list[Message]:
    """The body as another implementation of the format reads it."""
    head = f"content-type: {form.headers()['content-type']}\r\n\r\n".encode()
    parsed = BytesParser().parsebytes(head + await body_of(form))
    return [part for part in parsed.walk() if not part.is_multipart()]


def a_file(path: Path, size: int) -> Path:
    path.write_bytes(bytes(i % 251 for i in range(size)))
    return path


async def test_fields_and_file_arrive_as_they_were_given(tmp_path: Path) -> None:
    path = a_file(tmp_path / "w.pt", 1000)

    async with file_form(path, {"epoch": "3", "isBest": "True"}, "last.pt", "last.pt") as form:
        epoch, best, file = await parts_of(form)

    assert (epoch.get_param("name", header="content-disposition"), epoch.get_payload()) == ("epoch", "3")
    assert (best.get_param("name", header="content-disposition"), best.get_payload()) == ("isBest", "True")
    assert file.get_filename() == file.get_param("name", header="content-disposition") == "last.pt"
    assert file.get_payload(decode=True) == path.read_bytes()


async def test_the_file_part_says_no_type_as_the_original_clients(tmp_path: Path) -> None:
    async with file_form(a_file(tmp_path / "w.pt", 3), {}, "last.pt", "last.pt") as form:
        (file,) = await parts_of(form)

    assert file.keys() == ["Content-Disposition"]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
async def test_the_length_is_exact_and_no_piece_is_large(tmp_path: Path, size: int) -> None:
    async with file_form(a_file(tmp_path / "w.pt", size), {"a": "b"}, "f", "f") as form:
        pieces = [piece async for piece in form.stream()]

    assert sum(map(len, pieces)) == int(form.headers()["content-length"])
    assert max(map(len, pieces)) <= CHUNK


async def test_it_can_be_sent_again_with_the_same_bytes(tmp_path: Path) -> None:
    async with file_form(a_file(tmp_path / "w.pt", 1000), {}, "f", "f") as form:
        assert await body_of(form) == await body_of(form)


async def test_progress_counts_the_files_bytes(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    size = CHUNK + 7

    async with file_form(a_file(tmp_path / "w.pt", size), {"a": "b"}, "f", "f") as form:
        await body_of(form, progress=lambda sent, of: seen.append((sent, of)))

    assert seen == [(CHUNK, size), (size, size)]


async def test_a_file_that_shrinks_is_not_sent_as_if_it_were_whole(tmp_path: Path) -> None:
    path = a_file(tmp_path / "w.pt", 2 * CHUNK)

    async with file_form(path, {}, "f", "f") as form:
        path.write_bytes(b"short")
        with pytest.raises(FileChanged, match=f"after 5 of {2 * CHUNK} bytes"):
            await body_of(form)


async def test_a_file_that_is_replaced_by_renaming_is_sent_as_it_was(tmp_path: Path) -> None:
    path = a_file(tmp_path / "w.pt", 1000)
    before = path.read_bytes()

    async with file_form(path, {}, "f", "f") as form:
        a_file(tmp_path / "new", 10).replace(path)
        (file,) = await parts_of(form)

    assert file.get_payload(decode=True) == before


async def test_a_file_that_grows_is_sent_as_long_as_it_was_said_to_be(tmp_path: Path) -> None:
    path = a_file(tmp_path / "w.pt", 100)

    async with file_form(path, {}, "f", "f") as form:
        path.write_bytes(path.read_bytes() + b"more")
        assert len(await body_of(form)) == int(form.headers()["content-length"])


async def test_names_cannot_break_out_of_their_quotes(tmp_path: Path) -> None:
    async with file_form(a_file(tmp_path / "w.pt", 1), {}, "f", 'a"\r\nX-Evil: 1') as form:
        (file,) = await parts_of(form)

    assert file.get_filename() == "a%22%0D%0AX-Evil: 1"
    assert "X-Evil" not in file


async def test_a_missing_file_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with file_form(tmp_path / "absent", {}, "f", "f"):
            raise AssertionError("never entered")
