"""How often a fault is made: a few times in every run, all of them where HUBTRAINING_FAULTS is ``full``."""

import os


def rounds(few: int, full: int) -> int:
    """One of the two numbers."""
    return full if os.environ.get("HUBTRAINING_FAULTS") == "full" else few
