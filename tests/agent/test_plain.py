"""Pickles, read without unpickling."""

import os
import pickle
import pickletools
from collections import OrderedDict
from typing import Any

import pytest
from builders.run_folders import PICKLED, pickled
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.agent import plain
from hubtraining.agent.plain import Blank, Scalar, Unreadable

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
PROTOCOLS = (2, 3, 4, 5)


def made(node: Any) -> Any:
    """The object that a node stands for."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, dict):
        return {key: made(value) for key, value in node.items()}
    return [made(value) for value in node] if isinstance(node, list) else node


@given(st.dictionaries(st.text(max_size=5), values, max_size=6), st.sampled_from(PROTOCOLS))
def test_plain_data_is_read_as_it_is(data: dict[str, Any], protocol: int) -> None:
    assert made(plain.read(pickle.dumps(data, protocol)).root) == data


@given(
    st.dictionaries(st.text(max_size=5), values, max_size=6),
    st.text(max_size=300),
    st.integers(-(2**31), 2**31 - 1),
    st.sampled_from(PROTOCOLS),
)
def test_replaced_scalars_are_read_by_pickle_itself(
    data: dict[str, Any], text: str, number: int, protocol: int
) -> None:
    shared = "/content/" + "runs"
    whole = {"dir": shared, "again": {"dir": shared}, "epoch": 7, "other": data}
    dumped = pickle.dumps(whole, protocol)
    root = plain.read(dumped).root
    changed = plain.replaced(dumped, {root["dir"]: text, root["epoch"]: number})
    assert pickle.loads(changed) == {"dir": text, "again": {"dir": text}, "epoch": number, "other": data}


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_unreadable_and_nothing_else(content: bytes) -> None:
    try:
        plain.read(content)
    except Unreadable:
        return


@given(st.lists(st.sampled_from([opcode.code.encode("latin-1") for opcode in pickletools.opcodes]), max_size=30))
def test_opcodes_in_any_order_are_read_or_unreadable_and_nothing_else(opcodes: list[bytes]) -> None:
    try:
        plain.read(b"".join(opcodes) + b"\0" * 9 + b".")
    except Unreadable:
        return


@given(st.integers(0, 140_000))
def test_a_pickle_that_is_cut_is_unreadable(size: int) -> None:
    with pytest.raises(Unreadable):
        plain.read(pickled(PICKLED[0])[:size])


class Hostile:
    """Unpickled, it would run a command."""

    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/hubtraining-was-here",)


def test_what_would_run_code_is_left_blank_and_runs_nothing() -> None:
    root = plain.read(pickle.dumps({"epoch": 3, "hostile": Hostile(), "after": 4}, protocol=2)).root
    assert isinstance(root["hostile"], Blank)
    assert (made(root["epoch"]), made(root["after"])) == (3, 4)
    assert not os.path.exists("/tmp/hubtraining-was-here")  # noqa: PTH110 - the command's own path


def test_a_memo_of_an_absurd_index_takes_no_memory() -> None:
    assert made(plain.read(b"\x80\x02K\x07r\xff\xff\xff\xff.").root) == 7


def test_objects_that_are_no_dicts_take_what_is_put_into_them() -> None:
    root = plain.read(pickle.dumps({"state": OrderedDict(a=1), "set": {1, 2}, "tuple": (1, "a"), "end": 5}, 2)).root
    assert made(root["end"]) == 5


@pytest.mark.parametrize("run", PICKLED)
def test_a_real_checkpoint_says_where_it_trains_and_what_it_has_reached(run: str) -> None:
    root = plain.read(pickled(run)).root
    assert made(root["train_args"]["save_dir"]) == "/workspace/run"
    assert made(root["epoch"]) == 1
    assert isinstance(root["ema"], Blank)


@pytest.mark.parametrize("run", PICKLED)
def test_a_real_checkpoint_is_changed_in_one_place_for_all_that_refer_to_it(run: str) -> None:
    before = pickled(run)
    root = plain.read(before).root
    changed = plain.replaced(before, {root["train_args"]["save_dir"]: "/elsewhere/that/is/longer"})
    assert made(plain.read(changed).root["train_args"]["save_dir"]) == "/elsewhere/that/is/longer"
    assert b"/workspace/run" not in changed
    assert len(list(pickletools.genops(changed))) == len(list(pickletools.genops(before)))
