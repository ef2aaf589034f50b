"""Who holds the lease, and from when on another may take it."""

import msgspec
import pytest

from hubtraining.controller.leading.lease import Lease, Sight, Terms, given_back, held, read
from hubtraining.controller.settings import ControllerSettings, SettingsError

NOON = "2026-11-25T12:00:00.000000Z"
LATER = "2026-11-25T12:00:02.000000Z"
HELD = Lease("one", 15, NOON, NOON, 3, "100")


def test_what_is_written_is_what_is_read() -> None:
    body = HELD.body("system", "controller")
    assert body["metadata"] == {"namespace": "system", "name": "controller", "resourceVersion": "100"}
    assert read(body) == HELD


def test_one_that_is_not_there_yet_names_no_version() -> None:
    body = Lease("one", 15, NOON, NOON).body("system", "controller")
    assert body["metadata"] == {"namespace": "system", "name": "controller"}


def test_one_that_somebody_else_made_empty_can_be_read() -> None:
    assert read({"metadata": {"resourceVersion": "7"}}) == Lease(version="7")
    assert read({"metadata": {"resourceVersion": "7"}, "spec": {"holderIdentity": None}}).holder == ""


def test_the_first_holder_begins_to_count() -> None:
    assert held(Lease(), "one", Terms(), NOON) == Lease("one", 15, NOON, NOON, 0)


def test_a_renewal_keeps_when_it_was_acquired() -> None:
    assert held(HELD, "one", Terms(), LATER) == msgspec.structs.replace(HELD, renewed=LATER)


def test_another_holder_counts_as_a_transition() -> None:
    assert held(HELD, "two", Terms(), LATER) == Lease("two", 15, LATER, LATER, 4, "100")
    assert held(given_back(HELD, NOON), "one", Terms(), LATER).transitions == 4


def test_given_back_it_has_no_holder_and_keeps_its_count() -> None:
    back = given_back(HELD, LATER)
    assert (back.holder, back.seconds, back.transitions, back.version) == ("", 1, 3, "100")


def test_it_is_free_once_it_was_seen_unchanged_for_as_long_as_it_lasts() -> None:
    sight = Sight().then(HELD, 50.0)
    sight = sight.then(HELD, 64.9)
    assert not sight.free("two", 64.9)
    assert sight.free("two", 65.0)


def test_its_holder_decides_how_long_it_lasts() -> None:
    sight = Sight().then(msgspec.structs.replace(HELD, seconds=60), 50.0)
    assert not sight.free("two", 109.9)
    assert sight.free("two", 110.0)


@pytest.mark.parametrize("change", [{"renewed": LATER}, {}], ids=["renewed", "edited by somebody"])
def test_every_change_begins_the_wait_anew(change: dict[str, str]) -> None:
    sight = Sight().then(HELD, 50.0).then(msgspec.structs.replace(HELD, version="101", **change), 60.0)
    assert not sight.free("two", 74.9)
    assert sight.free("two", 75.0)


def test_it_is_free_for_all_when_there_is_none_or_it_was_given_back() -> None:
    assert Sight().then(None, 50.0).free("two", 50.0)
    assert Sight().then(given_back(HELD, NOON), 50.0).free("two", 50.0)


def test_its_holder_may_take_it_at_once() -> None:
    assert Sight().then(HELD, 50.0).free("one", 50.0)


def test_one_that_was_deleted_counts_as_long_as_if_it_were_there() -> None:
    sight = Sight().then(HELD, 50.0).then(None, 60.0).then(None, 61.0)
    assert not sight.free("two", 64.9)
    assert sight.free("two", 65.0)
    assert sight.lease.version == ""


def test_times_must_leave_room_for_one_another() -> None:
    assert Terms().problem() == ""
    assert "lasts 10 s, is given up after 10 s" in Terms(10, 10, 2).problem()
    assert "renewed every 10 s" in Terms(15, 10, 10).problem()
    assert Terms(15, 10, 0).problem()


def test_two_requests_and_their_pauses_fit_into_the_time_to_renew() -> None:
    terms = Terms()
    assert 2 * terms.request + terms.retry <= terms.renew


NEEDED = {"HUBTRAINING_NAMESPACE": "system", "HUBTRAINING_IMAGE": "hubtraining:1"}


def test_a_controller_is_told_the_times_and_has_them_without_being_told() -> None:
    told = {"HUBTRAINING_LEASE_SECONDS": "30", "HUBTRAINING_LEASE_RENEW_SECONDS": "20"}
    assert ControllerSettings.from_env(NEEDED).terms == Terms(15, 10, 2)
    assert ControllerSettings.from_env({**NEEDED, **told}).terms == Terms(30, 20, 2)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("LEASE_SECONDS", "10", "HUBTRAINING_LEASE_*: the lease lasts 10 s, is given up after 10 s"),
        ("LEASE_RETRY_SECONDS", "0", "HUBTRAINING_LEASE_RETRY_SECONDS is '0', but must be a whole number from 1"),
        ("POD_IP", "nowhere", "HUBTRAINING_POD_IP is 'nowhere', but must be an IP address"),
    ],
)
def test_a_controller_refuses_what_it_cannot_use(name: str, value: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ControllerSettings.from_env({**NEEDED, f"HUBTRAINING_{name}": value})
    assert problem in str(caught.value)
