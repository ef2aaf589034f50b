"""Times and sizes, as they are shown."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.people.wording import ago, duration, metric, size

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (723, "12 min 3 s"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (3605, "1 h"),
        (86_400 * 3 + 4 * 3600 + 59, "3 d 4 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.integers(0, 10**8))
def test_a_duration_is_told_to_the_second_unit(seconds: int) -> None:
    lengths = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
    words = duration(seconds).split()
    told = sum(int(amount) * lengths[unit] for amount, unit in zip(words[::2], words[1::2], strict=True))
    assert 0 <= seconds - told < max(3600, 1) if seconds >= 86_400 else seconds - told < 60


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s ago"), (-9, "0 s ago"), (95, "1 min ago"), (90_000, "1 d ago")])
def test_how_long_ago(seconds: float, text: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (6_188_579, "6.2 MB"),
        (999_600, "1.0 MB"),
        (123_456_789_000, "123 GB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_metrics_lose_the_word_that_all_begin_with() -> None:
    assert [metric(name) for name in ("metrics/mAP50-95(B)", "train/box_loss")] == ["mAP50-95(B)", "train/box_loss"]
