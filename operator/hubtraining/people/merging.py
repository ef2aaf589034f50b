"""Several streams as one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")
MOST_WAITING = 1000


class Merge(Generic[Item]):
    """Items of streams as they come. Use with ``async with``: leaving ends what still runs.

    A stream that fails ends the iteration with its error. The iteration never ends by itself: more may be added.
    """

    def __init__(self) -> None:
        self._items: asyncio.Queue[Item | BaseException] = asyncio.Queue(MOST_WAITING)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def add(self, stream: AsyncIterator[Item]) -> None:
        """Take from this stream, too."""
        task = asyncio.create_task(self._drain(stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def __aiter__(self) -> AsyncIterator[Item]:
        while True:
            item = await self._items.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    async def _drain(self, stream: AsyncIterator[Item]) -> None:
        try:
            async for item in stream:
                await self._items.put(item)
        except Exception as error:  # noqa: BLE001 - it is raised where the items are taken
            await self._items.put(error)
