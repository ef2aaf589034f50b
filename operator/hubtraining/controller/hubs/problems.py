"""What a hub's errors mean for a session's conditions, and when it is worth asking again."""

from collections.abc import Callable

from hubtraining.controller.hubs.access import Access
from hubtraining.controller.values.messages import short
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import Problem
from hubtraining.domain.arguments import AlreadyTrained, DatasetNotReady, ModelIncomplete, ModelUnfit
from hubtraining.hub.errors import (
    HubConflict,
    HubError,
    HubNotFound,
    HubNotReady,
    HubProtocolError,
    HubUnauthorized,
    HubUnavailable,
    HubUntrusted,
)

UNAVAILABLE_SECONDS = 5.0
"""After the first failure; doubled with each, and never less than what the hub asks for."""

PROCESSING_SECONDS = 10.0
"""After the first look for a data set; doubled with each: small ones are there soon, large ones take hours."""

_ERRORS: tuple[tuple[type[HubError], Reason, float], ...] = (
    (HubUnauthorized, Reason.UNAUTHORIZED, 30.0),  # a key may be renewed
    (HubNotFound, Reason.MODEL_NOT_FOUND, 60.0),  # a model may be made
    (HubNotReady, Reason.DATASET_NOT_READY, PROCESSING_SECONDS),  # its zip may be uploaded
    (HubConflict, Reason.MODEL_IN_USE, 30.0),  # a claim may end
    (HubUnavailable, Reason.HUB_UNAVAILABLE, UNAVAILABLE_SECONDS),
    (HubError, Reason.HUB_REFUSED, 60.0),
)
_PLANS: tuple[tuple[type[Exception], Reason, float | None], ...] = (
    (AlreadyTrained, Reason.ALREADY_TRAINED, None),
    (DatasetNotReady, Reason.DATASET_NOT_READY, PROCESSING_SECONDS),
    (ModelIncomplete, Reason.MODEL_INCOMPLETE, 60.0),
    (ModelUnfit, Reason.MODEL_INCOMPLETE, 60.0),
)

_HINTS: tuple[tuple[type[HubError], Callable[[Access], str]], ...] = (
    (HubUnauthorized, lambda way: f"It was asked with {way.whose}."),
    (HubConflict, lambda _: ""),
    (HubUntrusted, lambda _: "Name the authority that signed it in spec.hub.caBundle of a new session."),
    (HubProtocolError, lambda way: f"{_place(way)}; the root of a hub's API is needed there."),
    (HubError, lambda way: "" if way.own else f"{_place(way)}."),
)
"""What to look at."""


def from_error(error: HubError, way: Access | None) -> Problem:
    """The problem that a failed call stands for; whose credentials were used is named, never their value."""
    reason, seconds = next((reason, seconds) for kind, reason, seconds in _ERRORS if isinstance(error, kind))
    if isinstance(error, HubUnavailable) and error.retry_after is not None:
        seconds = max(seconds, error.retry_after)
    hint = next(hint(way) for kind, hint in _HINTS if isinstance(error, kind)) if way else ""
    return Problem(reason, short(f"{_sentence(str(error))} {hint}"), seconds)


def from_plan(error: Exception) -> Problem:
    """The problem with a model that cannot be trained as it is."""
    found = ((reason, seconds) for kind, reason, seconds in _PLANS if isinstance(error, kind))
    reason, seconds = next(found, (Reason.INVALID_SPEC, None))
    return Problem(reason, short(_sentence(str(error))), seconds)


def _place(way: Access) -> str:
    return "The operator's own hub was asked" if way.own else f"spec.hub.url is {way.url}"


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
