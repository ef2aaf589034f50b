"""Regular expressions from users: RE2's, whose time is linear in the text, so that none can hold up the program.

The API server's own rules understand the same syntax.
"""

from functools import lru_cache
from typing import Protocol

import re2

LONGEST = 256
"""Characters of a pattern."""

MOST_MEMORY = 1 << 20
"""Bytes of one compiled pattern: a few hundred characters can stand for a very large program."""


class InvalidPattern(ValueError):
    """One sentence that says what is wrong with the pattern."""


class Pattern(Protocol):
    """A pattern that can be searched for."""

    def search(self, text: str) -> object | None:
        """The first match."""


@lru_cache(maxsize=512)
def compiled(text: str) -> Pattern:
    """The pattern. Raises InvalidPattern."""
    if len(text) > LONGEST:
        raise InvalidPattern(f"has {len(text)} characters; at most {LONGEST} are allowed")
    try:
        pattern: Pattern = re2.compile(text, _options())
    except re2.error as error:
        raise InvalidPattern(f"is no regular expression of RE2: {_words(error)}") from None
    return pattern


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MOST_MEMORY
    return options


def _words(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
