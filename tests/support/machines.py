"""Machines that can stand still: tasks of a stopped machine do nothing while the loop's time goes on for the others."""

import asyncio
import math
import types
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar, copy_context
from typing import Any

HERE: ContextVar["Machine | None"] = ContextVar("HERE", default=None)
TICKS = 8192
"""Of a machine's clock, in a second."""


class Machine:
    """Runs tasks, and all that they start. Its clock has a rate and a start of its own, and does not stop with it."""

    def __init__(self, rate: float = 1.0, offset: float = 0.0) -> None:
        self.rate = rate
        self._offset = offset
        self._asleep: list[asyncio.Future[None]] = []
        self.stopped = False

    def clock(self) -> float:
        """Seconds on this machine, in ticks.

        The loop's time does not move for a sleep below a microsecond: who slept for what a finer clock leaves of a
        deadline would do so for ever. Ticks are binary fractions, so that differences are exact.
        """
        return math.floor((self._offset + asyncio.get_running_loop().time() * self.rate) * TICKS) / TICKS

    def stop(self) -> None:
        """As SIGSTOP does; for good it is SIGKILL, seen from outside."""
        self.stopped = True

    def go_on(self) -> None:
        """As SIGCONT does."""
        self.stopped = False
        for sleeper in self._asleep:
            if not sleeper.done():
                sleeper.set_result(None)
        self._asleep.clear()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something here."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(_task)
        context = copy_context()
        context.run(HERE.set, self)
        return loop.create_task(work, context=context)

    def sleep(self, error: BaseException | None) -> Generator[Any, None, BaseException | None]:
        """Until the machine goes on; gives what should be raised then."""
        while self.stopped:
            sleeper = asyncio.get_running_loop().create_future()
            self._asleep.append(sleeper)
            try:
                yield from sleeper
            except asyncio.CancelledError as cancelled:
                error = cancelled
        return error


def _task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
    """A task of the machine that starts it."""
    context = options.get("context")
    machine = context.run(HERE.get) if context else HERE.get()
    if machine is None:
        return asyncio.Task(work, loop=loop, **options)
    task = asyncio.Task(_on(machine, work), loop=loop, **options)
    task.add_done_callback(lambda _: work.close())  # else one that is cancelled before its first step leaves it open
    return task


async def _on(machine: Machine, work: Coroutine[Any, Any, Any]) -> Any:
    return await _stepwise(machine, work)


@types.coroutine
def _stepwise(machine: Machine, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Each step waits until the machine runs."""
    error: BaseException | None = None
    while True:
        error = yield from machine.sleep(error)
        step: Callable[[], Any] = _thrown(work, error) if error else _sent(work)
        try:
            awaited = step()
        except StopIteration as end:
            return end.value
        error = None
        try:
            yield awaited
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it is for the work
            error = raised


def _sent(work: Coroutine[Any, Any, Any]) -> Callable[[], Any]:
    return lambda: work.send(None)


def _thrown(work: Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: work.throw(error)
