"""Quantities as Kubernetes writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.domain.quantities import is_positive, is_quantity


@pytest.mark.parametrize(
    "text", ["1", "0.5", ".5", "5.", "500m", "20Gi", "1e3", "2E6", "1E", "1.5Ti", "100n", "1e-3", "+1Gi"]
)
def test_it_is_a_positive_quantity(text: str) -> None:
    assert is_positive(text)


@pytest.mark.parametrize("text", ["", "Gi", "1GB", "1 Gi", "-1", "1gi", "one", "1e", "1,5", "1Gi\n", "0x10", "\u0661"])
def test_it_is_no_quantity(text: str) -> None:
    assert not is_quantity(text)
    assert not is_positive(text)


@pytest.mark.parametrize("text", ["0", "0Gi", "0.0", ".0m"])
def test_nothing_is_a_quantity_that_is_not_positive(text: str) -> None:
    assert is_quantity(text)
    assert not is_positive(text)


@given(st.integers(min_value=1, max_value=10**15), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi", "Ti"]))
def test_every_amount_with_a_suffix_is_one(amount: int, suffix: str) -> None:
    assert is_positive(f"{amount}{suffix}")
