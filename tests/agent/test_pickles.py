"""The epoch that a checkpoint says, read from the head of its pickle alone."""

import io
import pickle
import zipfile
from typing import Any

import pytest
from builders.run_folders import PICKLED, pickled
from builders.trainer import saved, weights
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.agent.archives import NotIntact
from hubtraining.agent.pickles import HEAD, checkpoint_epoch, leading_items


def zipped(content: bytes, name: str = "archive/data.pkl") -> io.BytesIO:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, content)
    return held


@pytest.mark.parametrize(("inside", "epoch"), [(0, 1), (299, 300), (-1, 0)])
def test_the_epoch_counts_from_1_and_0_means_stripped(inside: int, epoch: int) -> None:
    assert checkpoint_epoch(io.BytesIO(weights(inside))) == epoch


@pytest.mark.parametrize("run", PICKLED)
def test_a_real_checkpoint_says_its_epoch(run: str) -> None:
    assert checkpoint_epoch(zipped(pickled(run))) == 2


@pytest.mark.parametrize(
    "record", [{"epoch": True}, {"epoch": "3"}, {"epoch": None}, {"epoch": -2}, {"epoch": 1.0}, {}, [], 7]
)
def test_what_says_no_epoch_says_none(record: Any) -> None:
    assert checkpoint_epoch(io.BytesIO(saved(record))) is None


def test_a_zip_without_a_pickle_says_none() -> None:
    assert checkpoint_epoch(zipped(b"", name="weights.safetensors")) is None


def test_what_is_no_zip_is_not_intact() -> None:
    with pytest.raises(NotIntact):
        checkpoint_epoch(io.BytesIO(b"<html>"))


def test_an_epoch_behind_something_that_is_not_plain_is_not_looked_for() -> None:
    assert leading_items(pickle.dumps({"first": 1, "model": object(), "epoch": 3}, protocol=2)) == {"first": 1}


def test_no_more_than_the_head_is_looked_at() -> None:
    assert "epoch" not in leading_items(pickle.dumps({"long": "x" * HEAD, "epoch": 3}, protocol=2))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_give_items_or_none(content: bytes) -> None:
    assert isinstance(leading_items(content), dict)
