"""Cookies of people who have signed in: ours are read, all others are not."""

from hypothesis import given
from hypothesis import strategies as st

from hubtraining.hub.web.cookies import SECONDS, SignIns

OURS = SignIns(b"s" * 32)
KEY = bytes(range(32))


def test_our_cookie_is_read_for_its_time() -> None:
    cookie = OURS.cookie(KEY, 1000)
    assert OURS.read(cookie, 1000 + SECONDS - 1) == KEY
    assert OURS.read(cookie, 1000 + SECONDS) is None


def test_a_cookie_of_another_hub_is_none() -> None:
    assert SignIns(b"t" * 32).read(OURS.cookie(KEY, 0), 1) is None


@given(st.text(max_size=120))
def test_no_text_is_taken_for_a_cookie(text: str) -> None:
    assert OURS.read(text, 0) is None


@given(st.integers(0, 140), st.characters(codec="ascii"))
def test_a_changed_cookie_is_none(place: int, character: str) -> None:
    cookie = OURS.cookie(KEY, 1000)
    place %= len(cookie)
    changed = cookie[:place] + character + cookie[place + 1 :]
    assert changed.lower() == cookie.lower() or OURS.read(changed, 1001) is None


def test_the_secret_is_not_shown() -> None:
    assert "sss" not in repr(OURS)
