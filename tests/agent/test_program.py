"""The whole agent beside a scripted trainer, against our real hub, in virtual time."""

import asyncio
import io
import os
import pickle
import shutil
import zipfile
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders.agent import TOKEN, Scene, a_scene
from builders.trainer import Trainer, metrics_of, saved, weights

from hubtraining.domain.report import CheckpointState, Stage
from hubtraining.hub.client import Fence

pytestmark = pytest.mark.looptime


def rows(*epochs: int) -> dict[int, dict[str, float]]:
    """What the hub should hold."""
    return {epoch: metrics_of(epoch) for epoch in epochs}


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def holding(folder: Path, secret: bytes) -> set[Path]:
    """The files outside of the trainer's workspace that hold a secret."""
    files = [path for path in folder.rglob("*") if path.is_file() and "workspace" not in path.parts]
    return {path for path in files if secret in path.read_bytes()}


async def finish(trainer: Trainer, epochs: Iterable[int], *, seconds: float = 10) -> None:
    """Train these epochs, one every so many seconds."""
    for number in epochs:
        await asyncio.sleep(seconds)
        trainer.epoch(number)
    await asyncio.sleep(5)


async def test_a_finished_run_is_in_the_hub_whole(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer(epochs=3).start()
        async with scene.agent():
            await finish(trainer, (1, 2, 3))
            trainer.strip().exit(0)
            await asyncio.sleep(5)
        assert await scene.in_hub() == rows(1, 2, 3)
        assert (await scene.uploads())[-1] == ("final", 3, digest(trainer.saved["best"]))
        assert (await scene.hub.read(scene.model_id)).status == "trained"
        outcome = scene.outcome
        assert (outcome.stage, outcome.exit_code, outcome.epoch, outcome.buffered_updates) == (Stage.FINISHED, 0, 3, 0)
        assert outcome.final is not None
        assert (outcome.final.sha256, outcome.final.state) == (digest(trainer.saved["best"]), CheckpointState.UPLOADED)


async def test_a_table_of_an_older_trainer_is_read_as_well(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer(padded=True).start()
        async with scene.agent():
            await finish(trainer, (1, 2))
        assert await scene.in_hub() == rows(1, 2)


async def test_the_first_intact_checkpoint_goes_at_once_and_later_ones_by_the_rate_limit(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            await finish(trainer, (1,))
            first = ("epoch", 1, digest(trainer.saved["last"]))
            assert await scene.uploads() == [first]
            await finish(trainer, range(2, 80))
            assert await scene.uploads() == [first]
            await finish(trainer, range(80, 100))
            kinds = [(kind, epoch) for kind, epoch, _ in await scene.uploads()]
            assert len(kinds) == 2
            assert kinds[1][1] in range(88, 92)


async def test_a_best_that_is_not_the_last_is_uploaded_as_the_best(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.assigned(checkpoint_seconds=60)
        trainer = scene.trainer().start()
        async with scene.agent():
            await finish(trainer, (1,))
            trainer.epoch(2)
            trainer.epoch(3, best=False)
            best = digest(trainer.saved["best"])
            await asyncio.sleep(70)
            history = {(c.epoch + 1, c.sha256, c.is_best) for c in await scene.hub.checkpoints(scene.model_id)}
            assert (2, best, True) in history
            assert (3, digest(trainer.saved["last"]), False) in history


async def test_a_hub_that_is_away_in_the_middle_misses_nothing(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer(epochs=9).start()
        async with scene.agent():
            await finish(trainer, (1, 2))
            scene.network.hub_down = True
            await finish(trainer, range(3, 8), seconds=100)
            assert scene.network.reports[-1].hub.consecutive_failures > 3
            assert scene.network.reports[-1].hub.buffered_updates >= 4
            scene.network.hub_down = False
            await finish(trainer, (8, 9), seconds=100)
            trainer.strip().exit(0)
            await asyncio.sleep(60)
        assert await scene.in_hub() == rows(*range(1, 10))
        assert (await scene.uploads())[-1] == ("final", 9, digest(trainer.saved["best"]))


async def test_a_hub_that_comes_back_after_the_end_gets_everything(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        scene.network.hub_down = True
        async with scene.agent() as signals:
            await finish(trainer, (1, 2, 3))
            trainer.strip().exit(0)
            await asyncio.sleep(1)
            signals.term.set()
            await asyncio.sleep(2000)
            scene.network.hub_down = False
            await asyncio.sleep(1500)
        assert await scene.in_hub() == rows(1, 2, 3)
        assert [upload[0] for upload in await scene.uploads()] == ["final"]
        assert scene.outcome.stage is Stage.FINISHED


async def test_a_hub_that_is_away_for_the_whole_run_does_not_hold_the_agent_for_ever(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        scene.network.hub_down = True
        before = asyncio.get_running_loop().time()
        async with scene.agent():
            await finish(trainer, (1, 2, 3))
            trainer.strip().exit(0)
        lasted = asyncio.get_running_loop().time() - before
        assert 3600 < lasted < 3700
        assert scene.outcome.buffered_updates >= 3
        assert scene.outcome.final is not None
        assert scene.outcome.final.state is not CheckpointState.UPLOADED
        assert "3600 s" in scene.outcome.message


@pytest.mark.parametrize("code", [1, 137])
async def test_a_trainer_that_fails_leaves_what_can_be_resumed_and_never_a_final(tmp_path: Path, code: int) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            await finish(trainer, (1, 2))
            trainer.exit(code)
            await asyncio.sleep(5)
        kinds = await scene.uploads()
        assert {kind for kind, _, _ in kinds} == {"epoch"}
        assert ("epoch", 2, digest(trainer.saved["last"])) in kinds
        assert await scene.in_hub() == rows(1, 2)
        assert scene.outcome.exit_code == code
        assert scene.outcome.final is None


async def test_agent_that_is_asked_to_leave_flushes_and_leaves_as_soon_as_it_is_done(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            await finish(trainer, (1, 2))
            asked = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - asked < 10
        assert ("epoch", 2, digest(trainer.saved["last"])) in await scene.uploads()
        assert (scene.outcome.stage, scene.outcome.exit_code) == (Stage.TRAINING, None)


async def test_agent_that_is_asked_to_leave_spends_no_more_than_the_flush_time_on_a_dead_hub(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.assigned(flush_seconds=30)
        trainer = scene.trainer().start()
        async with scene.agent():
            await finish(trainer, (1, 2))
            scene.network.hub_down = True
            await finish(trainer, (3,))
            asked = asyncio.get_running_loop().time()
        assert 30 <= asyncio.get_running_loop().time() - asked < 50
        assert scene.outcome.buffered_updates >= 1


@pytest.mark.parametrize("away", [20, 70, 100])
async def test_a_hub_that_is_back_within_the_flush_time_gets_the_newest_checkpoint(tmp_path: Path, away: int) -> None:
    """A drained node may take the hub with it, for a while."""
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent() as signals:
            await finish(trainer, (1, 2))
            await asyncio.sleep(20)
            scene.network.hub_down = True
            signals.term.set()
            await asyncio.sleep(away)
            scene.network.hub_down = False
        assert (await scene.uploads())[-1] == ("epoch", 2, digest(trainer.saved["last"]))


async def test_prestop_begins_the_upload_while_the_trainer_still_stops(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent() as signals:
            await finish(trainer, (1, 2))
            signals.flush.set()
            await asyncio.sleep(5)
            assert ("epoch", 2, digest(trainer.saved["last"])) in await scene.uploads()
            trainer.exit(143)
            await asyncio.sleep(2)
        assert scene.outcome.exit_code == 143


async def test_a_trainer_that_ends_well_while_it_is_asked_to_stop_still_gets_its_final(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent() as signals:
            await finish(trainer, (1,))
            signals.flush.set()
            await asyncio.sleep(3)
            trainer.strip().exit(0)
        assert (await scene.uploads())[-1][0] == "final"


async def test_a_writer_killed_in_the_middle_leaves_the_last_whole_checkpoint(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.assigned(checkpoint_seconds=60)
        trainer = scene.trainer().start()
        async with scene.agent():
            scene.network.hub_uploads_down = True
            await finish(trainer, (1, 2), seconds=70)
            whole = digest(trainer.saved["last"])
            (trainer.run / "weights/last.pt").write_bytes(weights(2)[:500])
            (trainer.run / "weights/best.pt").write_bytes(b"")
            await asyncio.sleep(5)
            scene.network.hub_uploads_down = False
            trainer.exit(137)
            await asyncio.sleep(30)
        assert [(kind, sha) for kind, _, sha in await scene.uploads()] == [("epoch", whole)]


async def test_a_link_to_the_token_is_never_read(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        token = tmp_path / "secrets/tokens/controller"
        async with scene.agent():
            for name in ("results.csv", "weights/last.pt", "weights/best.pt", "args.yaml"):
                (trainer.run / name).unlink(missing_ok=True)
                (trainer.run / name).symlink_to(token)
            await asyncio.sleep(30)
            trainer.exit(0)
            await asyncio.sleep(30)
        assert await scene.uploads() == []
        assert holding(tmp_path, TOKEN.encode()) == {token}
        assert "no final model" in scene.outcome.message


class Hostile:
    """Unpickled, it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


async def test_a_hostile_checkpoint_is_kept_and_gone_on_from_but_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "unpickled"
    content = saved({"epoch": 0, "hostile": Hostile(mark), "train_args": {"save_dir": "/workspace/run"}})
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            trainer.row(1)
            for kind in ("last", "best"):
                (trainer.run / f"weights/{kind}.pt").write_bytes(content)
            await asyncio.sleep(30)
            trainer.exit(1)
            await asyncio.sleep(30)
        assert [sha for _, _, sha in await scene.uploads()] == [digest(content)]
        assert (await scene.assigned(attempt=2).fetch()).resumed_epoch == 1
    assert not mark.exists()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        pickle.loads(archive.read("archive/data.pkl"))
    assert mark.exists(), "it would have been run"


async def test_a_run_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        elsewhere = Trainer(tmp_path / "elsewhere", epochs=3).train()
        (tmp_path / "workspace/run").symlink_to(elsewhere.run)
        async with scene.agent():
            await asyncio.sleep(30)
        assert await scene.uploads() == []
        assert await scene.in_hub() == {}


async def test_a_stripped_last_is_not_offered_as_something_to_resume(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        trainer.row(1)
        trainer.strip()
        async with scene.agent():
            await asyncio.sleep(30)
            assert await scene.uploads() == []
            trainer.exit(1)
            await asyncio.sleep(10)
        assert await scene.uploads() == []


async def test_a_run_folder_that_is_deleted_and_made_again_starts_from_the_beginning(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            await finish(trainer, (1, 2))
            shutil.rmtree(trainer.run)
            await asyncio.sleep(5)
            trainer.start()
            await finish(trainer, (1,))
            await asyncio.sleep(10)
            assert scene.network.reports[-1].epoch == 1
            await finish(trainer, (2, 3))
        assert await scene.in_hub() == rows(1, 2, 3)


async def test_a_final_model_is_as_fit_as_its_own_run_not_as_one_that_was_begun_again(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            await finish(trainer, (1, 2, 3))
            shutil.rmtree(trainer.run)
            await finish(trainer.start(), (1,))
            trainer.strip().exit(0)
            await asyncio.sleep(30)
        final, *_ = await scene.hub.checkpoints(scene.model_id)
        assert (final.type, final.map) == ("final", metrics_of(1)["metrics/mAP50-95(B)"])


async def test_a_restarted_agent_goes_on_and_sends_nothing_twice(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent(killed=True):
            await finish(trainer, (1,))
        sent = scene.sent("/upload")
        async with scene.agent():
            await asyncio.sleep(10)
            assert scene.sent("/upload") == sent
            posts = scene.sent(f"POST /v1/models/{scene.model_id}")
            await finish(trainer, (2,))
            assert scene.sent(f"POST /v1/models/{scene.model_id}") == posts + 1
        assert await scene.in_hub() == rows(1, 2)


async def test_an_agent_restarted_after_the_end_delivers_the_rest(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        scene.network.hub_down = True
        async with scene.agent(killed=True):
            await finish(trainer, (1, 2))
        trainer.epoch(3).strip().exit(0)
        scene.network.hub_down = False
        async with scene.agent():
            await asyncio.sleep(30)
        assert await scene.in_hub() == rows(1, 2, 3)
        assert [upload[0] for upload in await scene.uploads()] == ["final"]


async def test_a_restarted_agent_has_only_the_journal_of_a_deleted_run(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        scene.network.hub_down = True
        async with scene.agent(killed=True):
            await finish(trainer, (1, 2))
        shutil.rmtree(trainer.run)
        scene.network.hub_down = False
        async with scene.agent():
            await asyncio.sleep(30)
        assert await scene.in_hub() == rows(1, 2)


async def test_no_room_for_a_copy_still_delivers_the_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        usage = shutil.disk_usage(tmp_path)
        full = usage._replace(free=0)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: full if "journal" in str(path) else usage)
        async with scene.agent():
            await finish(trainer, (1, 2))
            assert await scene.uploads() == []
            trainer.strip().exit(0)
            await asyncio.sleep(30)
        assert await scene.uploads() == [("final", 2, digest(trainer.saved["best"]))]


async def test_a_journal_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        (tmp_path / "journal").rmdir()
        (tmp_path / "journal").write_text("not a folder")
        async with scene.agent():
            await finish(trainer, (1, 2))
            trainer.strip().exit(0)
            await asyncio.sleep(30)
        assert await scene.in_hub() == rows(1, 2)
        assert await scene.uploads() == [("final", 2, digest(trainer.saved["best"]))]


async def test_a_termination_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        (tmp_path / "termination.log").mkdir()
        async with scene.agent():
            await finish(trainer, (1,))
            trainer.strip().exit(0)
            await asyncio.sleep(10)
        assert (await scene.uploads())[-1][0] == "final"


async def test_a_task_that_fails_is_started_again(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        scene.network.controller_crash = True
        async with scene.agent():
            await finish(trainer, (1, 2))
            assert scene.network.reports == []
            scene.network.controller_crash = False
            await asyncio.sleep(70)
            assert scene.network.reports[-1].epoch == 2
        assert await scene.in_hub() == rows(1, 2)


async def test_a_newer_attempt_ends_an_older_agent_soon(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        async with scene.agent():
            await finish(trainer, (1,))
            await newer_attempt(scene)
            await finish(trainer, (2,))
            trainer.exit(143)
            asked = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - asked < 300
        assert await scene.in_hub() == rows(1)


async def newer_attempt(scene: Scene) -> None:
    """Attempt 2 of the same session writes the model."""
    await scene.hub.fenced(Fence(scene.assignment.session_uid, 2)).heartbeat(scene.model_id, "agent", None)


async def test_a_final_without_best_is_the_last(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer().start()
        trainer.epoch(1, best=False)
        async with scene.agent():
            await asyncio.sleep(5)
            trainer.exit(0)
            await asyncio.sleep(10)
        assert (await scene.uploads())[-1] == ("final", 1, digest(trainer.saved["last"]))


async def test_what_the_controller_is_told(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.assigned(epochs=3)
        trainer = scene.trainer(epochs=3).start()
        async with scene.agent():
            await finish(trainer, (1, 2, 3))
            trainer.strip().exit(0)
            await asyncio.sleep(30)
        reports = scene.network.reports
        stages = [report.stage for report in reports]
        assert list(dict.fromkeys(stages)) == [Stage.PREPARING, Stage.TRAINING, Stage.FINALIZING, Stage.FINISHED]
        assert [report.sequence for report in reports] == list(range(1, len(reports) + 1))
        assert {(report.session_uid, report.attempt) for report in reports} == {(scene.assignment.session_uid, 1)}
        last = reports[-1]
        assert (last.epoch, last.epochs, last.seconds_per_epoch, last.estimated_remaining_seconds) == (3, 3, 10.0, 0.0)
        best = next(metric for metric in last.metrics if metric.name == "metrics/mAP50-95(B)")
        assert (best.value, best.best, best.best_epoch) == (best.value, best.value, 3)
        assert last.hub.agent_id
        assert last.hub.last_heartbeat_time
        assert last.final is not None
        assert scene.network.wrong_tokens == 0


@pytest.mark.parametrize("seconds", [600, 7200])
@pytest.mark.parametrize("ended", [True, False])
async def test_a_hub_that_names_a_time_is_left_alone_for_it(tmp_path: Path, seconds: int, ended: bool) -> None:
    """But for an hour at most; heartbeats that it answers change nothing."""
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer(epochs=2).start()
        scene.network.hub_rests = httpx.Response(429, headers={"retry-after": str(seconds)})
        async with scene.agent():
            trainer.epoch(1)
            if ended:
                trainer.strip().exit(0)
            await asyncio.sleep(580)
            assert scene.sent("/upload") == 1
            assert scene.sent(f"POST /v1/models/{scene.model_id}") == 1
            scene.network.hub_rests = None
            await asyncio.sleep(2400 if seconds == 600 else 3100)
            assert scene.sent("/upload") == 2
            assert scene.network.reports[-1].hub.buffered_updates == 0


async def test_a_final_that_is_refused_does_not_end_the_wait_for_metrics(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer(epochs=1).start()
        scene.network.hub_rests = httpx.Response(429, headers={"retry-after": "200"})
        scene.network.hub_takes_uploads = True
        async with scene.agent():
            trainer.row(1)
            with zipfile.ZipFile(trainer.run / "weights/last.pt", "w") as archive:
                archive.writestr("archive/other.bin", b"nothing that the hub takes")
            trainer.exit(0)
            await asyncio.sleep(100)
            assert "no final model" in scene.outcome.message
            scene.network.hub_rests = None
            await asyncio.sleep(200)
            assert await scene.in_hub() == rows(1)


async def test_a_page_in_the_place_of_the_hub_is_outlasted_at_the_end_of_a_run(tmp_path: Path) -> None:
    """Whoever refuses there, it is not the hub: what it has not got is owed."""
    async with a_scene(tmp_path) as scene:
        trainer = scene.trainer(epochs=3).start()
        async with scene.agent() as signals:
            trainer.epoch(1)
            await asyncio.sleep(30)
            scene.network.hub_is_a_page = True
            trainer.row(2)
            trainer.row(3)
            trainer.exit(1)
            signals.term.set()
            await asyncio.sleep(600)
            scene.network.hub_is_a_page = False
            await asyncio.sleep(400)
        assert await scene.in_hub() == rows(1, 2, 3)
        assert scene.outcome.buffered_updates == 0
