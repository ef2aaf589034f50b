"""What the person at the screen sees."""

import time
from pathlib import Path

import pytest

from cluster import progress
from cluster.progress import step, tail


def test_a_step_says_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    with step("compiling kubelet"):
        pass
    assert capsys.readouterr().err == "  compiling kubelet … 0.0 s\n"


def test_a_long_step_says_that_it_goes_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.01)
    with step("compiling kubelet"):
        time.sleep(0.1)
    assert "compiling kubelet … 0 s so far" in capsys.readouterr().err


def test_a_step_that_fails_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="no"), step("node"):
        raise OSError("no")
    assert "node … failed after" in capsys.readouterr().err


def test_the_end_of_a_log_names_the_whole(tmp_path: Path) -> None:
    log = tmp_path / "etcd.log"
    log.write_text("\n".join(map(str, range(100))))
    shown = tail(log, lines=2).splitlines()
    assert [line.strip() for line in shown] == ["98", "99", f"the whole log: {log}"]


def test_a_log_that_was_never_written_is_no_error(tmp_path: Path) -> None:
    assert "no log" in tail(tmp_path / "missing.log")
