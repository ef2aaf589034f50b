"""Where a story is shown."""

import sys

import pytest

from hubtraining.people.plain import Lines
from hubtraining.people.programs import screen
from hubtraining.people.table import LiveTable


class Terminal:
    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Nothing is kept back."""


def test_a_pipe_gets_lines() -> None:
    with screen() as shown:
        assert isinstance(shown, Lines)


def test_a_terminal_gets_a_live_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    with screen() as shown:
        assert isinstance(shown, LiveTable)


def test_a_terminal_without_rich_gets_lines_and_is_told_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "hubtraining.people.table", raising=False)
    monkeypatch.setattr(sys, "stdout", Terminal())
    with screen() as shown:
        assert isinstance(shown, Lines)
    assert capsys.readouterr().err == "For a live table: pip install 'hubtraining[people]'\n"
