import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.domain import epochs

values = st.dictionaries(st.text(max_size=8), st.floats() | st.none(), max_size=4)


def test_the_first_epoch_is_0_on_the_wire() -> None:
    assert epochs.to_wire(1) == 0
    assert epochs.from_wire(0) == 1


@pytest.mark.parametrize("epoch", [0, -1])
def test_an_epoch_before_the_first_is_refused(epoch: int) -> None:
    with pytest.raises(ValueError, match="count from 1"):
        epochs.to_wire(epoch)


def test_a_body_holds_each_epoch_as_text_of_its_own() -> None:
    body = epochs.metrics_body({2: {"train/box_loss": 0.5}, 1: {"train/box_loss": 1.0}})

    assert body == {"metrics": {"0": '{"train/box_loss":1.0}', "1": '{"train/box_loss":0.5}'}, "type": "metrics"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_what_json_cannot_say_is_null(value: object) -> None:
    assert epochs.metrics_body({1: {"loss": value}})["metrics"] == {"0": '{"loss":null}'}


@given(st.integers(1, 10**6))
def test_there_and_back(epoch: int) -> None:
    assert epochs.from_wire(epochs.to_wire(epoch)) == epoch


@given(st.dictionaries(st.integers(1, 1000), values, max_size=4))
def test_strict_parsers_read_every_body(metrics: dict[int, dict[str, float | None]]) -> None:
    def refuse(token: str) -> None:
        raise AssertionError(token)

    body = json.loads(json.dumps(epochs.metrics_body(metrics)), parse_constant=refuse)
    read = {int(key) + 1: json.loads(text, parse_constant=refuse) for key, text in body["metrics"].items()}

    assert read == {epoch: epochs.clean(one) for epoch, one in metrics.items()}
