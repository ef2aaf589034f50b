"""Numbers and moments as people read them."""

import pytest

from hubtraining.hub.web import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (200_000, "2 days ago")],
)
def test_how_long_ago(seconds: float, said: str) -> None:
    assert words.ago(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (5e15, "4547.5 TiB")]
)
def test_sizes(count: float, said: str) -> None:
    assert words.size(count) == said


def test_moments_are_in_utc() -> None:
    assert words.moment(0) == "1970-01-01 00:00 UTC"


@pytest.mark.parametrize(("value", "said"), [(0.123456, "0.1235"), (None, words.NONE), (2, "2")])
def test_numbers(value: float | None, said: str) -> None:
    assert words.number(value) == said
