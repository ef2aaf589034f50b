"""The termination message."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.agent.outcome import MAX_BYTES, termination_message
from hubtraining.domain.report import LONGEST_NAME, Checkpoint, CheckpointState, Metric, Outcome, Stage

CHECKPOINTS = st.none() | st.builds(
    Checkpoint,
    st.integers(1, 10**9),
    st.integers(0, 10**15),
    st.just("f" * 64),
    st.sampled_from(CheckpointState),
    st.just(datetime(2026, 1, 1, 12, 30, 59, 999_999, tzinfo=UTC)),
    st.none() | st.floats(0, 1),
)
METRICS = st.lists(
    st.builds(Metric, st.text(max_size=LONGEST_NAME), st.none() | st.floats(allow_nan=False, allow_infinity=False)),
    max_size=40,
).map(tuple)
OUTCOMES = st.builds(
    Outcome,
    stage=st.sampled_from(Stage),
    epoch=st.integers(0, 10**9),
    epochs=st.none() | st.integers(1, 10**9),
    exit_code=st.none() | st.integers(0, 255),
    latest=CHECKPOINTS,
    best=CHECKPOINTS,
    final=CHECKPOINTS,
    uploaded=st.integers(0, 10**6),
    failed=st.integers(0, 10**6),
    buffered_updates=st.integers(0, 10**6),
    metrics=METRICS,
    message=st.text(max_size=1000),
    resumed_epoch=st.none() | st.integers(1, 10**9),
)


@given(OUTCOMES)
def test_every_outcome_fits_and_keeps_what_matters_most(outcome: Outcome) -> None:
    text = termination_message(outcome)
    assert len(text.encode()) <= MAX_BYTES
    read = msgspec.json.decode(text, type=Outcome)
    fields = (
        "stage",
        "epoch",
        "epochs",
        "exit_code",
        "final",
        "uploaded",
        "failed",
        "buffered_updates",
        "resumed_epoch",
    )
    assert {name: getattr(read, name) for name in fields} == {name: getattr(outcome, name) for name in fields}
    assert read.metrics == outcome.metrics[: len(read.metrics)]
    assert outcome.message.startswith(read.message)


def test_a_small_outcome_is_whole() -> None:
    outcome = Outcome(Stage.FINISHED, epoch=3, exit_code=0, metrics=(Metric("a", 1.0),), message="all is well")
    assert msgspec.json.decode(termination_message(outcome), type=Outcome) == outcome
