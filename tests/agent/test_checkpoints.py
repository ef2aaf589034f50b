"""Which checkpoints go to the hub, and how often: a whole agent, our real hub, virtual time."""

import asyncio
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from builders.agent import a_scene
from builders.checkpoints import sha256_of
from builders.trainer import Trainer, saved, weights

from hubtraining.agent import checkpoints
from hubtraining.agent.journal import Journal

pytestmark = pytest.mark.looptime


async def test_last_and_best_of_one_epoch_are_one_upload(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            trainer.epoch(1)
            await asyncio.sleep(15)
            assert scene.sent("/upload") == 1
            history = await scene.hub.checkpoints(scene.model_id)
            assert [(c.epoch, c.is_best) for c in history] == [(0, True)]
            report = scene.network.reports[-1]
            assert report.latest == report.best
            assert report.uploaded == 1


async def test_however_short_epochs_are_a_checkpoints_own_are_in_the_hub_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several may end between two looks at the table: at the checkpoint's upload it is looked at again."""
    monkeypatch.setattr(checkpoints, "AGAIN", 0.7)  # else both looks fall on the same instant
    async with a_scene(tmp_path) as scene:
        trainer = scene.assigned(checkpoint_seconds=4, metrics_seconds=300).trainer(epochs=99).start()
        async with scene.agent():
            for epoch in range(1, 60):
                trainer.epoch(epoch)
                for _ in range(4):
                    await asyncio.sleep(0.1)
                    newest = max((epoch for _, epoch, _ in await scene.uploads()), default=0)
                    assert set(range(1, newest + 1)) <= set(await scene.in_hub())
        assert scene.sent("/upload") > 3


async def test_a_file_that_did_not_change_is_never_sent_again(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.assigned(checkpoint_seconds=10).trainer().start()
        async with scene.agent():
            content = trainer.save("last", 0)
            for _ in range(20):
                await asyncio.sleep(15)
                (trainer.run / "weights/last.pt").write_bytes(content)
        assert scene.sent("/upload") == 1


async def test_a_file_that_is_torn_is_copied_once_and_taken_when_it_is_whole(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        path = trainer.run / "weights/last.pt"
        async with scene.agent():
            path.write_bytes(weights(0)[:300])
            await asyncio.sleep(300)
            assert scene.sent("/upload") == 0
            path.write_bytes(weights(0))
            await asyncio.sleep(5)
            assert await scene.uploads() == [("epoch", 1, sha256_of(weights(0)))]


async def test_while_the_hub_refuses_a_checkpoint_it_is_counted_and_a_newer_one_is_tried(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            trainer.row(1)
            (trainer.run / "weights/last.pt").write_bytes(unwanted())
            await asyncio.sleep(30)
            assert scene.network.reports[-1].failed == 1
            assert scene.sent("/upload") == 1
            trainer.epoch(2)
            await asyncio.sleep(100)
            assert [epoch for _, epoch, _ in await scene.uploads()] == [2]
            assert scene.network.reports[-1].latest.state == "Uploaded"  # type: ignore[union-attr]


def unwanted() -> bytes:
    """Whole for the agent, but nothing that the hub takes for a checkpoint."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("archive/other.bin", b"whole")
    return held.getvalue()


async def test_of_a_plain_trainer_the_newest_file_goes_with_the_epoch_of_its_name(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        run = tmp_path / "workspace/run"
        (run / "checkpoints").mkdir(parents=True)
        scene.assigned(checkpoint_seconds=10)
        async with scene.agent():
            for epoch in (1, 2, 3):
                with (run / "metrics.jsonl").open("a") as file:
                    file.write(f'{{"epoch": {epoch}, "loss": {1 / epoch}}}\n')
                (run / f"checkpoints/epoch-{epoch}.pt").write_bytes(saved({"step": epoch}, seed=str(epoch)))
                await asyncio.sleep(15)
            (run / "checkpoints/best.pt").write_bytes(saved({"step": 2}, seed="2"))
            scene.trainer().exit(0)
            await asyncio.sleep(5)
        kinds = [(kind, epoch) for kind, epoch, _ in await scene.uploads()]
        assert kinds == [("epoch", 1), ("epoch", 2), ("epoch", 3), ("final", 3)]
        assert (await scene.uploads())[-1][2] == sha256_of(saved({"step": 2}, seed="2"))
        assert await scene.in_hub() == {epoch: {"loss": 1 / epoch} for epoch in (1, 2, 3)}


async def test_a_plain_trainers_equal_last_and_best_are_one_upload(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        run = tmp_path / "workspace/run"
        (run / "checkpoints").mkdir(parents=True)
        (run / "metrics.jsonl").write_text('{"epoch": 4, "loss": 1}\n')
        for kind in ("last", "best"):
            (run / f"checkpoints/{kind}.pt").write_bytes(saved({"step": 4}))
        async with scene.agent():
            await asyncio.sleep(5)
            assert [(c.epoch, c.is_best) for c in await scene.hub.checkpoints(scene.model_id)] == [(3, True)]
            assert scene.sent("/upload") == 1


async def test_a_plain_file_that_is_no_zip_is_left_alone_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hubtraining.agent")
    async with a_scene(tmp_path) as scene:
        run = tmp_path / "workspace/run"
        (run / "checkpoints").mkdir(parents=True)
        (run / "metrics.jsonl").write_text('{"epoch": 4, "loss": 1}\n')
        (run / "checkpoints/epoch-4.pt").write_bytes(b"numpy")
        async with scene.agent():
            await asyncio.sleep(60)
        assert await scene.uploads() == []
        assert caplog.text.count("checkpoints/epoch-4.pt is no whole checkpoint: not a whole zip file") == 1


async def test_what_a_kill_tore_gives_way_to_the_epoch_before_however_rarely_checkpoints_are_sent(
    tmp_path: Path,
) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            await epochs(trainer, 1, 8, best=6)
            saved_best, saved_last = trainer.saved["best"], trainer.saved["last"]
            for kind in ("last", "best"):
                (trainer.run / f"weights/{kind}.pt").write_bytes(weights(8)[:500])
            trainer.exit(137)
            await asyncio.sleep(60)
        sent = [("epoch", 1, sha256_of(weights_of(trainer, 1)))]
        sent += [("epoch", 6, sha256_of(saved_best)), ("epoch", 8, sha256_of(saved_last))]
        assert await scene.uploads() == sent
        assert [c.is_best for c in await scene.hub.checkpoints(scene.model_id)] == [False, True, True]


@pytest.mark.parametrize("asked", ["by the kubelet", "by nobody"])
async def test_what_the_end_of_training_has_stripped_gives_way_to_the_epoch_before(tmp_path: Path, asked: str) -> None:
    """The model is being validated when its pod is taken away: it is not trained again from the last upload."""
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer(epochs=8).start()
        async with scene.agent() as signals:
            await epochs(trainer, 1, 8, best=6)
            best, last = trainer.saved["best"], trainer.saved["last"]
            trainer.strip()
            await asyncio.sleep(30)
            assert scene.sent("/upload") == 1
            if asked == "by the kubelet":
                signals.flush.set()
                await asyncio.sleep(2)
            trainer.exit(143)
            await asyncio.sleep(60)
        assert [(epoch, sha) for _, epoch, sha in (await scene.uploads())[1:]] == [
            (6, sha256_of(best)),
            (8, sha256_of(last)),
        ]
        assert (await scene.assigned(attempt=2).fetch()).resumed_epoch == 7  # its trainer has the end still to do


async def test_a_checkpoint_without_a_word_of_its_epoch_is_of_the_epoch_in_which_it_was_saved(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        run = tmp_path / "workspace/run"
        (run / "checkpoints").mkdir(parents=True)
        async with scene.agent():
            for epoch in range(1, 8):
                with (run / "metrics.jsonl").open("a") as file:
                    file.write(f'{{"epoch": {epoch}}}\n')
                if epoch in (1, 5):
                    (run / "checkpoints/last.pt").write_bytes(saved({"layer": epoch}, seed=str(epoch)))
                await asyncio.sleep(10)
            scene.trainer().exit(1)
            await asyncio.sleep(60)
        assert [epoch for _, epoch, _ in await scene.uploads()] == [1, 5]


async def test_what_is_kept_of_a_long_run_is_never_more_than_a_copy_of_each_kind(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            for epoch in range(1, 40):
                await epochs(trainer, epoch, epoch, best=epoch // 3 * 3)
                kept = [path.name.partition("-")[0] for path in (tmp_path / "journal/snapshots").glob("*")]
                assert len(kept) == len(set(kept)) <= 2
            assert scene.sent("/upload") == 1
            trainer.strip().exit(0)
            await asyncio.sleep(60)
        assert [kind for kind, _, _ in await scene.uploads()] == ["epoch", "final"]
        assert list((tmp_path / "journal/snapshots").glob("*")) == []


async def test_a_best_that_could_not_be_sent_with_the_last_of_its_epoch_is_sent_when_the_hub_is_back(
    tmp_path: Path,
) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            scene.network.hub_uploads_down = True
            await epochs(trainer, 1, 50, best=1)
            assert scene.network.reports[-1].failed == 1
            scene.network.hub_uploads_down = False
            await epochs(trainer, 51, 90, best=1)
            sent = [(c.epoch, c.is_best) for c in reversed(await scene.hub.checkpoints(scene.model_id))]
            assert sent[0] == (0, True)
            assert scene.network.reports[-1].best.epoch == 1  # type: ignore[union-attr]
            assert scene.network.reports[-1].best.state == "Uploaded"  # type: ignore[union-attr]


@pytest.mark.parametrize("begins", ["a flush", "the end"])
async def test_an_upload_that_is_just_being_journalled_counts_whatever_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begins: str
) -> None:
    write = Journal._try

    async def slowly(journal: Journal, *call: Any) -> None:
        await write(journal, *call)
        await asyncio.sleep(3)

    monkeypatch.setattr(Journal, "_try", slowly)
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent() as signals:
            trainer.epoch(1)
            while not await scene.uploads():  # noqa: ASYNC110 - the hub sets no event
                await asyncio.sleep(0.5)
            if begins == "a flush":
                signals.flush.set()
            else:
                trainer.strip().exit(0)
            await asyncio.sleep(60)
            assert scene.network.reports[-1].latest.state == "Uploaded"  # type: ignore[union-attr]
            assert scene.network.reports[-1].uploaded == scene.sent("/upload") == (1 if begins == "a flush" else 2)


async def epochs(trainer: Trainer, first: int, last: int, *, best: int) -> None:
    """Each is saved; after epoch ``best`` none is better any more."""
    for epoch in range(first, last + 1):
        trainer.epoch(epoch, best=epoch <= best)
        await asyncio.sleep(15)


def weights_of(trainer: Trainer, epoch: int) -> bytes:
    """What a trainer has saved after an epoch."""
    other = Trainer(trainer.workspace.parent / "again", epochs=trainer.epochs).start()
    for number in range(1, epoch + 1):
        other.epoch(number)
    return other.saved["last"]


async def test_a_run_that_ends_well_without_weights_says_so(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            trainer.row(1)
            trainer.exit(0)
            await asyncio.sleep(30)
        assert scene.outcome.message == "no final model: its run folder has no checkpoint"
