"""From a typed command to its coroutine."""

import asyncio
import importlib
import os
import sys
from typing import Any

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells count it."""


def done(program: str, *arguments: Any) -> Any:
    """What a coroutine function of ``hubtraining.people.programs`` returns.

    It is imported only now: the Kubernetes client takes half a second, and help and completion of flags need none.
    """
    programs = importlib.import_module("hubtraining.people.programs")
    try:
        return asyncio.run(getattr(programs, program)(*arguments, os.environ))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
