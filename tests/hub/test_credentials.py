import os
from pathlib import Path

import pytest

from hubtraining.hub.credentials import Scheme, fixed, from_file
from hubtraining.hub.errors import HubUnauthorized

KEY = "0123456789abcdef0123456789abcdef0123456789"


def replace(path: Path, text: str) -> None:
    """Change a file as the kubelet changes a token: by renaming."""
    part = path.with_suffix(".new")
    part.write_text(text)
    part.replace(path)


@pytest.mark.parametrize(
    ("scheme", "headers"), [("key", {"x-api-key": KEY}), ("token", {"authorization": f"Bearer {KEY}"})]
)
async def test_each_scheme_has_its_header(scheme: Scheme, headers: dict[str, str]) -> None:
    assert (await fixed(KEY, scheme)()).headers() == headers


async def test_the_credential_shows_in_no_text() -> None:
    assert KEY not in repr(await fixed(KEY)())


async def test_a_files_line_end_is_not_part_of_the_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f" {KEY}\n")

    assert (await from_file(path)()).secret.reveal() == KEY


async def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    provider = from_file(path, "token")
    await provider()

    replace(path, "new")

    assert (await provider()).secret.reveal() == "new"


async def test_a_file_of_the_same_size_and_time_is_read_again_when_it_is_another(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    provider = from_file(path, "token")
    await provider()
    before = path.stat().st_mtime_ns

    replace(path, "new")
    os.utime(path, ns=(before, before))

    assert (await provider()).secret.reveal() == "new"


async def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("same")
    provider = from_file(path, "token")

    assert await provider() is await provider()


async def test_a_projected_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "..1").mkdir()
    (tmp_path / "..1" / "token").write_text("one")
    (tmp_path / "..2").mkdir()
    (tmp_path / "..2" / "token").write_text("two")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "token").symlink_to("..data/token")
    provider = from_file(tmp_path / "token", "token")
    assert (await provider()).secret.reveal() == "one"

    (tmp_path / "..next").symlink_to("..2")
    (tmp_path / "..next").replace(tmp_path / "..data")

    assert (await provider()).secret.reveal() == "two"


async def test_a_missing_file_is_a_refused_credential_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(HubUnauthorized, match=r"absent with the hub's key: No such file"):
        await from_file(tmp_path / "absent")()


async def test_a_file_that_appears_later_is_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    provider = from_file(path)
    with pytest.raises(HubUnauthorized):
        await provider()

    path.write_text(KEY)

    assert (await provider()).secret.reveal() == KEY


@pytest.mark.parametrize("text", ["", "\n", "two words", "line\nbreak", "schlüssel", "nul\0", "\x7f"])
async def test_what_no_header_can_carry_is_refused_without_repeating_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)

    with pytest.raises(HubUnauthorized, match="one word of printable ASCII") as caught:
        await from_file(path)()
    assert not text.strip() or text.strip() not in str(caught.value)


async def test_a_fixed_credential_is_checked_too() -> None:
    with pytest.raises(HubUnauthorized):
        await fixed("two words")()
