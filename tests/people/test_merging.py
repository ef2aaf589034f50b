"""Several streams, taken as one."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hubtraining.people.merging import MOST_WAITING, Merge

pytestmark = pytest.mark.looptime


async def counting(name: str, every: float, count: int) -> AsyncIterator[str]:
    for number in range(count):
        await asyncio.sleep(every)
        yield f"{name}{number}"


async def taken(merge: Merge[str], count: int) -> list[str]:
    items: list[str] = []
    async for item in merge:
        items.append(item)
        if len(items) == count:
            break
    return items


async def test_items_come_in_the_order_of_time() -> None:
    async with Merge[str]() as merge:
        merge.add(counting("a", 1.0, 3))
        merge.add(counting("b", 1.4, 2))
        assert await taken(merge, 5) == ["a0", "b0", "a1", "b1", "a2"]


async def test_a_stream_can_be_added_while_others_are_taken() -> None:
    async with Merge[str]() as merge:
        merge.add(counting("a", 1.0, 2))
        assert await taken(merge, 1) == ["a0"]
        merge.add(counting("b", 0.5, 1))
        assert await taken(merge, 2) == ["b0", "a1"]


async def test_an_error_is_raised_where_the_items_are_taken() -> None:
    async def failing() -> AsyncIterator[str]:
        yield "a0"
        raise ValueError("broken")

    async with Merge[str]() as merge:
        merge.add(failing())
        with pytest.raises(ValueError, match="broken"):
            await taken(merge, 2)


async def test_leaving_ends_what_runs() -> None:
    ended = []

    async def endless() -> AsyncIterator[str]:
        try:
            while True:
                await asyncio.sleep(1)
                yield "x"
        finally:
            ended.append(True)

    async with Merge[str]() as merge:
        merge.add(endless())
        await taken(merge, 1)
    assert ended == [True]


async def test_a_stream_that_is_faster_than_its_taker_waits() -> None:
    made = 0

    async def fast() -> AsyncIterator[str]:
        nonlocal made
        while True:
            made += 1
            yield "x"

    async with Merge[str]() as merge:
        merge.add(fast())
        await asyncio.sleep(10)
        assert made <= MOST_WAITING + 1
        assert len(await taken(merge, 2 * MOST_WAITING)) == 2 * MOST_WAITING
