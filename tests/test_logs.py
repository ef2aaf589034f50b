"""How every program logs."""

import json
import logging

import pytest

from hubtraining import logs

KEY = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1"


def a_record(message: str = "hello %s", *args: object, failure: Exception | None = None) -> logging.LogRecord:
    made = logging.LogRecord("hubtraining.test", logging.WARNING, "file", 1, message, args or ("you",), None)
    made.created = 1_800_000_000.25
    if failure is not None:
        made.exc_info = (type(failure), failure, None)
    return made


def test_a_line_of_json_has_what_a_log_collector_sorts_by() -> None:
    assert json.loads(logs.JsonLines().format(a_record())) == {
        "time": "2027-01-15T08:00:00.250+00:00",
        "level": "WARNING",
        "logger": "hubtraining.test",
        "message": "hello you",
    }


def test_a_failure_stays_one_line_of_json() -> None:
    line = logs.JsonLines().format(a_record(failure=ValueError("what went wrong")))
    assert "\n" not in line
    assert "ValueError: what went wrong" in json.loads(line)["exception"]


@pytest.mark.parametrize("formatter", [logs.JsonLines(), logs.PlainLines()])
def test_a_key_that_a_library_quotes_is_not_logged(formatter: logging.Formatter) -> None:
    line = formatter.format(a_record(failure=ValueError(f"illegal header value: x-api-key: {KEY}")))
    assert "illegal header value" in line
    assert KEY not in line
