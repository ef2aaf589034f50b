"""Files that nothing names any more."""

import os
from pathlib import Path

from builders.hub import Clock, Hub, a_checkpoint, a_dataset, a_hub

from hubtraining.hub import wire
from hubtraining.hub.server.sweep import sweep


async def swept(hub: Hub, clock: Clock, seconds: float) -> int:
    gone = await hub.services.database.write(lambda connection: sweep(hub.services.blobs, connection, clock(), seconds))
    return len(gone)


def age(folder: Path, seconds: float, clock: Clock) -> None:
    """Let all files look as old as that."""
    for file in (folder / "blobs").iterdir():
        os.utime(file, (clock() - seconds, clock() - seconds))


async def test_a_replaced_checkpoint_goes_when_no_link_to_it_can_be_good(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub(tmp_path, clock=clock) as hub:
        model = await hub.model()
        for epoch in range(3):
            await hub.upload(model, a_checkpoint(), epoch=epoch)
        age(tmp_path, 1000, clock)
        assert await swept(hub, clock, 100) == 0
        clock.pass_(99)
        assert await swept(hub, clock, 100) == 0
        clock.pass_(1)
        assert await swept(hub, clock, 100) == 2
        link = (await hub.data("GET", wire.model(model)))["resume"]
        async with hub.stranger() as stranger:
            assert (await stranger.get(link)).status_code == 200
        assert len(await hub.data("GET", wire.checkpoints(model))) == 3


async def test_everything_that_is_named_stays(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub(tmp_path, clock=clock) as hub:
        model = await hub.model()
        await hub.upload(model, a_checkpoint(), epoch=1, isBest=True)
        await hub.upload(model, a_checkpoint(), epoch=2)
        await hub.upload(model, a_checkpoint(), name="best.pt", type="final", epoch=2)
        await hub.data("POST", wire.weights("a.pt"), files={"file": ("a.pt", a_checkpoint())})
        item = (await hub.data("POST", wire.DATASETS, json={"name": "x"}))["id"]
        await hub.data("POST", wire.dataset_upload(item), files={"a.zip": ("a.zip", a_dataset())})
        age(tmp_path, 1000, clock)
        await swept(hub, clock, 10)
        clock.pass_(1000)
        assert await swept(hub, clock, 10) == 1  # the best before the final
    assert len(list((tmp_path / "blobs").iterdir())) == 4


async def test_a_file_that_was_just_written_stays_though_no_row_names_it_yet(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub(tmp_path, clock=clock) as hub:
        (tmp_path / "blobs" / "abc").write_bytes(b"x")
        age(tmp_path, 0, clock)
        await swept(hub, clock, 10)
        clock.pass_(11)
        age(tmp_path, 5, clock)
        assert await swept(hub, clock, 10) == 0
        age(tmp_path, 10, clock)
        assert await swept(hub, clock, 10) == 1


async def test_what_a_crash_left_between_file_and_row_goes_though_the_hub_is_restarted_daily(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub(tmp_path, clock=clock) as hub:
        with hub.services.blobs.spool() as spool:
            spool.write(a_checkpoint())
            hub.services.blobs.keep(spool)
    age(tmp_path, 0, clock)
    for gone in (0, 0, 1):
        async with a_hub(tmp_path, clock=clock) as hub:
            assert await swept(hub, clock, 150) == gone
        clock.pass_(100)
    assert list((tmp_path / "blobs").iterdir()) == []


async def test_a_file_that_is_needed_again_stays(tmp_path: Path) -> None:
    clock, content = Clock(), a_checkpoint()
    async with a_hub(tmp_path, clock=clock) as hub:
        model = await hub.model()
        await hub.upload(model, content, epoch=1)
        await hub.upload(model, a_checkpoint(), epoch=2)
        await swept(hub, clock, 10)
        clock.pass_(9)
        await hub.upload(await hub.model(), content, epoch=1)
        age(tmp_path, 1000, clock)
        await swept(hub, clock, 10)
        await hub.client.delete(wire.model(model), params={"hard": "True"})
        clock.pass_(9)
        assert await swept(hub, clock, 10) == 0
    assert len(list((tmp_path / "blobs").iterdir())) == 2
