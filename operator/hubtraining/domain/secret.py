"""Text that must not be shown."""

REDACTED = "[redacted]"


class Secret:
    """A key or token: printing, formatting and comparing it shows nothing; only :meth:`reveal` does."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._text

    def hide_in(self, text: str) -> str:
        """``text`` without the secret, for words that came from somebody who knows it."""
        return text.replace(self._text, REDACTED) if self._text else text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return REDACTED
