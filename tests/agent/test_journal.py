"""The ledger on disk."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtraining.agent import journal
from hubtraining.agent.journal import Journal, replay
from hubtraining.agent.ledger import Begun, Finished, Ledger, Named

OWNER = Begun("uid", 1)


async def opened(folder: Path, owner: Begun = OWNER) -> Journal:
    made = Journal(folder, owner)
    await made.open()
    return made


async def filled(folder: Path, epochs: int) -> Path:
    """A journal of so many epochs; its file."""
    made = await opened(folder)
    for epoch in range(1, epochs + 1):
        await made.add(Finished(epoch, {"a": epoch / 2}))
    return folder / "journal.jsonl"


async def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    await filled(tmp_path / "new/folder", 3)
    again = await opened(tmp_path / "new/folder")
    assert again.ledger.metrics() == {1: {"a": 0.5}, 2: {"a": 1.0}, 3: {"a": 1.5}}


@pytest.mark.parametrize("other", [Begun("uid", 2), Begun("another", 1)])
async def test_another_attempts_journal_is_left_behind(tmp_path: Path, other: Begun) -> None:
    await filled(tmp_path, 3)
    assert (await opened(tmp_path, other)).ledger.metrics() == {}
    assert (await opened(tmp_path, other)).ledger.begun == other


async def test_a_journal_that_ends_anywhere_tells_a_beginning_of_what_was_added(tmp_path: Path) -> None:
    content = (await filled(tmp_path, 4)).read_bytes()
    whole = list(replay(tmp_path / "journal.jsonl").metrics())
    for size in range(len(content)):
        (tmp_path / "cut.jsonl").write_bytes(content[:size])
        told = list(replay(tmp_path / "cut.jsonl").metrics())
        assert told == whole[: len(told)]


async def test_after_a_torn_end_nothing_more_is_lost(tmp_path: Path) -> None:
    path = await filled(tmp_path, 3)
    path.write_bytes(path.read_bytes()[:-10])
    again = await opened(tmp_path)
    await again.add(Finished(9, {"a": 9.0}))
    assert list((await opened(tmp_path)).ledger.metrics()) == [1, 2, 9]


@settings(max_examples=30)
@given(st.binary(max_size=100))
def test_a_file_of_any_kind_is_read_up_to_its_first_bad_entry(content: bytes) -> None:
    path = Path("/dev/shm") / "hubtraining-journal-test.jsonl"
    path.write_bytes(content)
    try:
        assert isinstance(replay(path), Ledger)
    finally:
        path.unlink()


async def test_a_journal_that_has_grown_is_rewritten_in_fewer_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_LINES", 10)
    made = await opened(tmp_path)
    for number in range(50):
        await made.add(Finished(1, {"a": float(number)}))
    assert len((tmp_path / "journal.jsonl").read_bytes().splitlines()) <= 12
    assert (await opened(tmp_path)).ledger.metrics() == {1: {"a": 49.0}}


async def test_on_a_full_disk_the_ledger_lives_on_and_the_log_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = await opened(tmp_path)
    await made.add(Finished(1, {"a": 1.0}))
    path, aside = tmp_path / "journal.jsonl", tmp_path / "aside"
    path.rename(aside)
    path.symlink_to("/dev/full")
    (tmp_path / "journal.part").symlink_to("/dev/full")
    for epoch in (2, 3):
        await made.add(Finished(epoch, {"a": 1.0}))
    assert list(made.ledger.metrics()) == [1, 2, 3]
    assert len([record for record in caplog.records if "journal" in record.message]) == 1
    assert "No space left" in caplog.text


async def test_when_the_disk_has_room_again_everything_is_written(tmp_path: Path) -> None:
    made = await opened(tmp_path)
    (tmp_path / "journal.jsonl").rename(tmp_path / "aside")
    (tmp_path / "journal.jsonl").symlink_to("/dev/full")
    await made.add(Finished(1, {"a": 1.0}))
    (tmp_path / "journal.jsonl").unlink()
    await made.add(Named("agent"))
    again = await opened(tmp_path)
    assert (again.ledger.metrics(), again.ledger.agent_id) == ({1: {"a": 1.0}}, "agent")
