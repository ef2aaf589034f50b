"""Links that carry their own authorisation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.hub.links import Links, file_name

LINKS = Links(b"secret" * 6, 1000)
SHA = "0" * 64


def parts(path: str) -> tuple[str, str, str]:
    sha256, permit, name = path.split("/")[-3:]
    return sha256, permit, name


@given(now=st.floats(0, 1e10), later=st.floats(0, 1000))
def test_a_link_is_good_for_its_time_at_least(now: float, later: float) -> None:
    assert LINKS.allows(*parts(LINKS.path(SHA, "a.pt", now)), now + later)


@given(now=st.floats(0, 1e10))
def test_a_link_ends_soon_after_its_time(now: float) -> None:
    assert not LINKS.allows(*parts(LINKS.path(SHA, "a.pt", now)), now + 1502)


def test_links_asked_for_at_nearly_the_same_time_are_equal() -> None:
    assert LINKS.path(SHA, "a.pt", 1000) == LINKS.path(SHA, "a.pt", 1100)


def test_a_link_of_another_hub_is_refused() -> None:
    other = Links(b"another" * 5, 1000)
    assert not LINKS.allows(*parts(other.path(SHA, "a.pt", 0)), 0)


@given(permit=st.text(max_size=60), name=st.text(max_size=20), sha256=st.text(max_size=70))
def test_nothing_made_up_is_allowed(permit: str, name: str, sha256: str) -> None:
    assert not LINKS.allows(sha256, permit, name, 0)


@pytest.mark.parametrize("permit", ["9999999999.", "9999999999.é", "٣.x", ".x", "x", ""])
def test_permits_that_are_none_do_no_harm(permit: str) -> None:
    assert not LINKS.allows(SHA, permit, "a.pt", 0)


def test_the_secret_is_not_shown() -> None:
    assert "secretsecret" not in repr(LINKS)


@given(name=st.text(max_size=300))
def test_a_file_name_is_harmless_and_keeps_its_ending(name: str) -> None:
    made = file_name(name, ".zip")
    assert made.endswith(".zip")
    assert len(made) <= 132
    assert made.isascii()
    assert not set(made) & set("/\\ %?#")
    assert not made.startswith((".", "-"))


@pytest.mark.parametrize(("name", "made"), [("signs", "signs.zip"), ("signs.zip", "signs.zip"), ("日本", "file.zip")])
def test_a_file_name_stays_recognisable(name: str, made: str) -> None:
    assert file_name(name, ".zip") == made
