"""Runs the tests of the decision once for each rule, without it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from hubtraining.controller.rules.decide import RULES
from mutate.absent import VARIABLE

ROOT = Path(__file__).resolve().parents[2]
RULES_TESTS = ("decide", "between", "stopping", "deadlines", "stalls")
TESTS = (*(f"tests/controller/rules/test_{name}.py" for name in RULES_TESTS), "tests/controller/test_machine.py")
NAMING = ("test_each_world_has_its_rule", "test_the_table_above_knows_every_rule")
"""Tests that know the rules by name, and so would fail for each."""

_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


def main(names: list[str]) -> int:
    """Print for each rule (or for those that are named) which test misses it; 1 when none does."""
    missed = list(told(names or [rule.__name__ for rule in RULES]))
    print(f"{len(missed) - missed.count('')} of {len(missed)} rules are missed when they are not there")
    return 1 if "" in missed else 0


def told(names: Iterable[str]) -> Iterator[str]:
    """The first test that fails without each rule; empty where all pass."""
    for name in names:
        found = failing(name)
        print(f"{name:12} {found or 'NOBODY MISSES IT'}", flush=True)
        yield found


def failing(name: str) -> str:
    """The first test that fails without the rule. Raises RuntimeError when the tests could not be run."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-cov", "-p", "mutate.absent", "-p", "no:cacheprovider"]
    command += ["-k", " and ".join(f"not {each}" for each in NAMING), *TESTS]
    environ = {**os.environ, VARIABLE: name, "PYTHONPATH": f"{ROOT / 'hack'}:{ROOT / 'operator'}"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the tests could not be run without {name}:\n{done.stdout}{done.stderr}")
    found = _FAILED.search(done.stdout)
    return found[1] if found else ""
