"""What a hub's errors mean for a session: a reason, a sentence, and when to ask again."""

import pytest

from hubtraining.controller.problems import from_error, from_plan
from hubtraining.controller.reasons import Reason
from hubtraining.domain.arguments import AlreadyTrained, DatasetNotReady, InvalidArguments, ModelIncomplete, ModelUnfit
from hubtraining.hub import errors

LINK = "https://hub.example/models/modelmodelmodelmodel"


@pytest.mark.parametrize(
    ("error", "reason", "seconds"),
    [
        (errors.HubUnauthorized("read: the hub answered 401"), Reason.UNAUTHORIZED, 30.0),
        (errors.HubNotFound("read: no such model"), Reason.MODEL_NOT_FOUND, 60.0),
        (errors.HubNotReady("read: its data set is processing"), Reason.DATASET_NOT_READY, 10.0),
        (errors.HubConflict("claim: another session writes it"), Reason.MODEL_IN_USE, 30.0),
        (errors.HubUnavailable("read: no answer"), Reason.HUB_UNAVAILABLE, 5.0),
        (errors.HubRateLimited("read: too many", retry_after=120.0), Reason.HUB_UNAVAILABLE, 120.0),
        (errors.HubProtocolError("read: not JSON"), Reason.HUB_REFUSED, 60.0),
        (errors.HubRefused("create: 422"), Reason.HUB_REFUSED, 60.0),
        (errors.HubError("something"), Reason.HUB_REFUSED, 60.0),
    ],
)
def test_each_error_has_its_reason_and_its_time(error: errors.HubError, reason: Reason, seconds: float) -> None:
    problem = from_error(error, "the key in the Secret hub")
    assert (problem.reason, problem.retry_seconds) == (reason, seconds)


def test_a_hub_that_asks_for_less_patience_than_ours_gets_ours() -> None:
    assert from_error(errors.HubUnavailable("no", retry_after=0.1), "").retry_seconds == 5.0


def test_a_refused_credential_is_named_but_never_shown() -> None:
    problem = from_error(errors.HubUnauthorized("read: the hub answered 401"), "the key in the Secret hub (key k)")
    assert problem.message == "Read: the hub answered 401. It was asked with the key in the Secret hub (key k)."


def test_a_certificate_that_is_not_trusted_leads_to_the_field_that_says_whom_to_trust() -> None:
    problem = from_error(errors.HubUntrusted("read: the certificate is not trusted (self-signed certificate)"), "")
    assert (problem.reason, problem.retry_seconds) == (Reason.HUB_UNAVAILABLE, 5.0)
    assert problem.message.endswith("Name the authority that signed it in spec.hub.caBundle of a new session.")


def test_only_a_refused_credential_is_named() -> None:
    assert from_error(errors.HubNotFound("read: no such model"), "the key").message == "Read: no such model."


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
