"""What an answer means: a pure mapping from status, headers and body to data or to the tree of errors."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec

from hubtraining.domain.secret import Secret
from hubtraining.hub import wire
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

T = TypeVar("T")

MAX_MESSAGE = 200
"""Characters of a hub's own message that go into ours."""

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON may raise; the last for what is nested too deeply."""

_LATER = frozenset({408, 425})
_NEVER = frozenset({501, 505})


class Answer(msgspec.Struct, frozen=True):
    """A whole answer. ``headers`` must look names up without case, as httpx does."""

    op: str
    """What was asked for, in a few words: "read the model"."""
    status: int
    headers: Mapping[str, str]
    body: bytes
    secret: Secret = Secret("")
    """What was sent with the call: never repeated, even if the hub does."""


def raise_for_answer(answer: Answer) -> None:
    """Return for a 2xx, raise the fitting HubError for anything else."""
    status = answer.status
    if 200 <= status < 300:
        return
    if status == 429:
        raise HubRateLimited(_rate_limit(answer), status=status, retry_after=retry_after(answer.headers))
    text = f"{answer.op}: the hub answered {status}{_own_words(answer)}"
    if status in _LATER or (status >= 500 and status not in _NEVER):
        raise HubUnavailable(text, status=status, retry_after=retry_after(answer.headers))
    raise _refusal(status)(text, status=status)


def acknowledged(answer: Answer) -> None:
    """Return if the hub has what it was sent. Nothing need be in its answer, but what is there must be a hub's yes:
    a captive portal or a proxy answers 200, too, with a page of its own."""
    raise_for_answer(answer)
    said = _decoded(answer, Any) if answer.body.strip() else None
    if isinstance(said, dict) and said.get("success") is False:
        raise HubRefused(f"{answer.op}: the hub answered {answer.status}{_own_words(answer)}", status=answer.status)


def data(answer: Answer) -> Any:
    """The envelope's ``data`` of a successful answer; raises what :func:`raise_for_answer` raises, and
    HubProtocolError for anything that is not the protocol's JSON."""
    raise_for_answer(answer)
    return envelope(answer).data


def of_a_hub(answer: Answer) -> Answer:
    """An answer from a path that every hub has: 404 says that what answers is none. Raises HubProtocolError."""
    if answer.status == 404:
        raise HubProtocolError(f"{answer.op}: no hub answers there: 404{_own_words(answer)}", status=404)
    return answer


def decode(answer: Answer, kind: type[T]) -> T:
    """The envelope's ``data`` as a typed value."""
    return convert(data(answer), kind, answer.op)


def convert(value: Any, kind: type[T], op: str) -> T:
    """A piece of an answer as a typed value; HubProtocolError names the field that does not fit, not its value."""
    try:
        return msgspec.convert(value, kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise HubProtocolError(f"{op}: the hub's answer does not fit: {error}") from None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the hub asked for, as a number or as a moment (told from the answer's own date); at most a day."""
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_between(headers.get("date", ""), text)
    return min(seconds, 86_400.0) if seconds >= 0 else None


def _seconds_between(start: str, end: str) -> float:
    """Of two HTTP dates; negative if one of them is none."""
    try:
        return (parsedate_to_datetime(end) - parsedate_to_datetime(start)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return -1.0


def _refusal(status: int) -> type[HubError]:
    if 300 <= status < 400 or status < 200:
        return HubProtocolError
    known = {401: HubUnauthorized, 403: HubUnauthorized, 404: HubNotFound, 409: HubConflict}
    return known.get(status, HubRefused)


def _rate_limit(answer: Answer) -> str:
    """One sentence with whatever of the three headers has come through."""
    headers = answer.headers
    left, limit = headers.get("x-ratelimit-remaining"), headers.get("x-ratelimit-limit")
    quota = f" ({left or '?'} of {limit or '?'} requests left)" if left or limit else ""
    seconds = retry_after(headers)
    when = f"; try again in {seconds:g} s" if seconds is not None else "; try again later"
    return f"{answer.op}: the hub's rate limit is reached{quota}{when}"


def _own_words(answer: Answer) -> str:
    """The hub's own message, if this is a hub's refusal: other programs' bodies are never repeated."""
    try:
        envelope = msgspec.json.decode(answer.body)
    except _UNREADABLE:
        return ""
    if not isinstance(envelope, dict) or envelope.get("success") is not False:
        return ""
    message = envelope.get("message")
    words = " ".join(message.split()) if isinstance(message, str) else ""
    shown = "".join(c for c in answer.secret.hide_in(words) if c.isprintable())[:MAX_MESSAGE]
    return f": {shown}" if shown else ""


def envelope(answer: Answer) -> wire.Envelope:
    """The wrapping, whatever the status; HubProtocolError if it is not the protocol's JSON."""
    return _decoded(answer, wire.Envelope)


def _decoded(answer: Answer, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except _UNREADABLE:
        named = answer.headers.get("content-type", "").partition(";")[0][:40] or "no content type"
        raise HubProtocolError(
            f"{answer.op}: no hub answers there: {answer.status} with {named} instead of the protocol's JSON",
            status=answer.status,
        ) from None
