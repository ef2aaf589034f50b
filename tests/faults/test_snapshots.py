"""Checkpoints that are torn, or rewritten in place, while they are copied: what is taken is whole and is the newest."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from random import Random

import pytest
from builders.agent import a_scene
from builders.checkpoints import sha256_of
from builders.trainer import weights
from support.faults import rounds

from hubtraining.agent.archives import NotIntact
from hubtraining.agent.run_folder import Workspace
from hubtraining.agent.snapshots import Snapshots
from hubtraining.agent.weights import find

pytestmark = pytest.mark.faults

RUN = PurePosixPath("run")
SIZE = 300_000


class Writer:
    """Rewrites ``last.pt`` in place in a thread, in pieces: truncated first, or over the old bytes."""

    def __init__(self, path: Path, random: Random) -> None:
        self.path = path
        self.saved: list[str] = []
        self._never = threading.Event()
        self._random = random
        self._wanted = True
        self._thread = threading.Thread(target=self._write)

    def start(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being written."""
        self._wanted = False
        self._thread.join()

    def _write(self) -> None:
        while self._wanted:
            content = weights(len(self.saved), size=SIZE, seed=len(self.saved))
            self.saved.append(sha256_of(content))
            with self.path.open(
                self._random.choice(("wb", "r+b")) if self.path.exists() else "wb", buffering=0
            ) as file:
                file.truncate(min(len(content), self.path.stat().st_size))
                step = len(content) // self._random.randint(1, 40) + 1
                for start in range(0, len(content), step):
                    file.write(content[start : start + step])
                    self._never.wait(self._random.random() / 1000)
            self._never.wait(self._random.random() / 50)


async def test_rewritten_while_they_are_copied(tmp_path: Path, tell: Callable[[str], None]) -> None:
    path, results, random = tmp_path / "run/weights/last.pt", Counter[str](), Random(9)
    writer, snapshots = Writer(path, Random(8)), Snapshots(Workspace(tmp_path), tmp_path / "snapshots")
    writer.start()
    try:
        while len(writer.saved) < rounds(few=50, full=500):
            results[await outcome(snapshots, tmp_path, writer)] += 1
            await asyncio.sleep(random.random() / 200)
    finally:
        writer.stop()
    assert await outcome(snapshots, tmp_path, writer) == "whole"
    assert results["torn"]
    assert results["whole"]
    taken = f"{results['whole']} of {results.total()} tries, refused {results['torn']}"
    tell(f"checkpoints rewritten while they are copied: {len(writer.saved)}, taken in {taken}, taken torn 0")


async def outcome(snapshots: Snapshots, root: Path, writer: Writer) -> str:
    """What came of one try; what is taken must be one of the files that were saved, and its epoch that file's."""
    found = find(Workspace(root), RUN, "last")
    if found is None:
        return "none"
    try:
        snapshot = await snapshots.take("last", found)
    except NotIntact:
        return "torn"
    assert sha256_of(snapshot.path.read_bytes()) == snapshot.sha256
    assert snapshot.epoch is not None
    assert writer.saved[snapshot.epoch - 1] == snapshot.sha256
    return "whole"


KILLED = """
import sys, time
content = sys.stdin.buffer.read()
with open(sys.argv[1], "wb", buffering=0) as file:
    file.write(content[: int(sys.argv[2])])
    print("torn", flush=True)
    time.sleep(60)
"""


def torn_by_a_kill(path: Path, content: bytes, at: int) -> None:
    """A process begins to write and is killed after so many bytes."""
    command = [sys.executable, "-S", "-c", KILLED, str(path), str(at)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.write(content)
        writer.stdin.close()
        writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)


@pytest.mark.looptime
async def test_torn_for_good_by_kill_9_of_the_writer(tmp_path: Path, tell: Callable[[str], None]) -> None:
    count, random = rounds(few=10, full=200), Random(8)
    for number in range(count):
        folder = tmp_path / str(number)
        async with a_scene(folder) as scene:
            trainer = scene.assigned(checkpoint_seconds=900).trainer().start()
            async with scene.agent():
                trainer.epoch(1)
                await asyncio.sleep(5)
                trainer.epoch(2, best=bool(number % 2))
                await asyncio.sleep(5)
                trainer.row(3)
                torn = weights(2)
                torn_by_a_kill(trainer.run / "weights/last.pt", torn, random.randrange(len(torn)))
                trainer.exit(137)
            uploads = await scene.uploads()
            assert {sha for _, _, sha in uploads} <= trainer.hashes
            assert {sha256_of(content) for content in trainer.saved.values()} <= {sha for _, _, sha in uploads}
            assert sorted(await scene.in_hub()) == [1, 2, 3]
            begun = await scene.assigned(attempt=2).fetch()
            assert begun.resumed_epoch == max(epoch for _, epoch, _ in uploads) == 2
    tell(f"checkpoints torn by kill -9 of their writer: {count}, taken torn 0, resumed {count}")
