"""Keys and tokens do not survive in text that somebody else wrote; everything else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.domain.masking import mask, tail
from hubtraining.domain.secret import REDACTED

KEY = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1"
DASHED = "a1B2c3D4-5F6g7H8i9J0-1L2m3N4o5P6q7R8s9T0u1"
MODEL = "Zk3n5Qw8Rt1Yb7Uc2Xm4"
OURS = f"ul_{'0123456789' * 4}"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOlsiaHVidHJhaW5pbmciXX0.c2lnbmF0dXJl-_"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"HUB('{KEY}')", f"HUB('{REDACTED}')"),
        (f"HUB('{DASHED}')", f"HUB('{REDACTED}')"),
        (f"train {KEY}_{MODEL} now", f"train {REDACTED} now"),
        (f"train {DASHED}_{MODEL} now", f"train {REDACTED} now"),
        (f"https://h/models/{MODEL}?api_key={KEY}&x=1", f"https://h/models/{MODEL}?api_key={REDACTED}&x=1"),
        ('{"api_key": "short"}', f'{{"api_key": "{REDACTED}"}}'),
        ("apiKey=abc", f"apiKey={REDACTED}"),
        (f"x-api-key: {KEY}", f"x-api-key: {REDACTED}"),
        ("X-API-KEY: abc", f"X-API-KEY: {REDACTED}"),
        (f"Authorization: Bearer {TOKEN}", f"Authorization: Bearer {REDACTED}"),
        (f"token {TOKEN} refused", f"token {REDACTED} refused"),
        (f"hub key {OURS}", f"hub key {REDACTED}"),
    ],
)
def test_what_looks_like_a_key_is_replaced_and_its_surroundings_stay(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "epoch 1/10: box_loss 1.234, mAP50 0.5",
        f"https://hub.example/models/{MODEL}",
        f"sha256:{'0123456789abcdef' * 4}",
        "5e551011-0000-4000-8000-000000000001",
        "the pod a-very-long-name-of-a-training-session-1-0 failed",
        f"{'-' * 42} epoch 3 {'=' * 42}",
        "FileNotFoundError: [Errno 2] No such file or directory: '/hubtraining/workspace/data.yaml'",
    ],
)
def test_what_is_no_key_is_left_alone(text: str) -> None:
    assert mask(text) == text


def test_a_short_text_is_its_own_tail() -> None:
    assert tail("one\ntwo\n", 100) == "one\ntwo"


def test_a_tail_begins_at_a_line() -> None:
    assert tail("a long first line\nsecond\nthird", 20) == "second\nthird"


def test_a_line_that_is_too_long_is_cut_within() -> None:
    assert tail("x" * 100, 10) == "x" * 10


def test_a_key_is_masked_before_the_cut_could_hide_its_beginning() -> None:
    assert KEY[-20:] not in tail(f"{'word ' * 10}api_key={KEY}", 30)


@given(st.text(), st.integers(1, 200))
def test_a_tail_fits_whatever_its_letters(text: str, size: int) -> None:
    assert len(tail(text, size).encode()) <= size


@given(st.text(alphabet=st.characters(codec="utf-8")), st.text(alphabet=st.characters(codec="utf-8")))
def test_a_key_between_any_words_is_masked(before: str, after: str) -> None:
    assert KEY not in mask(f"{before} {KEY} {after}")


@given(st.text())
def test_masking_again_changes_nothing(text: str) -> None:
    once = mask(text)
    assert mask(once) == once
