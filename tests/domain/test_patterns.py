"""Patterns of strangers: understood, or refused with a reason, and never slow."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.domain.patterns import LONGEST, InvalidPattern, compiled


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("CUDA out of memory", "torch.OutOfMemoryError: CUDA out of memory. Tried", True),
        ("(?i)cuda.*ECC", "RuntimeError: cuda error: uncorrectable ecc", True),
        ("^Error", "first\nError", False),
        ("(?m)^Error", "first\nError", True),
        (r"\bnan\b", "banana", False),
        ("größe", "die größe", True),
    ],
)
def test_a_pattern_is_searched(pattern: str, text: str, found: bool) -> None:
    assert (compiled(pattern).search(text) is not None) == found


@pytest.mark.parametrize("pattern", ["(", "a**", "(?=ahead)", r"(a)\1", "a{1001}", "((a{90}){90}){90}"])
def test_what_re2_does_not_know_is_refused_in_a_sentence(pattern: str) -> None:
    with pytest.raises(InvalidPattern, match=r"is no regular expression of RE2: \w+"):
        compiled(pattern)


def test_a_long_pattern_is_refused() -> None:
    assert compiled("a" * LONGEST)
    with pytest.raises(InvalidPattern, match="at most 256"):
        compiled("a" * (LONGEST + 1))


def test_a_refused_pattern_is_not_written_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidPattern):
        compiled("(unclosed")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*)*x", "(a?){64}a{64}$", "(x+x+)+y"])
def test_patterns_that_stop_others_are_as_fast_as_any(pattern: str) -> None:
    """Python's own engine would take longer than the universe has."""
    assert compiled(pattern).search("a" * 2048 + "b") is None


@given(st.text(max_size=LONGEST))
def test_any_text_is_a_pattern_or_is_refused(pattern: str) -> None:
    with suppress(InvalidPattern):
        compiled(pattern).search("a" * 2048)
