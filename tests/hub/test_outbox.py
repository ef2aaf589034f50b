import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hubtraining.hub.outbox import MAX_EPOCHS, Outbox


def test_an_empty_outbox_has_nothing_to_send() -> None:
    assert not Outbox()
    assert Outbox().batch() == {}


def test_the_last_values_of_an_epoch_win() -> None:
    assert Outbox().add(1, {"loss": 1.0}).add(1, {"loss": 2.0}).batch() == {1: {"loss": 2.0}}


def test_values_are_made_ready_for_json() -> None:
    assert Outbox().add(1, {"loss": math.nan}).batch() == {1: {"loss": None}}


def test_only_what_was_acknowledged_is_gone() -> None:
    box = Outbox().add(1, {"loss": 1.0})

    box = box.add(2, {"loss": 2.0}).acknowledged({1: {"loss": 1.0}})

    assert box.batch() == {2: {"loss": 2.0}}


def test_values_that_changed_while_they_were_sent_stay() -> None:
    box = Outbox().add(1, {"loss": 1.0})
    sent = box.batch()

    box = box.add(1, {"loss": 1.5}).acknowledged(sent)

    assert box.batch() == {1: {"loss": 1.5}}


def test_what_was_refused_waits_among_the_failed() -> None:
    box = Outbox().add(1, {"loss": 1.0})

    box = box.refused(box.batch())

    assert (box.queued, box.failed, len(box)) == ({}, {1: {"loss": 1.0}}, 1)
    assert box.batch() == {1: {"loss": 1.0}}


def test_refused_values_do_not_replace_newer_ones() -> None:
    box = Outbox().add(1, {"loss": 1.0})
    sent = box.batch()

    box = box.add(1, {"loss": 1.5}).refused(sent)

    assert box.batch() == {1: {"loss": 1.5}}
    assert box.failed == {}


def test_new_values_replace_failed_ones_of_the_same_epoch() -> None:
    box = Outbox(failed={1: {"loss": 1.0}}).add(1, {"loss": 2.0})

    assert (box.queued, box.failed) == ({1: {"loss": 2.0}}, {})


def test_an_acknowledgement_empties_the_failed_only_of_what_it_names() -> None:
    box = Outbox(failed={1: {"loss": 1.0}, 2: {"loss": 2.0}}).acknowledged({2: {"loss": 2.0}})

    assert box.failed == {1: {"loss": 1.0}}


def test_a_long_backlog_goes_in_pieces_the_oldest_first() -> None:
    box = Outbox(failed={epoch: {"loss": 1.0} for epoch in range(1, MAX_EPOCHS + 11)})

    first = box.batch()

    assert (min(first), max(first)) == (1, MAX_EPOCHS)
    assert min(box.acknowledged(first).batch()) == MAX_EPOCHS + 1


class OutboxAgainstAHub(RuleBasedStateMachine):
    """Whatever is sent, lost and changed in between: hub and outbox together always hold every epoch's last values."""

    def __init__(self) -> None:
        super().__init__()
        self.box = Outbox()
        self.hub: dict[int, object] = {}
        self.written: dict[int, object] = {}

    @rule(epoch=st.integers(1, 4), value=st.floats(allow_nan=False, allow_infinity=False))
    def add(self, epoch: int, value: float) -> None:
        self.box = self.box.add(epoch, {"loss": value})
        self.written[epoch] = {"loss": value}

    @rule(taken=st.booleans(), told=st.booleans(), epoch=st.integers(1, 4), meanwhile=st.none() | st.integers(0, 9))
    def send(self, taken: bool, told: bool, epoch: int, meanwhile: int | None) -> None:
        batch = self.box.batch()
        if taken:
            self.hub.update(batch)
        if meanwhile is not None:
            self.add(epoch, float(meanwhile))
        self.box = self.box.acknowledged(batch) if taken and told else self.box.refused(batch)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert {**self.hub, **self.box.failed, **self.box.queued} == self.written
        assert not self.box.queued.keys() & self.box.failed.keys()


TestOutboxAgainstAHub = OutboxAgainstAHub.TestCase
TestOutboxAgainstAHub.settings = settings(max_examples=50, deadline=None)
