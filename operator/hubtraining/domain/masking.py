"""Removes what looks like a key or token from text that was written by somebody else, such as a trainer's log."""

import re

from hubtraining.domain.secret import REDACTED

_MIXED = r"(?-i:(?=[a-z0-9-]*[A-Z])(?=[A-Z0-9-]*[a-z])(?=[A-Za-z-]*[0-9]))"
"""A key may hold dashes; a Kubernetes name of the same length has no capitals."""

_SECRETS = re.compile(
    r"(?P<lead>api[_-]?key[\"']?\s*[=:]\s*[\"']?|bearer\s+|x-api-key[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}]+"
    rf"|(?<![\w-]){_MIXED}[a-z0-9-]{{42}}(_[a-z0-9-]{{20}})?(?![\w-])"
    r"|\b[a-z0-9]{42}(_[a-z0-9-]{20})?\b"
    r"|\bul_[0-9a-f]{40}\b"
    r"|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+",
    re.IGNORECASE,
)


def mask(text: str) -> str:
    """The text with keys and tokens replaced; what says that a key follows is kept."""
    return _SECRETS.sub(lambda found: (found["lead"] or "") + REDACTED, text)


def tail(text: str, size: int) -> str:
    """The end of a text, masked, in at most ``size`` bytes of UTF-8, beginning at a line where one begins there."""
    masked = mask(text).strip()
    if len(masked.encode()) <= size:
        return masked
    cut = masked.encode()[-size:].decode(errors="ignore")
    _, newline, rest = cut.partition("\n")
    return rest if newline and rest else cut
