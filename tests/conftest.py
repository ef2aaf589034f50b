"""What all tests need of pytest."""

import asyncio
import signal

from hypothesis import settings

settings.register_profile("shared", deadline=None)  # a machine that many use has no reliable clock
settings.load_profile("shared")


def pytest_configure() -> None:
    """Begin alike everywhere.

    There is no event loop: on Python 3.11 whoever asks for one is given one that nobody closes. And SIGINT is heard:
    whoever starts the tests in the background has it ignored, and every program that they start inherits that.
    """
    asyncio.set_event_loop(None)
    signal.signal(signal.SIGINT, signal.default_int_handler)
