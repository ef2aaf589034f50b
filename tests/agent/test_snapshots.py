"""Verified copies of files that their writer may overwrite at any moment."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from builders.checkpoints import sha256_of
from builders.trainer import Trainer, saved, weights
from builders.waiting import until

from hubtraining.agent import snapshots
from hubtraining.agent.archives import NotIntact
from hubtraining.agent.run_folder import Unsafe, Workspace
from hubtraining.agent.snapshots import NoRoom, Snapshots, in_slices
from hubtraining.agent.weights import WeightsFile, find

RUN = PurePosixPath("run")


def last(root: Path) -> WeightsFile:
    """The file as it is now."""
    found = find(Workspace(root), RUN, "last")
    assert found is not None
    return found


def in_folder(root: Path) -> Snapshots:
    return Snapshots(Workspace(root), root / "snapshots")


def kept(root: Path) -> list[str]:
    """The files of the snapshots' folder."""
    return sorted(path.name for path in (root / "snapshots").glob("*"))


async def test_a_snapshot_is_the_file_byte_for_byte(tmp_path: Path) -> None:
    content = Trainer(tmp_path).start().save("last", 4)
    snapshot = await in_folder(tmp_path).take("last", last(tmp_path))
    assert snapshot.path.read_bytes() == content
    assert (snapshot.sha256, snapshot.size, snapshot.epoch) == (sha256_of(content), len(content), 5)


async def test_a_newer_snapshot_replaces_the_older_of_its_kind(tmp_path: Path) -> None:
    trainer, taking = Trainer(tmp_path).start(), in_folder(tmp_path)
    for epoch in (1, 2, 3):
        trainer.save("last", epoch)
        snapshot = await taking.take("last", last(tmp_path))
    assert kept(tmp_path) == [snapshot.path.name]
    await taking.discard(snapshot)
    assert kept(tmp_path) == []


@pytest.mark.parametrize("size", [0, 1, 500, 4000])
async def test_a_torn_file_is_not_intact_and_leaves_nothing(tmp_path: Path, size: int) -> None:
    trainer = Trainer(tmp_path).start()
    (trainer.run / "weights/last.pt").write_bytes(weights(1)[:size])
    with pytest.raises(NotIntact):
        await in_folder(tmp_path).take("last", last(tmp_path))
    assert kept(tmp_path) == []


@pytest.mark.parametrize("change", ["truncated", "appended", "rewritten", "replaced", "deleted"])
async def test_a_file_that_is_written_while_it_is_copied_is_not_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(snapshots, "SLICE", 1)
    monkeypatch.setattr(snapshots, "PIECE", 512)
    trainer = Trainer(tmp_path).start()
    trainer.save("last", 1)
    path = trainer.run / "weights/last.pt"
    taking = asyncio.create_task(in_folder(tmp_path).take("last", last(tmp_path)))
    await until(lambda: any((tmp_path / "snapshots").glob(".last-*.part")))
    written(path, change)
    with pytest.raises(NotIntact):
        await taking
    assert kept(tmp_path) == []


def written(path: Path, change: str) -> None:
    """One of the ways in which a file can change."""
    content = path.read_bytes()
    if change == "replaced":
        path.with_name("new").write_bytes(content)
        path.with_name("new").rename(path)
    elif change == "deleted":
        path.unlink()
    elif change == "appended":
        with path.open("ab") as file:
            file.write(b"more")
    else:
        path.write_bytes(content[:100] if change == "truncated" else content)


async def test_no_room_is_said_before_anything_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Trainer(tmp_path).start().save("last", 1)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5000))
    with pytest.raises(NoRoom, match="5000 bytes are free"):
        await in_folder(tmp_path).take("last", last(tmp_path))
    assert kept(tmp_path) == []


async def test_what_is_held_needs_no_room_and_stays_what_it_was(tmp_path: Path) -> None:
    trainer, taking = Trainer(tmp_path).start(), in_folder(tmp_path)
    content = trainer.save("last", 1)
    held = await taking.hold("last", last(tmp_path))
    (trainer.run / "weights/last.pt").unlink()
    assert held.path.read_bytes() == content
    assert held.sha256 == sha256_of(content)
    await taking.discard(held)
    assert held.path.read_bytes() == content
    taking.close()
    assert not held.path.exists()


async def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path).start()
    trainer.save("last", 1)
    found, path = last(tmp_path), trainer.run / "weights/last.pt"
    path.rename(tmp_path / "elsewhere.pt")
    path.symlink_to(tmp_path / "elsewhere.pt")
    with pytest.raises(Unsafe):
        await in_folder(tmp_path).take("last", found)


@pytest.mark.parametrize(
    ("name", "record", "epoch"),
    [
        ("epoch-7.pt", {"epoch": 70}, 7),
        ("last.pt", {"epoch": 70}, 70),
        ("last.pt", {"epoch": 0}, None),
        ("last.pt", {"model": 1}, None),
    ],
)
async def test_a_plain_trainers_file_has_the_epoch_of_its_name_or_its_own_word(
    tmp_path: Path, name: str, record: dict[str, int], epoch: int | None
) -> None:
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    (tmp_path / "run/checkpoints" / name).write_bytes(saved(record))
    assert (await in_folder(tmp_path).take("last", last(tmp_path))).epoch == epoch


async def test_the_epoch_of_a_file_that_cannot_be_read_now_is_not_told(tmp_path: Path) -> None:
    trainer, taking = Trainer(tmp_path).start(), in_folder(tmp_path)
    trainer.save("last", 4)
    found = last(tmp_path)
    assert await taking.epoch(found) == 5
    (trainer.run / "weights/last.pt").write_bytes(b"PK")
    assert await taking.epoch(found) is None
    (trainer.run / "weights/last.pt").unlink()
    assert await taking.epoch(found) is None


async def test_what_an_earlier_process_left_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots/last-abc.pt").write_bytes(b"half")
    await in_folder(tmp_path).clear()
    assert not (tmp_path / "snapshots").exists()
    await in_folder(tmp_path).clear()


async def test_long_work_can_be_given_up_between_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "SLICE", 10)
    done: list[int] = []

    def work() -> Iterator[int]:
        for number in range(1_000_000):
            done.append(number)
            yield 5

    task = asyncio.create_task(in_slices(work()))
    await until(lambda: done)
    task.cancel()
    await asyncio.wait((task,))
    seen = len(done)
    await asyncio.sleep(0.05)
    assert len(done) <= seen + 2
