import asyncio
from pathlib import Path

import pytest
from builders.checkpoints import an_upload

from hubtraining.hub.uploads import CheckpointUpload, Superseded, Turn, UploadTurns

pytestmark = pytest.mark.looptime

LAST = CheckpointUpload(Path("last"), 1)
BEST = CheckpointUpload(Path("last"), 2, is_best=True)
FINAL = CheckpointUpload(Path("best"), 3, "final")


def now() -> float:
    return asyncio.get_running_loop().time()


async def hold(turns: UploadTurns, turn: Turn, seconds: float) -> None:
    async with turns.take(turn):
        await asyncio.sleep(seconds)


@pytest.mark.parametrize(("upload", "name"), [(LAST, "last.pt"), (BEST, "last.pt"), (FINAL, "best.pt")])
async def test_a_file_goes_under_the_name_that_hubs_expect(upload: CheckpointUpload, name: str) -> None:
    assert upload.name == name


async def test_an_epoch_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        CheckpointUpload(Path("x"), 0).fields()


async def test_a_whole_checkpoint_can_be_built(tmp_path: Path) -> None:
    assert len(an_upload(tmp_path / "last.pt", 2, final=True).sha256) == 64


async def test_the_first_checkpoint_is_due_at_once() -> None:
    assert UploadTurns(900).due()


async def test_the_next_is_due_when_the_limit_has_passed_since_the_last_one_began() -> None:
    turns = UploadTurns(900)
    await hold(turns, await turns.ask(LAST), 100)

    await asyncio.sleep(799)
    early = turns.due()
    await asyncio.sleep(1)

    assert (early, turns.due()) == (False, True)


async def test_none_is_due_while_one_is_under_way() -> None:
    turns = UploadTurns(900)

    async with turns.take(await turns.ask(LAST)):
        assert not turns.due()


async def test_a_failed_upload_does_not_count() -> None:
    turns = UploadTurns(900)

    with pytest.raises(OSError, match="disk"):
        async with turns.take(await turns.ask(LAST)):
            raise OSError("disk")

    assert turns.due()


async def test_a_failure_does_not_forget_the_last_success() -> None:
    turns = UploadTurns(900)
    await hold(turns, await turns.ask(LAST), 0)

    with pytest.raises(OSError, match="disk"):
        async with turns.take(await turns.ask(LAST)):
            raise OSError("disk")

    assert not turns.due()


async def test_uploads_go_one_at_a_time_in_the_order_of_asking() -> None:
    turns = UploadTurns(900)
    order: list[tuple[str, float]] = []

    async def one(name: str, upload: CheckpointUpload) -> None:
        async with turns.take(await turns.ask(upload)):
            order.append((name, now()))
            await asyncio.sleep(10)

    await asyncio.gather(one("best", BEST), one("last", LAST))

    assert order == [("best", 0), ("last", 10)]


@pytest.mark.parametrize(
    ("older", "newer", "replaced"),
    [
        (LAST, LAST, True),
        (LAST, BEST, True),
        (LAST, FINAL, True),
        (BEST, BEST, True),
        (BEST, FINAL, True),
        (BEST, LAST, False),
        (FINAL, LAST, False),
    ],
)
async def test_a_newer_one_replaces_those_that_wait_but_never_a_best_by_a_lesser(
    older: CheckpointUpload, newer: CheckpointUpload, replaced: bool
) -> None:
    turns = UploadTurns(900)
    first = await turns.ask(older)
    await turns.ask(newer)

    if replaced:
        with pytest.raises(Superseded):
            turns.check(first)
    else:
        turns.check(first)


async def test_the_newest_is_never_replaced() -> None:
    turns = UploadTurns(900)
    for upload in (LAST, BEST, LAST):
        turn = await turns.ask(upload)

        turns.check(turn)


async def test_a_best_is_replaced_by_a_later_best_though_a_last_came_after_it() -> None:
    turns = UploadTurns(900)
    first = await turns.ask(BEST)
    await turns.ask(BEST)
    await turns.ask(LAST)

    with pytest.raises(Superseded):
        turns.check(first)


async def test_one_that_was_replaced_while_it_waited_for_its_turn_does_not_go() -> None:
    turns = UploadTurns(900)
    running = asyncio.create_task(hold(turns, await turns.ask(BEST), 10))
    await asyncio.sleep(1)
    waiting = asyncio.create_task(hold(turns, await turns.ask(LAST), 10))
    newest = asyncio.create_task(hold(turns, await turns.ask(LAST), 10))

    results = await asyncio.gather(running, waiting, newest, return_exceptions=True)

    assert [type(result) for result in results] == [type(None), Superseded, type(None)]
    assert now() == 20


async def test_a_wait_that_nobody_disturbs_lasts_its_time() -> None:
    turns = UploadTurns(900)

    await turns.sleep(await turns.ask(LAST), 512)

    assert now() == 512


async def test_a_newer_checkpoint_ends_the_wait_of_an_older_one() -> None:
    turns = UploadTurns(900)
    waiting = asyncio.create_task(turns.sleep(await turns.ask(LAST), 512))
    await asyncio.sleep(5)

    await turns.ask(LAST)

    with pytest.raises(Superseded):
        await waiting
    assert now() == 5


async def test_a_lesser_checkpoint_does_not_end_the_wait_of_a_best() -> None:
    turns = UploadTurns(900)
    waiting = asyncio.create_task(turns.sleep(await turns.ask(BEST), 512))
    await asyncio.sleep(5)

    await turns.ask(LAST)
    await waiting

    assert now() == 512
