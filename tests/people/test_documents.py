"""YAML in and out."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.people import documents
from hubtraining.people.errors import PeopleError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(max_size=5), VALUES, min_size=1, max_size=3), max_size=3))
def test_what_is_written_reads_the_same(values: list[dict[str, object]]) -> None:
    assert documents.read(documents.written(values, "A comment"), "x") == values


def test_keys_keep_their_order_and_nothing_refers_to_another_part() -> None:
    shared = {"drop": ["ALL"]}
    text = documents.written([{"b": shared, "a": shared}])
    assert text == "b:\n  drop:\n    - ALL\na:\n  drop:\n    - ALL\n"


def test_a_script_stands_in_lines_of_its_own() -> None:
    assert documents.written([{"run": "one\ntwo\n"}]) == "run: |\n  one\n  two\n"


def test_a_long_comment_is_wrapped_and_stays_a_comment() -> None:
    text = documents.written([{"a": 1}], "word " * 50 + "\nsecond")
    assert all(line.startswith("# ") for line in text.splitlines()[:-1])
    assert yaml.safe_load(text) == {"a": 1}


def test_empty_documents_are_left_out() -> None:
    assert documents.read("---\na: 1\n---\n---\nb: 2\n", "x") == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [1", "session.yaml is no YAML in line 1"), ("- 1", "no Kubernetes object"), ("a: \x00", "is no YAML")],
)
def test_what_cannot_be_read_is_told_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(PeopleError, match=words):
        documents.read(text, "session.yaml")
