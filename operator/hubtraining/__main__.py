"""Where every program begins: the script ``hubtraining``, and ``python -m hubtraining``.

In a container we are process 1, and the kernel drops a SIGTERM that process 1 has no handler for. The kubelet sends
just one: whoever missed it while its modules were imported would stay for the whole grace period, which can be an hour.
"""

import importlib
import os
import signal
from types import FrameType


def leave(number: int, frame: FrameType | None = None) -> None:
    """End at once, as a shell would tell it; whoever has something to finish installs a handler of its own."""
    os._exit(128 + number)


def main() -> None:
    """Be ready to leave, and only then import what takes time."""
    signal.signal(signal.SIGTERM, leave)
    importlib.import_module("hubtraining.cli").main()


if __name__ == "__main__":
    main()
