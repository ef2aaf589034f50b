"""Starting other programs, and saying on screen what is going on."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class DemoError(Exception):
    """Something that the person at the screen can do something about; its text says what."""


def say(text: str) -> None:
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step, and say how long it took."""
    say(f"\n==> {title}")
    began = time.monotonic()
    yield
    say(f"    done in {time.monotonic() - began:.0f} s")


def run(*command: str, stdin: bytes | None = None) -> None:
    """Run a program that shows its own progress; raise DemoError when it fails."""
    done = subprocess.run(command, input=stdin, cwd=ROOT, stdout=sys.stderr, check=False)
    if done.returncode:
        raise DemoError(f"`{' '.join(command)}` ended with exit code {done.returncode}; its words are above")


def output(*command: str, stdin: bytes | None = None, quiet: bool = True) -> str:
    """What a program prints; raise DemoError with its last words when it fails."""
    words = subprocess.PIPE if quiet else sys.stderr
    done = subprocess.run(command, input=stdin, cwd=ROOT, stdout=subprocess.PIPE, stderr=words, check=False)
    if done.returncode:
        raise DemoError(f"`{' '.join(command)}`: {(done.stderr or b'').decode(errors='replace').strip()[-600:]}")
    return done.stdout.decode()
