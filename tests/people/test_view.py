"""Sessions and events as people look at them."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from builders.story import PHASES, a_seen_body, an_event, training_status

from hubtraining.domain.status import SessionStatus
from hubtraining.people import view
from hubtraining.people.errors import PeopleError


@pytest.mark.parametrize("phase", PHASES)
def test_every_phase_is_read(phase: str) -> None:
    seen = view.session(a_seen_body(PHASES[phase]))
    assert seen.phase == (phase or "Pending")
    assert seen.succeeded is {"Succeeded": True, "Failed": False}.get(phase)


def test_fields_conditions_and_phases_of_a_newer_operator_do_no_harm() -> None:
    status = training_status(
        phase="Dreaming", dreams=[1], conditions=[{"type": "Dreaming", "status": "True", "since": 1}]
    )
    seen = view.session(a_seen_body({**status, "hub": None}))
    assert (seen.phase, seen.status.condition("Dreaming").status) == ("Dreaming", "True")


def test_a_status_of_another_form_is_told_in_a_sentence() -> None:
    with pytest.raises(PeopleError, match=r"status of signs is of another version than this command.*\$.attempt"):
        view.session(a_seen_body({"attempt": "second"}))


def test_the_view_has_no_field_that_a_status_has_not() -> None:
    known = {field.encode_name for field in msgspec.structs.fields(SessionStatus)}
    assert {field.encode_name for field in msgspec.structs.fields(view.StatusView)} <= known


@pytest.mark.parametrize(
    ("spec", "model"),
    [
        ({"model": "yolo11n.pt"}, "yolo11n.pt"),
        ({"modelFrom": {"secretKeyRef": {"name": "mine", "key": "k"}}}, "in Secret mine"),
        ({}, ""),
    ],
)
def test_the_model_is_named_and_a_secret_one_is_not_shown(spec: dict[str, Any], model: str) -> None:
    assert view.session({**a_seen_body({}), "spec": spec}).model == model


def test_the_node_is_the_newest_attempts() -> None:
    assert view.session(a_seen_body(training_status())).node == "gpu-7"
    assert view.session(a_seen_body({})).node == ""


def test_an_event_has_a_time_whoever_wrote_it() -> None:
    body = an_event("Accepted", "The spec is valid.", 5)
    others = {**body, "lastTimestamp": None, "eventTime": "2026-11-23T12:00:07.123456Z"}
    bare = {**others, "eventTime": None, "metadata": {**body["metadata"], "creationTimestamp": "2026-11-23T12:00:09Z"}}
    assert [view.event(each).time.second for each in (body, others, bare)] == [5, 7, 9]
    assert view.event(body).time == datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
