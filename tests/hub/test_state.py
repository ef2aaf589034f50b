import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.hub.outbox import Outbox
from hubtraining.hub.state import NEW, SessionState

numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
metrics = st.dictionaries(st.integers(1, 9), st.dictionaries(st.text(max_size=5), numbers))
boxes = st.builds(Outbox, metrics, metrics)


@given(st.builds(SessionState, st.text(), st.none() | st.text(), boxes, st.integers(0, 99)))
def test_a_saved_state_is_read_back(state: SessionState) -> None:
    assert SessionState.from_json(state.to_json()) == state


def test_a_new_session_knows_nothing() -> None:
    assert SessionState.from_json("{}") == NEW


@pytest.mark.parametrize("text", ["", "[]", "{", '{"metrics": 1}', '{"model_id": null}'])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        SessionState.from_json(text)
