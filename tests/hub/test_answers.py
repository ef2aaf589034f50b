import inspect
from collections.abc import Mapping

import httpx
import pytest
from builders.recorded_hub import KEY
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.domain.secret import Secret
from hubtraining.hub import answers, errors, wire
from hubtraining.hub.answers import Answer, raise_for_answer
from hubtraining.hub.errors import (
    HubConflict,
    HubError,
    HubNotFound,
    HubProtocolError,
    HubRateLimited,
    HubRefused,
    HubUnauthorized,
    HubUnavailable,
)

ABYSS = b'{"success": true, "data": ' + b"[" * 100_000
"""Deeper than any reader follows."""


def an_answer(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    return Answer("read", status, httpx.Headers(headers or {}), body, Secret(KEY))


def error_of(answer: Answer) -> HubError:
    with pytest.raises(HubError) as caught:
        raise_for_answer(answer)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_success_raises_nothing(status: int) -> None:
    raise_for_answer(an_answer(status))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, HubProtocolError),
        (302, HubProtocolError),
        (400, HubRefused),
        (401, HubUnauthorized),
        (403, HubUnauthorized),
        (404, HubNotFound),
        (408, HubUnavailable),
        (409, HubConflict),
        (413, HubRefused),
        (422, HubRefused),
        (425, HubUnavailable),
        (429, HubRateLimited),
        (500, HubUnavailable),
        (501, HubRefused),
        (502, HubUnavailable),
        (503, HubUnavailable),
        (504, HubUnavailable),
        (507, HubUnavailable),
        (522, HubUnavailable),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[HubError]) -> None:
    error = error_of(an_answer(status))

    assert type(error) is kind
    assert error.status == status


@given(st.integers(100, 599), st.binary(max_size=80), st.dictionaries(st.sampled_from(["Retry-After", "X"]), st.text()))
def test_every_answer_is_a_success_or_a_hub_error(status: int, body: bytes, headers: dict[str, str]) -> None:
    try:
        raise_for_answer(Answer("read", status, headers, body))
    except HubError as error:
        failed = error.status
    else:
        failed = None
    assert failed == (None if 200 <= status < 300 else status)


def test_the_hubs_own_message_is_told() -> None:
    error = error_of(an_answer(422, b'{"success": false, "message": "epochs must\\nbe a number"}'))

    assert str(error) == "read: the hub answered 422: epochs must be a number"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>secret page</html>",
        b'{"message": "secret of another program"}',
        b'{"success": true, "message": "secret"}',
        b'{"success": false, "message": {"secret": 1}}',
        b'["secret"]',
        b"",
        b"\xff",
    ],
)
def test_bodies_of_other_programs_are_not_repeated(body: bytes) -> None:
    assert str(error_of(an_answer(500, body))) == "read: the hub answered 500"


def test_a_refusal_that_nobody_can_read_to_its_bottom_is_a_refusal_all_the_same() -> None:
    assert str(error_of(an_answer(400, ABYSS))) == "read: the hub answered 400"


def test_a_message_that_repeats_the_key_is_redacted() -> None:
    error = error_of(an_answer(401, f'{{"success": false, "message": "bad key {KEY}"}}'.encode()))

    assert str(error) == "read: the hub answered 401: bad key [redacted]"


def test_a_long_message_is_cut() -> None:
    error = error_of(an_answer(400, b'{"success": false, "message": "%s"}' % (b"x" * 10_000)))

    assert len(str(error)) < answers.MAX_MESSAGE + 50


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        (
            {"X-RateLimit-Limit": "400", "X-RateLimit-Remaining": "0", "Retry-After": "60"},
            " (0 of 400 requests left); try again in 60 s",
        ),
        ({"X-RateLimit-Limit": "400"}, " (? of 400 requests left); try again later"),
        ({"X-RateLimit-Remaining": "3"}, " (3 of ? requests left); try again later"),
        ({"Retry-After": "1.5"}, "; try again in 1.5 s"),
        ({}, "; try again later"),
    ],
)
def test_a_rate_limit_says_what_it_knows(headers: dict[str, str], text: str) -> None:
    assert str(error_of(an_answer(429, headers=headers))) == f"read: the hub's rate limit is reached{text}"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", 60.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("1e99", 86_400.0),
        ("Sat, 01 Aug 2026 10:01:30 GMT", 90.0),
        ("Sat, 01 Aug 2026 09:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_where_it_is_a_number(text: str, seconds: float | None) -> None:
    error = error_of(an_answer(503, headers={"Retry-After": text, "Date": "Sat, 01 Aug 2026 10:00:00 GMT"}))

    assert isinstance(error, HubUnavailable)
    assert error.retry_after == seconds


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"[]", b"null", b"\xff", b'{"success": "yes"}', ABYSS])
def test_anything_but_the_protocols_json_is_named_by_its_type_alone(body: bytes) -> None:
    answer = an_answer(200, body, {"content-type": "text/html; charset=utf-8"})

    with pytest.raises(HubProtocolError, match="no hub answers there: 200 with text/html instead of"):
        answers.data(answer)


def test_an_answer_without_a_type_says_so() -> None:
    with pytest.raises(HubProtocolError, match="no content type"):
        answers.data(an_answer(200))


def test_a_moment_is_worth_nothing_without_the_answers_own_date() -> None:
    assert answers.retry_after({"retry-after": "Sat, 01 Aug 2026 10:01:30 GMT"}) is None


def test_data_is_typed() -> None:
    assert answers.decode(an_answer(200, b'{"data": {"agent": "a", "agentId": "1"}}'), wire.Heartbeat).agent_id == "1"


def test_a_field_that_does_not_fit_is_named_without_its_value() -> None:
    with pytest.raises(HubProtocolError, match=r"`\$.agent`") as caught:
        answers.decode(an_answer(200, b'{"data": {"agent": 77}}'), wire.Heartbeat)
    assert "77" not in str(caught.value)


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn = {word for line in (errors.__doc__ or "").splitlines() for word in line.split() if word.startswith("Hub")}
    real = {name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, HubError)}

    assert drawn == real
