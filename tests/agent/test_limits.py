"""What the trainer's files say never exceeds what a report may say: one absurd number must not silence an agent."""

import pytest

from hubtraining.agent.follow import planned
from hubtraining.agent.results import MAX_EPOCH, parsed
from hubtraining.domain.progress import EpochRow, Progress
from hubtraining.domain.report import LONGEST_NAME, MOST


@pytest.mark.parametrize("epoch", ["1e12", str(MOST), str(MAX_EPOCH), "-1", "1.5", "inf", "nan", ""])
def test_an_epoch_that_none_can_be_is_no_row(epoch: str) -> None:
    assert parsed(("epoch", "loss"), (epoch, "1")) is None


def test_the_last_epoch_that_can_be_counted_is_a_row() -> None:
    assert MAX_EPOCH <= MOST
    assert parsed(("epoch", "loss"), (str(MAX_EPOCH - 1), "1")) == EpochRow(MAX_EPOCH - 1, {"loss": 1.0})


@pytest.mark.parametrize(
    ("line", "epochs"),
    [(b"epochs: 300", 300), (b"epochs: 99999999999", None), (b"epochs: " + b"9" * 5000, None), (b"epochs: many", None)],
)
def test_planned_epochs_are_known_where_they_can_be_counted(line: bytes, epochs: int | None) -> None:
    assert planned(b"task: detect\n" + line + b"\n").epochs == epochs


def test_a_metric_whose_name_is_too_long_is_not_mirrored() -> None:
    fits, long = "x" * LONGEST_NAME, "x" * (LONGEST_NAME + 1)
    progress = Progress(metrics={fits: 1.0, long: 2.0})
    assert [metric.name for metric in progress.mirrored()] == [fits]
