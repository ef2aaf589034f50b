"""How an attempt begins: real fetch, real hub, the files of an earlier attempt."""

import asyncio
import shutil
from pathlib import Path

import httpx
import pytest
from builders.agent import UID, Scene, a_scene
from builders.checkpoints import sha256_of
from builders.trainer import POD_RUN, Trainer, metrics_of, saved, weights

from hubtraining.agent import records
from hubtraining.domain import layout
from hubtraining.domain.layout import Begun, Input
from hubtraining.domain.report import Stage
from hubtraining.hub.errors import HubNotFound, HubProtocolError, HubUnavailable

pytestmark = pytest.mark.looptime

FRESH = Begun()


async def an_earlier_attempt(scene: Scene, *epochs: int, **options: object) -> Trainer:
    """The hub has the last and best checkpoint of these epochs, and the workspace what the trainer left."""
    trainer = scene.trainer(**options).start()
    async with scene.agent():
        for number in epochs:
            await asyncio.sleep(10)
            trainer.epoch(number)
        await asyncio.sleep(5)
    scene.assigned(attempt=scene.assignment.attempt + 1)
    return trainer


def empty(scene: Scene) -> None:
    """Another node: nothing of the workspace and of the journal is left."""
    for name in ("workspace", "journal"):
        shutil.rmtree(scene.folder / name)
        (scene.folder / name).mkdir()


def downloads(scene: Scene) -> int:
    return sum("/v1/files/" in path for path in scene.network.asked)


def marked(scene: Scene) -> bool:
    owner = scene.assignment.session_uid, scene.assignment.attempt
    return scene.settings.in_workspace(layout.resume_marker(*owner)).exists()


def record(path: Path) -> records.Record:
    with path.open("rb") as file:
        return records.read(file)


async def test_a_first_attempt_begins_afresh(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        assert await scene.fetch() == FRESH
        assert not marked(scene)
        assert not (tmp_path / "workspace/run").exists()
        assert downloads(scene) == 0


async def test_on_an_empty_node_the_next_attempt_gets_last_best_and_table_from_the_hub(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2, 3)
        table, last = trainer.csv.read_bytes(), trainer.saved["last"]
        empty(scene)
        begun = await scene.fetch()
        assert begun == Begun(3, sha256_of(last), "hub", (sha256_of(last),))
        assert marked(scene)
        run = trainer.run
        assert (run / "weights/last.pt").read_bytes() == last
        assert (run / "weights/best.pt").read_bytes() == trainer.saved["best"]
        assert (run / "results.csv").read_bytes() == table
        words = {path.name for path in (tmp_path / "workspace/.hubtraining").iterdir()}
        assert words == {f"begun-{UID}-2", f"resume-{UID}-2"}


@pytest.mark.parametrize("padded", [True, False])
async def test_a_checkpoint_that_records_no_table_gets_the_hubs_metrics_in_the_trainers_own_style(
    tmp_path: Path, padded: bool
) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2, 3, padded=padded, results=False)
        table = trainer.csv.read_bytes()
        empty(scene)
        await scene.fetch()
        assert trainer.csv.read_bytes() == table


async def test_a_workspace_that_survived_is_gone_on_with_without_a_download(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2)
        trainer.epoch(3)
        before = {path: path.read_bytes() for path in trainer.run.rglob("*") if path.is_file()}
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source, begun.sha256) == (3, "workspace", sha256_of(trainer.saved["last"]))
        assert begun.uploaded == ()
        assert {path: path.read_bytes() for path in trainer.run.rglob("*") if path.is_file()} == before
        assert downloads(scene) == 0


async def test_of_equal_epochs_the_workspace_wins_and_the_hub_is_not_sent_it_again(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2)
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source) == (2, "workspace")
        assert begun.uploaded == (sha256_of(trainer.saved["last"]),)
        assert downloads(scene) == 0


async def test_a_row_without_its_checkpoint_is_taken_back(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2)
        table = trainer.csv.read_bytes()
        trainer.row(3)
        with trainer.csv.open("ab") as file:
            file.write(b"4,40.0,0.1")
        begun = await scene.fetch()
        assert begun.resumed_epoch == 2
        assert trainer.csv.read_bytes() == table


async def test_the_hubs_newer_checkpoint_wins_and_the_older_run_is_put_away(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2, 3)
        trainer.save("last", 0)
        trainer.save("best", 0)
        (trainer.run / "labels.jpg").write_bytes(b"a picture")
        last = (await scene.uploads())[-1]
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source, begun.sha256) == (3, "hub", last[2])
        assert sha256_of((trainer.run / "weights/last.pt").read_bytes()) == last[2]
        assert sha256_of((trainer.run / "weights/best.pt").read_bytes()) == last[2]
        assert not (trainer.run / "labels.jpg").exists()
        assert (tmp_path / "workspace/run.before-2/labels.jpg").exists()


async def test_a_torn_last_gives_way_to_a_whole_best_that_is_newer_than_the_hubs(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2)
        trainer.epoch(3).epoch(4).epoch(5, best=False)
        (trainer.run / "weights/last.pt").write_bytes(trainer.saved["last"][:1000])
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source, begun.sha256) == (4, "workspace", sha256_of(trainer.saved["best"]))
        assert (trainer.run / "weights/last.pt").read_bytes() == trainer.saved["best"]
        assert len(trainer.csv.read_text().splitlines()) == 5


async def test_torn_files_never_win(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2)
        for kind in ("last", "best"):
            (trainer.run / f"weights/{kind}.pt").write_bytes(weights(8)[:-30])
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source) == (2, "hub")


async def test_where_nothing_can_be_gone_on_from_the_old_run_is_put_away_and_not_reported(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.assigned(attempt=2)
        trainer = scene.trainer().start()
        trainer.epoch(1)
        for kind in ("last", "best"):
            (trainer.run / f"weights/{kind}.pt").write_bytes(b"<html>sign in</html>")
        assert await scene.fetch() == FRESH
        assert not marked(scene)
        assert not trainer.run.exists()
        async with scene.agent():
            await asyncio.sleep(30)
        assert await scene.in_hub() == {}
        assert await scene.uploads() == []


async def test_a_stripped_checkpoint_is_never_gone_on_from(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2)
        trainer.epoch(3).strip()
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source) == (2, "hub")


async def test_resume_never_begins_afresh_whatever_is_there(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2)
        scene.assigned(resume=False, inputs=(Input("last", layout.RESUME_FILE),))
        assert await scene.fetch() == FRESH
        assert not marked(scene)
        assert not trainer.run.exists()
        assert downloads(scene) == 0


async def test_a_first_attempt_goes_on_with_a_model_that_the_hub_says_is_unfinished(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await an_earlier_attempt(scene, 1, 2)
        empty(scene)
        scene.assigned(attempt=1, inputs=(Input("last", layout.RESUME_FILE),))
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source) == (2, "hub")


async def test_only_the_newest_run_that_was_put_away_is_kept(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        for attempt in (2, 3, 4):
            scene.assigned(attempt=attempt, resume=False)
            scene.trainer().start()
            await scene.fetch()
        assert [path.name for path in (tmp_path / "workspace").iterdir() if "run" in path.name] == ["run.before-4"]


async def test_a_run_that_was_put_away_stays_where_the_next_attempt_finds_no_run_to_put_away(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.trainer().start()
        for attempt in (2, 3):
            await scene.assigned(attempt=attempt, resume=False).fetch()
        assert (tmp_path / "workspace/run.before-2/args.yaml").is_file()


async def test_a_checkpoint_of_another_machine_is_made_to_go_on_here(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2, save_dir="/content/runs/detect/train")
        original = trainer.saved["last"]
        empty(scene)
        begun = await scene.fetch()
        path = trainer.run / "weights/last.pt"
        assert record(path).save_dir == POD_RUN
        assert (record(path).epoch, record(path).results["epoch"]) == (1, (1, 2))
        assert begun.sha256 == sha256_of(path.read_bytes()) != sha256_of(original)
        assert set(begun.uploaded) == {begun.sha256, sha256_of(trainer.saved["best"])}


async def test_a_run_that_died_after_its_last_epoch_trains_that_one_again(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2, 3, epochs=3)
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source) == (2, "workspace")
        assert record(trainer.run / "weights/last.pt").epoch == 1
        assert len(trainer.csv.read_text().splitlines()) == 3


async def test_a_hub_that_is_away_does_not_keep_a_workspace_that_survived_from_going_on(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await an_earlier_attempt(scene, 1, 2)
        scene.network.hub_down = True
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source, begun.uploaded) == (2, "workspace", ())


async def test_a_hub_that_is_away_keeps_an_attempt_from_beginning_afresh(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await an_earlier_attempt(scene, 1, 2)
        empty(scene)
        scene.network.hub_down = True
        with pytest.raises(HubUnavailable):
            await scene.fetch()
        assert not (tmp_path / f"workspace/.hubtraining/begun-{UID}-2").exists()


async def test_a_model_that_is_gone_keeps_an_attempt_from_beginning_afresh(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.assigned(attempt=2)
        await scene.hub.delete(scene.model_id, hard=True)
        with pytest.raises(HubNotFound):
            await scene.fetch()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<html>sign in</html>", "text/html"),
        (b"<html>sign in</html>", "application/octet-stream"),
        (weights(7)[:900], ""),
    ],
)
async def test_a_page_or_a_torn_file_from_the_hub_never_wins(tmp_path: Path, content: bytes, kind: str) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2)
        trainer.save("last", 0)
        trainer.save("best", 0)
        scene.network.instead_of_files = httpx.Response(200, content=content, headers={"content-type": kind})
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source) == (1, "workspace")
        empty(scene)
        with pytest.raises(HubProtocolError):
            await scene.fetch()


async def test_links_in_the_run_folder_are_neither_read_nor_written_through(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2)
        outside = tmp_path / "outside"
        (outside / "weights").mkdir(parents=True)
        (outside / "weights/last.pt").write_bytes(weights(50))
        (outside / "results.csv").write_text("epoch,a\n50,1\n")
        shutil.rmtree(trainer.run)
        trainer.run.mkdir()
        (trainer.run / "weights").symlink_to(outside / "weights")
        (trainer.run / "results.csv").symlink_to(outside / "results.csv")
        before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source) == (2, "hub")
        assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before
        assert not (trainer.run / "weights").is_symlink()


async def test_part_files_that_are_links_are_not_written_through(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2, save_dir="/content/run")
        target = tmp_path / "target"
        target.write_text("precious")
        for part in ("run/weights/.last.pt.part", "run/.results.csv.part", f".hubtraining/.begun-{UID}-2.part"):
            (trainer.workspace / part).symlink_to(target)
        assert (await scene.fetch()).resumed_epoch == 2
        assert target.read_text() == "precious"


LINES = tuple(f'{{"epoch": {epoch}, "loss": {1 / epoch}}}\n' for epoch in (1, 2, 3))


@pytest.mark.parametrize(
    ("files", "epoch"),
    [
        ({"epoch-1.pt": 77, "epoch-2.pt": 78}, 2),
        ({"last.pt": 2}, 2),
        ({"last.pt": None}, 3),
        ({"last.pt": 1, "best.pt": 2}, 2),
    ],
)
async def test_a_plain_trainers_files_are_gone_on_from_by_their_names_or_their_own_word(
    tmp_path: Path, files: dict[str, int | None], epoch: int
) -> None:
    async with a_scene(tmp_path) as scene:
        scene.assigned(attempt=2)
        run = tmp_path / "workspace/run"
        (run / "checkpoints").mkdir(parents=True)
        (run / "metrics.jsonl").write_text("".join(LINES))
        for name, said in files.items():
            (run / "checkpoints" / name).write_bytes(saved({} if said is None else {"epoch": said}, seed=name))
        begun = await scene.fetch()
        assert (begun.resumed_epoch, begun.source) == (epoch, "workspace")
        newest = max(files, key=lambda name: files[name] or 0)
        assert (run / "weights/last.pt").read_bytes() == (run / "checkpoints" / newest).read_bytes()
        assert (run / "metrics.jsonl").read_text() == "".join(LINES[:epoch])


@pytest.mark.parametrize("torn", ["checkpoints/epoch-3.pt", "checkpoints/last.pt"])
async def test_a_plain_trainers_torn_file_gives_way_to_the_newest_that_is_whole(tmp_path: Path, torn: str) -> None:
    async with a_scene(tmp_path) as scene:
        scene.assigned(attempt=2)
        run = tmp_path / "workspace/run"
        (run / "checkpoints").mkdir(parents=True)
        (run / "metrics.jsonl").write_text("".join(LINES))
        for epoch in (1, 2):
            (run / f"checkpoints/epoch-{epoch}.pt").write_bytes(saved({}, seed=str(epoch)))
        (run / torn).write_bytes(saved({"epoch": 3})[:500])
        assert (await scene.fetch()).resumed_epoch == 2
        assert (run / "weights/last.pt").read_bytes() == saved({}, seed="2")


async def test_a_plain_trainer_on_an_empty_node_gets_the_hubs_checkpoint_and_its_lines(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        run = tmp_path / "workspace/run"
        (run / "checkpoints").mkdir(parents=True)
        async with scene.agent():
            for epoch in (1, 2):
                with (run / "metrics.jsonl").open("a") as file:
                    file.write(f'{{"epoch": {epoch}, "epochs": 9, "loss": {1 / epoch}}}\n')
                for name in (f"epoch-{epoch}.pt", "best.pt"):
                    (run / "checkpoints" / name).write_bytes(saved({"step": 70 + epoch}, seed=str(epoch)))
                await asyncio.sleep(5)
        last = saved({"step": 72}, seed="2")
        assert (await scene.uploads())[-1] == ("epoch", 2, sha256_of(last))
        empty(scene)
        scene.assigned(attempt=2)
        begun = await scene.fetch()
        assert begun == Begun(2, sha256_of(last), "hub", (sha256_of(last),))
        assert (run / "weights/last.pt").read_bytes() == (run / "weights/best.pt").read_bytes() == last
        assert (run / "metrics.jsonl").read_text() == '{"epoch":1,"loss":1.0}\n{"epoch":2,"loss":0.5}\n'


async def test_a_plain_trainers_checkpoint_from_the_hub_keeps_its_epoch_until_there_is_a_newer(tmp_path: Path) -> None:
    """It counts from 1, and lies where those of Ultralytics do, which count from 0."""
    async with a_scene(tmp_path) as scene:
        run = tmp_path / "workspace/run"
        (run / "checkpoints").mkdir(parents=True)
        async with scene.agent():
            (run / "metrics.jsonl").write_text("".join(LINES[:2]))
            (run / "checkpoints/last.pt").write_bytes(saved({"epoch": 2}))
            await asyncio.sleep(5)
        empty(scene)
        assert (await scene.assigned(attempt=2).fetch()).resumed_epoch == 2
        async with scene.agent():
            await asyncio.sleep(20)
        assert scene.network.reports[-1].latest.epoch == 2  # type: ignore[union-attr]
        assert (await scene.assigned(attempt=3).fetch()).resumed_epoch == 2


async def test_the_lines_that_a_plain_trainer_goes_on_from_are_no_progress_of_the_attempt(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        run = tmp_path / "workspace/run"
        (run / "checkpoints").mkdir(parents=True)
        (run / "metrics.jsonl").write_text("".join(LINES[:2]))
        (run / "checkpoints/last.pt").write_bytes(saved({"epoch": 2}))
        assert (await scene.assigned(attempt=2).fetch()).resumed_epoch == 2
        async with scene.agent():
            await asyncio.sleep(60)
            assert (scene.network.reports[-1].stage, scene.network.reports[-1].epoch) == (Stage.PREPARING, 2)
            (run / "metrics.jsonl").write_text("".join(LINES))
            await asyncio.sleep(20)
            assert (scene.network.reports[-1].stage, scene.network.reports[-1].epoch) == (Stage.TRAINING, 3)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a process that dies closes no file
async def test_a_fetch_that_is_broken_off_anywhere_and_run_again_ends_the_same(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2, 3, save_dir="/content/run")
        trainer.save("last", 0)
        trainer.save("best", 0)
        kept = tmp_path / "kept"
        shutil.copytree(tmp_path / "workspace", kept)
        undisturbed = where(await scene.fetch()), run_of(trainer)
        breaks, done = 0, False
        while not done:
            shutil.rmtree(trainer.workspace)
            shutil.copytree(kept, trainer.workspace)
            breaks += 1
            done = await broken_off(scene, after=breaks)
            assert (where(await scene.fetch()), run_of(trainer)) == undisturbed
        assert breaks > 20


def where(begun: Begun) -> tuple[int | None, str]:
    """What training goes on from; whether the hub has the very same bytes is only a matter of sending them again."""
    return begun.resumed_epoch, begun.sha256


def run_of(trainer: Trainer) -> dict[str, bytes]:
    """Everything in the run folder."""
    found = {str(path.relative_to(trainer.run)): path for path in trainer.run.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items()}


async def broken_off(scene: Scene, *, after: int) -> bool:
    """Cancel ``fetch`` after so many steps of the loop; whether it had done its work."""
    task = asyncio.create_task(scene.fetch())
    for _ in range(after):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
    return not task.cancelled()


async def test_an_attempt_that_goes_on_says_so_and_sends_nothing_that_the_hub_has(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1, 2, 3, epochs=9)
        empty(scene)
        await scene.fetch()
        sent = scene.sent("/upload")
        trainer.start()
        async with scene.agent():
            await asyncio.sleep(20)
            report = scene.network.reports[-1]
            assert (report.resumed_epoch, report.epoch, report.stage) == (3, 3, "Preparing")
            assert report.latest is not None
            assert (report.latest.epoch, report.latest.state) == (3, "Uploaded")
            assert scene.sent("/upload") == sent
            trainer.clock = 0.0
            trainer.epoch(4)
            await asyncio.sleep(20)
            report = scene.network.reports[-1]
            assert (report.epoch, report.stage) == (4, "Training")
            assert (report.seconds_per_epoch, report.estimated_remaining_seconds) == (10.0, 50.0)
            assert ("epoch", 4, sha256_of(trainer.saved["last"])) in await scene.uploads()
        assert scene.outcome.resumed_epoch == 3
        assert await scene.in_hub() == {epoch: metrics_of(epoch) for epoch in range(1, 5)}


async def test_a_checkpoint_that_only_the_workspace_had_is_sent_at_once(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        trainer = await an_earlier_attempt(scene, 1)
        scene.network.hub_down = True
        trainer.epoch(2)
        await scene.fetch()
        scene.network.hub_down = False
        shutil.rmtree(tmp_path / "journal")
        async with scene.agent():
            await asyncio.sleep(10)
            assert ("epoch", 2, sha256_of(trainer.saved["last"])) in await scene.uploads()
            assert await scene.in_hub() == {epoch: metrics_of(epoch) for epoch in (1, 2)}


async def test_the_agent_looks_at_nothing_before_the_attempt_has_begun(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await an_earlier_attempt(scene, 1, 2)
        posts = scene.sent(f"POST /v1/models/{scene.model_id}")
        shutil.rmtree(tmp_path / "journal")
        async with scene.agent():
            await asyncio.sleep(60)
            assert scene.network.reports[-1].epoch == 0
            assert scene.sent(f"POST /v1/models/{scene.model_id}") == posts
            await scene.fetch()
            await asyncio.sleep(20)
            assert (scene.network.reports[-1].epoch, scene.network.reports[-1].resumed_epoch) == (2, 2)


async def test_a_word_that_cannot_be_read_counts_as_begun_afresh(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        word = tmp_path / f"workspace/.hubtraining/begun-{UID}-1"
        word.unlink()
        word.symlink_to(tmp_path / "secrets/tokens/controller")
        trainer = scene.trainer().start()
        async with scene.agent():
            trainer.epoch(1)
            await asyncio.sleep(5)
        assert await scene.in_hub() == {1: metrics_of(1)}


async def test_further_pods_wait_for_the_first_and_bring_nothing(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await an_earlier_attempt(scene, 1, 2)
        first = scene.settings
        scene.assigned(node_index=1, nodes=2)
        waiting = asyncio.create_task(scene.fetch())
        await asyncio.sleep(300)
        assert not waiting.done()
        asked = len(scene.network.asked)
        scene.assignment = first.assignment
        begun = await scene.fetch()
        done = len(scene.network.asked)
        await asyncio.sleep(10)
        assert waiting.result() == begun
        assert len(scene.network.asked) == done > asked
