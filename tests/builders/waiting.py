"""Waiting in tests, for what happens within this process."""

import asyncio
from collections.abc import Callable


async def until(is_so: Callable[[], object], *, seconds: float = 0.0) -> None:
    """Return when it is so; looked at again after each step of the loop, or after so many seconds."""
    while not is_so():  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(seconds)
