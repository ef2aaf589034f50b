"""Reports to the controller, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from hubtraining.agent.metrics import AgentMetrics
from hubtraining.agent.reporter import Reporter
from hubtraining.agent.state import Board, RunState
from hubtraining.domain.layout import Assignment, HubAccess
from hubtraining.domain.report import Report, Stage
from hubtraining.hub.credentials import Credential, Provider, fixed
from hubtraining.hub.errors import HubUnauthorized

pytestmark = pytest.mark.looptime

ASSIGNMENT = Assignment(
    "team",
    "signs",
    "uid",
    2,
    HubAccess("http://hub", "m"),
    "http://controller/reports",
    report_seconds=10,
    heartbeat_seconds=300,
)


class Controller:
    """Keeps what it is told, and answers as it is told to."""

    def __init__(self) -> None:
        self.status = 204
        self.error: Exception | None = None
        self.reports: list[tuple[float, Report]] = []
        self.tries = 0

    async def take(self, request: httpx.Request) -> httpx.Response:
        self.tries += 1
        if self.error is not None:
            raise self.error
        if self.status == 204:
            report = msgspec.json.decode(request.content, type=Report)
            self.reports.append((asyncio.get_running_loop().time(), report))
        return httpx.Response(self.status)

    @property
    def times(self) -> list[float]:
        return [round(at, 3) for at, _ in self.reports]


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = fixed("a-token", "token")


async def no_token() -> Credential:
    raise HubUnauthorized("no such file")


@asynccontextmanager
async def reporting(
    controller: Controller,
    board: Board,
    assignment: Assignment = ASSIGNMENT,
    credentials: Provider = TOKEN,
    clock: Callable[[], datetime] = lambda: NEW_YEAR,
) -> AsyncIterator[tuple[Reporter, AgentMetrics, "asyncio.Task[None]"]]:
    """A reporter that runs."""
    metrics = AgentMetrics()
    async with httpx.AsyncClient(transport=httpx.MockTransport(controller.take)) as http:
        reporter = Reporter(assignment, board, credentials, http, metrics, clock)
        task = asyncio.create_task(reporter.run())
        try:
            yield reporter, metrics, task
        finally:
            task.cancel()
            await asyncio.wait((task,))


async def test_a_change_is_told_at_the_assignments_pace_and_a_stage_at_once() -> None:
    controller, board = Controller(), Board(RunState())
    async with reporting(controller, board):
        await asyncio.sleep(1)
        for number in range(1, 6):
            board.update(uploaded=number)
            await asyncio.sleep(1)
        assert controller.times == [0]
        await asyncio.sleep(6)
        assert controller.times == [0, 10]
        board.update(stage=Stage.TRAINING)
        await asyncio.sleep(0.1)
        assert controller.times == [0, 10, 12]
        assert [report.uploaded for _, report in controller.reports] == [0, 5, 5]


@pytest.mark.looptime(start=23.955251)  # ten seconds later is no number that floats have
async def test_a_timer_that_fires_a_tick_before_the_clock_says_so_is_believed() -> None:
    controller, board = Controller(), Board(RunState())
    async with reporting(controller, board):
        await asyncio.sleep(1)
        board.update(uploaded=1)
        await asyncio.sleep(10)
    assert [report.uploaded for _, report in controller.reports] == [0, 1]


async def test_nothing_new_costs_one_sign_of_life_in_a_while() -> None:
    controller = Controller()
    async with reporting(controller, Board(RunState())):
        await asyncio.sleep(1000)
    assert controller.times == [0, 300, 600, 900]
    assert [report.sequence for _, report in controller.reports] == [1, 2, 3, 4]


@pytest.mark.parametrize("failure", [500, 429, 404, 302, 401, 403, httpx.ConnectError("no"), httpx.ReadTimeout("no")])
async def test_a_controller_that_is_away_is_asked_ever_less_often_and_gets_the_newest_in_the_end(
    failure: int | Exception,
) -> None:
    controller, board = Controller(), Board(RunState())
    if isinstance(failure, int):
        controller.status = failure
    else:
        controller.error = failure
    async with reporting(controller, board) as (_, metrics, _):
        await asyncio.sleep(600)
        assert 10 <= controller.tries <= 20
        board.update(uploaded=7)
        controller.status, controller.error = 204, None
        await asyncio.sleep(61)
        assert [report.uploaded for _, report in controller.reports] == [7]
    assert metrics.registry.get_sample_value("hubtraining_agent_reports_total", {"result": "taken"}) == 1


async def test_a_token_that_is_not_there_yet_is_waited_for() -> None:
    controller, board = Controller(), Board(RunState())
    async with reporting(controller, board, credentials=no_token) as (_, _, task):
        await asyncio.sleep(100)
        assert controller.tries == 0
        assert not task.done()


async def test_a_newer_attempt_ends_the_reports() -> None:
    controller, board = Controller(), Board(RunState())
    controller.status = 409
    async with reporting(controller, board) as (reporter, _, task):
        await asyncio.sleep(1)
        assert task.done()
        assert controller.tries == 1
        await reporter.last()
        assert controller.tries == 2


async def test_the_last_word_is_said_once() -> None:
    controller, board = Controller(), Board(RunState())
    async with reporting(controller, board) as (reporter, _, _):
        await asyncio.sleep(1)
        await reporter.last()
        assert len(controller.reports) == 1
        board.update(stage=Stage.FINISHED)
        await reporter.last()
        assert controller.reports[-1][1].stage is Stage.FINISHED


async def test_where_nobody_listens_nothing_is_said() -> None:
    controller, board = Controller(), Board(RunState())
    async with reporting(controller, board, msgspec.structs.replace(ASSIGNMENT, reports_url="")) as (reporter, _, task):
        await asyncio.sleep(1)
        await reporter.last()
        assert task.done()
        assert controller.tries == 0


async def test_the_token_goes_along_and_appears_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    controller, board = Controller(), Board(RunState())
    seen: list[str] = []

    async def take(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        raise httpx.ConnectError(f"cannot send {request.headers}")

    controller.take = take  # type: ignore[method-assign]
    caplog.set_level("DEBUG", "hubtraining")
    async with reporting(controller, board):
        await asyncio.sleep(10)
    assert set(seen) == {"Bearer a-token"}
    assert "a-token" not in caplog.text


async def test_a_clock_that_is_set_back_makes_no_report_older_than_the_one_before() -> None:
    controller, board = Controller(), Board(RunState())
    moments = iter(NEW_YEAR + timedelta(seconds=seconds) for seconds in (3600, 10, 3700))
    async with reporting(controller, board, clock=lambda: next(moments)):
        await asyncio.sleep(1)
        board.update(stage=Stage.TRAINING)
        await asyncio.sleep(1)
        board.update(stage=Stage.FINALIZING)
        await asyncio.sleep(1)
    assert [(report.time - NEW_YEAR).total_seconds() for _, report in controller.reports] == [3600, 3600, 3700]
