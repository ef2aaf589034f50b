"""What the person at the screen sees while things take their time."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLAIN_INTERVAL = 30.0  # seconds between two lines where a line cannot be rewritten


def say(text: str) -> None:
    """One line of progress; standard output belongs to what was asked for."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show a step, the seconds passing, and how long it took."""
    began, ended = time.monotonic(), threading.Event()
    tick = _rewrite if sys.stderr.isatty() else _append
    ticker = threading.Thread(target=tick, args=(title, began, ended), daemon=True)
    ticker.start()
    outcome = "failed after "
    try:
        yield
        outcome = ""
    finally:
        ended.set()
        ticker.join()
        prefix = "\r\033[K" if sys.stderr.isatty() else ""
        say(f"{prefix}  {title} … {outcome}{time.monotonic() - began:.1f} s")


def _rewrite(title: str, began: float, ended: threading.Event) -> None:
    while not ended.wait(0.5):
        print(f"\r\033[K  {title} … {time.monotonic() - began:.0f} s", end="", file=sys.stderr, flush=True)


def _append(title: str, began: float, ended: threading.Event) -> None:
    while not ended.wait(PLAIN_INTERVAL):
        say(f"  {title} … {time.monotonic() - began:.0f} s so far")


def tail(path: Path, lines: int = 15) -> str:
    """The last words of a log, and where the rest stands."""
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return f"(no log at {path})"
    last = "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
    return f"{last}\n  the whole log: {path}"
