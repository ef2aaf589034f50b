"""What a hub's errors mean for a session: a reason, a sentence, and when to ask again."""

import pytest

from hubtraining.controller.hubs.access import Access
from hubtraining.controller.hubs.problems import from_error, from_plan
from hubtraining.controller.values.reasons import Reason
from hubtraining.domain.arguments import AlreadyTrained, DatasetNotReady, InvalidArguments, ModelIncomplete, ModelUnfit
from hubtraining.domain.identifiers import parse
from hubtraining.hub import errors
from hubtraining.hub.credentials import fixed

LINK = "https://hub.example/models/modelmodelmodelmodel"


def a_way(url: str, whose: str, *, own: bool) -> Access:
    return Access(url, "https://hub.example", own, parse("yolov8n.yaml"), fixed("k"), whose)


FOREIGN = a_way("https://api.hub.example", "the key in the Secret hub (key k)", own=False)
OWN = a_way("http://hub", "the operator's own credentials", own=True)


@pytest.mark.parametrize(
    ("error", "reason", "seconds"),
    [
        (errors.HubUnauthorized("read: the hub answered 401"), Reason.UNAUTHORIZED, 30.0),
        (errors.HubNotFound("read: no such model"), Reason.MODEL_NOT_FOUND, 60.0),
        (errors.HubNotReady("read: its data set is processing"), Reason.DATASET_NOT_READY, 10.0),
        (errors.HubConflict("claim: another session writes it"), Reason.MODEL_IN_USE, 30.0),
        (errors.HubUnavailable("read: no answer"), Reason.HUB_UNAVAILABLE, 5.0),
        (errors.HubRateLimited("read: too many", retry_after=120.0), Reason.HUB_UNAVAILABLE, 120.0),
        (errors.HubUntrusted("read: not trusted"), Reason.HUB_UNAVAILABLE, 5.0),
        (errors.HubProtocolError("read: not JSON"), Reason.HUB_REFUSED, 60.0),
        (errors.HubRefused("create: 422"), Reason.HUB_REFUSED, 60.0),
        (errors.HubError("something"), Reason.HUB_REFUSED, 60.0),
    ],
)
def test_each_error_has_its_reason_and_its_time(error: errors.HubError, reason: Reason, seconds: float) -> None:
    problem = from_error(error, FOREIGN)
    assert (problem.reason, problem.retry_seconds) == (reason, seconds)


def test_a_hub_that_asks_for_less_patience_than_ours_gets_ours() -> None:
    assert from_error(errors.HubUnavailable("no", retry_after=0.1), OWN).retry_seconds == 5.0


def test_a_refused_credential_is_named_but_never_shown() -> None:
    problem = from_error(errors.HubUnauthorized("read: the hub answered 401"), FOREIGN)
    assert problem.message == "Read: the hub answered 401. It was asked with the key in the Secret hub (key k)."


def test_a_certificate_that_is_not_trusted_leads_to_the_field_that_says_whom_to_trust() -> None:
    problem = from_error(errors.HubUntrusted("read: the certificate is not trusted (self-signed certificate)"), FOREIGN)
    assert (problem.reason, problem.retry_seconds) == (Reason.HUB_UNAVAILABLE, 5.0)
    assert problem.message.endswith("Name the authority that signed it in spec.hub.caBundle of a new session.")


def test_only_a_refused_credential_is_named() -> None:
    assert from_error(errors.HubNotFound("read: no such model"), OWN).message == "Read: no such model."


@pytest.mark.parametrize(
    ("error", "foreign", "own"),
    [
        (
            errors.HubProtocolError("create: no hub answers there"),
            "spec.hub.url is https://api.hub.example; the root of a hub's API is needed there.",
            "The operator's own hub was asked; the root of a hub's API is needed there.",
        ),
        (errors.HubUnavailable("create: no connection"), "spec.hub.url is https://api.hub.example.", ""),
        (errors.HubNotFound("read: no such model"), "spec.hub.url is https://api.hub.example.", ""),
        (errors.HubRefused("create: not allowed"), "spec.hub.url is https://api.hub.example.", ""),
        (
            errors.HubUntrusted("create: not trusted"),
            *["Name the authority that signed it in spec.hub.caBundle of a new session."] * 2,
        ),
    ],
)
def test_a_hub_that_cannot_be_used_comes_with_the_field_to_look_at(
    error: errors.HubError, foreign: str, own: str
) -> None:
    assert foreign in from_error(error, FOREIGN).message
    assert own in from_error(error, OWN).message
    assert "spec.hub.url" not in from_error(error, OWN).message


def test_a_failure_before_the_hub_was_known_stands_alone() -> None:
    assert from_error(errors.HubRefused("create: no"), None).message == "Create: no."


@pytest.mark.parametrize(
    ("error", "reason", "seconds"),
    [
        (AlreadyTrained(LINK), Reason.ALREADY_TRAINED, None),
        (DatasetNotReady(LINK), Reason.DATASET_NOT_READY, 10.0),
        (ModelIncomplete(LINK), Reason.MODEL_INCOMPLETE, 60.0),
        (ModelUnfit("the hub's train_args.epochs is dict"), Reason.MODEL_INCOMPLETE, 60.0),
        (InvalidArguments("spec.train.args.data is None"), Reason.INVALID_SPEC, None),
    ],
)
def test_a_model_that_cannot_be_trained_says_whether_waiting_helps(
    error: Exception, reason: Reason, seconds: float | None
) -> None:
    problem = from_plan(error)
    assert (problem.reason, problem.retry_seconds) == (reason, seconds)
    assert problem.message[0].isupper()
    assert problem.message.endswith(".")
