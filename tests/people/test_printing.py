"""Log lines as they are printed."""

import pytest

from hubtraining.people.printing import Prefixed
from hubtraining.people.streams import Line, Place

LINE = Line(Place("signs-1-0", "uid", 1, "agent"), "2026-11-23T12:00:00.000000001Z", "hello")


@pytest.mark.parametrize(
    ("prefix", "timestamps", "printed"),
    [
        (True, False, "agent   | hello\n"),
        (False, False, "hello\n"),
        (False, True, "2026-11-23T12:00:00.000000001Z hello\n"),
        (True, True, "agent   | 2026-11-23T12:00:00.000000001Z hello\n"),
    ],
)
def test_a_line_has_what_was_asked_for(
    prefix: bool, timestamps: bool, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Prefixed(prefix=prefix, timestamps=timestamps).line(LINE)
    assert capsys.readouterr().out == printed


def test_notes_do_not_mix_with_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Prefixed(prefix=True).note("attempt 2")
    assert capsys.readouterr() == ("", "-- attempt 2\n")
