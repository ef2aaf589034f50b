"""Starting other programs, and saying on screen what is going on."""

import subprocess
import sys


class ImagesError(Exception):
    """Why an image cannot be built: one sentence for the person at the screen."""


def say(text: str) -> None:
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


def run(*command: str) -> None:
    """Run a program that shows its own progress; raise ImagesError when it fails."""
    code = started(command, stdout=sys.stderr.fileno()).returncode
    if code:
        raise ImagesError(f"`{' '.join(command)}` ended with exit code {code}; its words are above")


def succeeds(*command: str) -> bool:
    """Whether a program is there and ends well."""
    return output(*command) is not None


def output(*command: str) -> str | None:
    """What a program prints; None when it fails or is not there."""
    try:
        done = started(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except ImagesError:
        return None
    return None if done.returncode else done.stdout


def started(command: tuple[str, ...], stdout: int, stderr: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, text=True, check=False)
    except FileNotFoundError:
        raise ImagesError(f"{command[0]} is not installed") from None
