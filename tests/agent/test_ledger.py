"""What the hub has and what it has not."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from hubtraining.agent.ledger import Begun, Entry, Finished, Ledger, Named, Slot, Taken, Uploaded
from hubtraining.domain.report import Checkpoint, CheckpointState

VALUES = st.dictionaries(st.text(max_size=4), st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=3)
EPOCHS = st.integers(1, 5)
SLOTS: tuple[Slot, ...] = ("latest", "best", "final")


def checkpoint(epoch: int) -> Checkpoint:
    return Checkpoint(epoch, 10, f"sha-{epoch}", CheckpointState.UPLOADED, datetime(2026, 1, 1, tzinfo=UTC))


def folded(entries: list[Entry]) -> Ledger:
    ledger = Ledger()
    for entry in entries:
        ledger.add(entry)
    return ledger


ENTRIES = st.lists(
    st.builds(Begun, st.just("uid"), st.integers(1, 3))
    | st.builds(Finished, EPOCHS, VALUES)
    | st.builds(Taken, st.dictionaries(EPOCHS, st.text("0123456789abcdef", min_size=16, max_size=16), max_size=3))
    | st.builds(
        Uploaded, st.sampled_from([("latest",), ("latest", "best"), ("final",)]), EPOCHS.map(checkpoint), EPOCHS
    )
    | st.builds(Named, st.none() | st.text(max_size=4)),
    max_size=20,
)


def known(ledger: Ledger) -> tuple[object, ...]:
    return ledger.begun, ledger.agent_id, ledger.metrics(), ledger.uploads, ledger.uploaded, ledger._taken


@given(ENTRIES)
def test_fewer_entries_give_the_same_ledger(entries: list[Entry]) -> None:
    ledger = folded(entries)
    fewer = list(ledger.entries())
    assert known(folded(fewer)) == known(ledger)
    assert known(folded([*fewer, *fewer])) == known(ledger)


@given(st.lists(st.tuples(EPOCHS, VALUES), max_size=10))
def test_an_epoch_waits_with_its_newest_values_until_just_these_are_taken(
    rows: list[tuple[int, dict[str, float | None]]],
) -> None:
    ledger = folded([Finished(epoch, values) for epoch, values in rows])
    assert ledger.metrics() == dict(sorted(dict(rows).items()))
    ledger.add(ledger.gone(set()))
    assert ledger.waiting == 0
    assert all(ledger.knows(epoch, values) for epoch, values in dict(rows).items())


def test_an_answer_for_older_values_does_not_take_newer_ones() -> None:
    ledger = folded([Finished(1, {"a": 1.0})])
    answered = ledger.gone(set())
    ledger.add(Finished(1, {"a": 2.0}))
    ledger.add(answered)
    assert ledger.metrics() == {1: {"a": 2.0}}
    assert not ledger.knows(1, {"a": 1.0})


def test_what_still_waits_is_not_gone() -> None:
    ledger = folded([Finished(1, {"a": 1.0}), Finished(2, {"a": 2.0})])
    ledger.add(ledger.gone({2}))
    assert ledger.metrics() == {2: {"a": 2.0}}


def test_a_slot_has_only_its_newest_file() -> None:
    ledger = folded([Uploaded(("latest", "best"), checkpoint(1), 1), Uploaded(("latest",), checkpoint(2), 2)])
    assert [ledger.has("latest", "sha-1"), ledger.has("latest", "sha-2"), ledger.has("best", "sha-1")] == [
        False,
        True,
        True,
    ]
    assert not ledger.has("final", "sha-1")
    assert ledger.uploaded == 2
