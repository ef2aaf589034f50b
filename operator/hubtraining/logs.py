"""How every program logs: one line an event on standard error, JSON in a cluster and plain text for people.

What libraries write into exceptions is masked: it may quote a header.
"""

import logging
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec

from hubtraining.domain.masking import mask

Format = Literal["json", "plain"]
FORMATS: tuple[str, ...] = get_args(Format)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class PlainLines(logging.Formatter):
    """Time, level and message; an exception's traceback follows."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """The traceback, masked."""
        return mask(super().formatException(ei))


class JsonLines(PlainLines):
    """One JSON object a line; an exception's traceback is a field."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields).decode()


def set_up(level: str = "INFO", style: Format = "json") -> None:
    """Send our lines, and only warnings of libraries, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if style == "json" else PlainLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("hubtraining").setLevel(level)
