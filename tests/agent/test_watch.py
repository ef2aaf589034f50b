"""One look, and what follows from it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from builders.agent import Scene, a_scene
from builders.run_folders import RUNS, arguments, table

from hubtraining.agent.results import Table
from hubtraining.agent.watch import combined, stage
from hubtraining.domain.progress import Planned, Progress
from hubtraining.domain.report import Report, Stage

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize(
    ("before", "epoch", "begun", "code", "after"),
    [
        (Stage.PREPARING, 0, 0, None, Stage.PREPARING),
        (Stage.PREPARING, 5, 5, None, Stage.PREPARING),
        (Stage.PREPARING, 1, 0, None, Stage.TRAINING),
        (Stage.PREPARING, 6, 5, None, Stage.TRAINING),
        (Stage.TRAINING, 0, 0, None, Stage.PREPARING),
        (Stage.TRAINING, 3, 0, 1, Stage.FINALIZING),
        (Stage.PREPARING, 0, 0, 127, Stage.FINALIZING),
        (Stage.FINISHED, 3, 0, 0, Stage.FINISHED),
    ],
)
def test_the_stage_follows_from_what_is_there(
    before: Stage, epoch: int, begun: int, code: int | None, after: Stage
) -> None:
    assert stage(before, Progress(epoch, begun=begun), code) is after


def test_the_trainer_knows_best_when_it_will_end() -> None:
    told = Planned(epochs=300)
    assert combined(Planned(), told) == told
    assert combined(Planned(epochs=3, patience=7), told) == Planned(epochs=3, patience=7)
    assert combined(Planned(seconds=60.0), told) == Planned(epochs=300, seconds=60.0)


@asynccontextmanager
async def watching(folder: Path, run: str) -> AsyncIterator[tuple[Scene, Path]]:
    """An agent beside a run folder with the arguments of a real run."""
    async with a_scene(folder) as scene:
        path = folder / "workspace/run"
        path.mkdir()
        (path / "args.yaml").write_bytes(arguments(run))
        async with scene.agent():
            yield scene, path


async def grow(path: Path, run: str, seconds: float) -> None:
    """Write the table of a real run line by line."""
    for line in table(run).splitlines(keepends=True):
        with (path / "results.csv").open("ab") as file:
            file.write(line)
        await asyncio.sleep(seconds)


@pytest.mark.parametrize("run", RUNS)
async def test_every_real_run_is_in_the_hub_and_in_the_reports_as_its_trainer_wrote_it(
    tmp_path: Path, run: str
) -> None:
    async with watching(tmp_path, run) as (scene, path):
        await grow(path, run, seconds=11)
        rows = Table().feed(table(run))
        expected = {row.epoch: {name: value for name, value in row.metrics.items() if name != "time"} for row in rows}
        assert await scene.in_hub() == expected
        report = scene.network.reports[-1]
        assert (report.epoch, report.stage) == (rows[-1].epoch, Stage.TRAINING)
        assert {metric.name for metric in report.metrics} <= set(expected[rows[-1].epoch])
        assert of(report, "train/box_loss", "train/loss") == rows[-1].metrics.get(
            "train/box_loss", rows[-1].metrics.get("train/loss")
        )


def of(report: Report, *names: str) -> float | None:
    """The value of the first of these that the report has."""
    return next(metric.value for metric in report.metrics if metric.name in names)


async def test_a_run_for_a_time_says_when_it_ends_and_how_many_epochs_that_are(tmp_path: Path) -> None:
    run = "8.4.114/time"
    async with watching(tmp_path, run) as (scene, path):
        await grow(path, run, seconds=11)
        trained = Table().feed(table(run))[-1].seconds
        report = scene.network.reports[-1]
        assert trained is not None
        assert report.estimated_remaining_seconds == pytest.approx(max(0.0, 0.004 * 3600 - trained))
        assert report.epochs is not None
        assert report.epoch <= report.epochs < 100


async def test_a_run_that_is_resumed_on_a_fresh_machine_is_followed_from_where_it_goes_on(tmp_path: Path) -> None:
    run = "8.4.114/resumed"
    async with watching(tmp_path, run) as (scene, path):
        await grow(path, run, seconds=11)
        report = scene.network.reports[-1]
        assert (report.epoch, report.epochs) == (4, 4)
        assert sorted(await scene.in_hub()) == [3, 4]
