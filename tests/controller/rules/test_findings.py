"""What a world says about each condition, whatever rule decides."""

from datetime import timedelta

import msgspec
import pytest
from builders.pod import NOON, a_pod
from builders.world import WorldBuilder, a_checkpoint, a_report, a_world, an_outcome

from hubtraining.controller.rules import findings
from hubtraining.controller.values.reasons import Reason
from hubtraining.domain.conditions import Condition, ConditionType
from hubtraining.domain.report import CheckpointState, HubState


def running() -> WorldBuilder:
    return a_world().begun().with_pod(a_pod().training()).told()


def said(conditions: tuple[Condition, ...]) -> tuple[str, str] | None:
    return (conditions[0].status, conditions[0].reason) if conditions else None


def test_a_condition_is_about_the_generation_that_was_looked_at() -> None:
    session = msgspec.structs.replace(a_world().world().session, generation=7)
    made = findings.condition(a_world(session).world(), ConditionType.TRAINING, "True", Reason.TRAINING, "It runs.")
    assert (made.observed_generation, made.reason, made.message) == (7, "Training", "It runs.")


def test_no_word_is_due_before_the_trainer_runs() -> None:
    assert said(findings.reporting(a_world().begun().at(9999).world())) is None


@pytest.mark.parametrize(
    ("seconds", "answer"), [(0, None), (659, None), (660, ("False", "NoReport")), (9999, ("False", "NoReport"))]
)
def test_an_agent_that_never_spoke_is_missed_after_two_heartbeats_and_some(
    seconds: float, answer: tuple[str, str] | None
) -> None:
    assert said(findings.reporting(running().at(seconds).world())) == answer


@pytest.mark.parametrize(("seconds", "answer"), [(1659, ("True", "Reporting")), (1660, ("False", "Silent"))])
def test_an_agent_that_has_stopped_is_missed_after_its_last_word(seconds: float, answer: tuple[str, str]) -> None:
    assert said(findings.reporting(running().heard(at=1000).at(seconds).world())) == answer


def test_a_session_with_a_slower_heartbeat_is_given_more_time() -> None:
    slow = running().spec(agent={"heartbeatSeconds": 3600}).heard(at=0)
    assert said(findings.reporting(slow.at(7259).world())) == ("True", "Reporting")
    assert said(findings.reporting(slow.at(7261).world())) == ("False", "Silent")


def test_nobody_was_silent_before_this_controller_listened() -> None:
    fresh = running().having(since=NOON + timedelta(hours=5)).at(5 * 3600 + 100)
    assert said(findings.reporting(fresh.world())) is None
    assert said(findings.reporting(fresh.at(5 * 3600 + 661).world())) == ("False", "NoReport")


@pytest.mark.parametrize(("failures", "answer"), [(0, None), (2, None), (3, ("False", "HubUnavailable"))])
def test_a_hub_is_unavailable_after_several_failures_of_the_agent(
    failures: int, answer: tuple[str, str] | None
) -> None:
    heard = running().heard(a_report(hub=HubState(consecutive_failures=failures)))
    assert said(findings.hub_ready(heard.world())) == answer


def test_a_hub_that_was_called_unavailable_recovers_with_the_first_good_call_and_not_before() -> None:
    away = running().heard(a_report(hub=HubState(consecutive_failures=5))).told()
    assert said(findings.hub_ready(away.heard(a_report(hub=HubState(consecutive_failures=1))).world())) is None
    assert said(findings.hub_ready(away.heard(a_report(hub=HubState())).world())) == ("True", "Recovered")


def test_nothing_is_said_of_a_hub_while_the_agent_is_silent() -> None:
    assert findings.hub_ready(running().world()) == ()


LATEST = {"latest": a_checkpoint(1, CheckpointState.PENDING)}
FINAL = {"final": a_checkpoint(9)}


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ({}, ("Unknown", "NoCheckpoint")),
        (LATEST, ("False", "Uploading")),
        ({**LATEST, "failed": 1}, ("False", "UploadFailed")),
        ({**LATEST, "failed": 1, "uploaded": 1}, ("True", "Uploaded")),
        ({"final": a_checkpoint(9, CheckpointState.PENDING), "uploaded": 4}, ("True", "Uploaded")),
        ({**FINAL, "uploaded": 5}, ("True", "FinalUploaded")),
    ],
)
def test_a_checkpoint_is_safe_once_the_hub_has_one(word: dict[str, object], answer: tuple[str, str]) -> None:
    assert said(findings.checkpoint_safe(running().heard(a_report(**word)).world())) == answer


def test_a_checkpoint_that_was_safe_stays_so_when_an_agent_begins_to_count_anew() -> None:
    once = running().heard(a_report(latest=a_checkpoint(1), uploaded=1)).told()
    assert said(findings.checkpoint_safe(once.heard(a_report(2)).world())) == ("True", "Uploaded")


def test_last_words_count_more_than_the_last_report() -> None:
    ended = running().heard(a_report(**LATEST)).with_pod(a_pod().ended(outcome=an_outcome(**FINAL, uploaded=1)))
    assert said(findings.checkpoint_safe(ended.world())) == ("True", "FinalUploaded")


def test_without_a_word_nothing_is_said_of_checkpoints() -> None:
    assert findings.checkpoint_safe(running().world()) == ()
