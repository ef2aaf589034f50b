"""Generated files: written, or compared with what is there."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "hubtraining"

Files = Mapping[Path, str]
"""What each file should hold."""


def stale(files: Files, folders: tuple[Path, ...] = ()) -> list[Path]:
    """The files that do not hold what they should, and those in ``folders`` that should not be there."""
    wrong = [path for path, text in files.items() if not path.is_file() or path.read_text() != text]
    return sorted({*wrong, *strangers(files, folders)})


def strangers(files: Files, folders: tuple[Path, ...]) -> list[Path]:
    """Files in folders that hold nothing but generated files, and were not generated."""
    return [path for folder in folders for path in folder.rglob("*") if path.is_file() and path not in files]


def write(files: Files, folders: tuple[Path, ...] = ()) -> None:
    """Make the files hold what they should; remove strangers."""
    for path in strangers(files, folders):
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main(purpose: str, make: Callable[[], Files], folders: tuple[Path, ...], words: list[str]) -> int:
    """The command line of a generator; returns the exit code."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something would change")
    wanted = parser.parse_args(words)
    files = make()
    old = [str(path.relative_to(ROOT)) for path in stale(files, folders)]
    if wanted.check:
        if old:
            print(f"not as generated: {', '.join(old)}; run `make chart`", file=sys.stderr)
        return 1 if old else 0
    write(files, folders)
    print("\n".join(f"wrote {path}" for path in old) or "nothing to do", file=sys.stderr)
    return 0
