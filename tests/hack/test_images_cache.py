import fcntl
import os
from pathlib import Path

import pytest

from images.cache import Cache
from images.image import Image

DIGESTS = ("0" * 12, "1" * 12, "2" * 12, "3" * 12)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "images")


def test_the_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Cache.of({}).root == tmp_path / ".cache" / "hubtraining" / "images"
    assert Cache.of({"XDG_CACHE_HOME": ""}).root == tmp_path / ".cache" / "hubtraining" / "images"
    assert Cache.of({"XDG_CACHE_HOME": "/elsewhere"}).root == Path("/elsewhere/hubtraining/images")


def test_there_is_room_to_work_until_the_build_ends(cache: Cache) -> None:
    with cache.locked():
        (cache.work / "half").write_text("made")
    assert [path.name for path in cache.root.iterdir()] == ["lock"]


def test_what_a_killed_build_left_is_deleted(cache: Cache) -> None:
    left = cache.root / "work-1" / "debian"
    left.mkdir(parents=True)
    (left / "half").write_text("made")
    with cache.locked():
        assert not left.exists()


def test_one_build_at_a_time(cache: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    with cache.locked(), (cache.root / "lock").open("w") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (cache.root / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_archives_used_last_are_kept(cache: Cache) -> None:
    cache.root.mkdir()
    for age, digest in enumerate(DIGESTS):
        path = cache.root / f"thing-{digest}.tar"
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    cache.remember(cache.root / f"thing-{DIGESTS[3]}.tar")
    cache.forget_older(Image("thing", cache.root))
    assert sorted(path.name for path in cache.root.iterdir()) == [f"thing-{DIGESTS[0]}.tar", f"thing-{DIGESTS[3]}.tar"]


def test_archives_of_other_images_are_left_alone(cache: Cache) -> None:
    cache.root.mkdir()
    others = {f"thing-trainer-{digest}.tar" for digest in DIGESTS}
    for name in others:
        (cache.root / name).touch()
    cache.forget_older(Image("thing", cache.root))
    assert {path.name for path in cache.root.iterdir()} == others
