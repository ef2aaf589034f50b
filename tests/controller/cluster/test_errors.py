"""Every answer above 399 becomes the error that says what to do about it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.cluster.errors import (
    AlreadyExists,
    KubeConflict,
    KubeError,
    KubeExpired,
    KubeNotFound,
    KubeRefused,
    KubeUnavailable,
    error_of,
)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", KubeRefused),
        (401, "Unauthorized", KubeRefused),
        (403, "Forbidden", KubeRefused),
        (404, "NotFound", KubeNotFound),
        (409, "Conflict", KubeConflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", KubeExpired),
        (413, "RequestEntityTooLarge", KubeRefused),
        (422, "Invalid", KubeRefused),
        (429, "TooManyRequests", KubeUnavailable),
        (500, "InternalError", KubeUnavailable),
        (503, "ServiceUnavailable", KubeUnavailable),
        (504, "Timeout", KubeUnavailable),
    ],
)
def test_the_code_decides_what_the_caller_should_do(code: int, reason: str, kind: type[KubeError]) -> None:
    error = error_of(code, {"message": "the API server's words", "reason": reason})
    assert type(error) is kind
    assert (str(error), error.status, error.reason) == ("the API server's words", code, reason)


def test_an_answer_without_words_says_at_least_its_code() -> None:
    assert str(error_of(502, {})) == "the API server answered 502"


def test_the_wait_that_the_api_server_asks_for_is_kept() -> None:
    error = error_of(429, {}, retry_after=7.0)
    assert isinstance(error, KubeUnavailable)
    assert error.retry_after == 7.0


@given(st.integers(400, 599), st.dictionaries(st.sampled_from(["message", "reason", "code"]), st.none() | st.text()))
def test_whatever_stands_in_the_answer_an_error_comes_of_it(code: int, body: dict[str, Any]) -> None:
    error = error_of(code, body)
    assert error.status == code
    assert str(error)
