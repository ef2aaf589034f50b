"""Numbers as HUB clients write them: strings among them, Python's words, tokens that JSON does not have."""

import json
import math
from typing import Any

from hubtraining.hub.refusals import Invalid

WORDS: dict[str, Any] = {"None": None, "True": True, "False": False, "null": None, "true": True, "false": False}
MAX_EPOCH = 1_000_000_000


def shown(value: Any) -> str:
    """What was given, short enough for a message."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def number(field: str, value: Any) -> int | float | None:
    """``value`` as a number; strings are read, null stays."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) and len(value) <= 40:
        for read in (int, float):
            try:
                return read(value)
            except ValueError:
                continue
    raise Invalid(f"{field} is {shown(value)}: a number is allowed")


def word(value: Any) -> Any:
    """``value``, or what it means when it is Python's spelling of none, true or false."""
    return WORDS.get(value, value) if isinstance(value, str) else value


def flag(field: str, value: str) -> bool:
    """A form's or query's boolean, in Python's or JSON's spelling."""
    found = WORDS.get(value, {"1": True, "0": False, "": False}.get(value))
    if not isinstance(found, bool):
        raise Invalid(f"{field} is {shown(value)}: True or False is allowed")
    return found


def epoch(field: str, value: str) -> int:
    """An epoch, counted from 0."""
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and int(value) <= MAX_EPOCH):
        raise Invalid(f"{field} is {shown(value)}: a whole number from 0 to {MAX_EPOCH} is allowed")
    return int(value)


def finite(field: str, value: Any) -> int | float | None:
    """A metric's value: a number, or None for one that is not finite."""
    read = int(value) if isinstance(value, bool) else number(field, value)
    if isinstance(read, int) and abs(read) >= 1 << 63:
        return _finite_float(read)
    return read if read is None or isinstance(read, int) or math.isfinite(read) else None


def _finite_float(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def lenient_json(field: str, text: str) -> Any:
    """JSON with NaN and Infinity allowed, as None."""
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise Invalid(f"{field} is {shown(text)}: JSON is allowed") from None
