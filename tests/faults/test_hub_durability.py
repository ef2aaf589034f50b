"""What the hub asks of the kernel, in which order: file and folder on the disk, then the row, then the reply.

A kill leaves the page cache alone and a power cut does not, so the order of system calls is looked at itself.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from builders.hub import a_checkpoint, a_creation, a_posting
from builders.hub_process import a_hub_process, create_key

from hubtraining.hub import wire

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform != "linux", reason="system calls of Linux")]

TRACED = "fsync,fdatasync,rename,renameat,renameat2,write,writev,pwrite64,sendto,sendmsg"
LINE = re.compile(r"(?P<thread>\d+) +(?:<\.\.\. \w+ resumed>|(?P<name>\w+)\()(?P<rest>.*)")


@dataclass
class Call:
    """One system call: between the lines ``begun`` and ``done`` of the trace the kernel worked on it."""

    name: str
    text: str
    begun: int
    done: int


def calls(trace: str) -> Iterator[Call]:
    """All calls that succeeded, joined where another thread's lines stand between beginning and end."""
    open_calls: dict[str, Call] = {}
    for number, line in enumerate(trace.splitlines()):
        if (found := LINE.match(line)) is None:
            continue
        name, rest, thread = found["name"], found["rest"], found["thread"]
        call = Call(name, rest, number, number) if name else open_calls.pop(thread)
        call.text, call.done = (rest if name else call.text + rest), number
        if rest.endswith("<unfinished ...>"):
            open_calls[thread] = call
        elif not re.search(r"= -1 ", rest):
            yield call


def syncs(what: str) -> Callable[[Call], bool]:
    """An fsync of a path that ends so."""
    return lambda call: call.name in ("fsync", "fdatasync") and re.search(rf"{what}>", call.text) is not None


def replies(call: Call) -> bool:
    """The beginning of a successful answer."""
    return call.name in ("write", "writev", "sendto", "sendmsg") and '"HTTP/1.1 200 OK' in call.text


def renames(call: Call) -> bool:
    """The file gets its name."""
    return call.name.startswith("rename") and "/incoming/" in call.text and "/blobs/" in call.text


def commits(call: Call) -> bool:
    """A write to SQLite's log."""
    return call.name == "pwrite64" and "hub.sqlite-wal>" in call.text


@pytest.fixture(scope="module")
def strace() -> str:
    path = shutil.which("strace")
    if path is None:
        pytest.skip("strace is not installed")
    if subprocess.run([path, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no process may be traced here")
    return path


def traced(folder: Path, strace: str, do: Callable[[httpx.Client, str], httpx.Response]) -> list[Call]:
    """The calls from the first byte of what ``do`` asks for to the end of its answer."""
    file = folder / "trace"
    wrapper = (strace, "-D", "-f", "-y", "-s", "64", "-e", f"trace={TRACED}", "-o", str(file))
    key = create_key(folder / "hub")
    with a_hub_process(folder / "hub", wrapper=wrapper) as hub:
        with httpx.Client(base_url=hub.url, headers={wire.HEADER_KEY: key}, timeout=60) as client:
            model = client.post(wire.MODELS, json=a_creation()).json()["data"]["id"]
            before = len(file.read_text().splitlines())
            assert do(client, model).status_code == 200
        hub.stop()
    return [call for call in calls(file.read_text()) if call.begun >= before]


def in_order(found: list[Call], *steps: Callable[[Call], bool]) -> list[Call]:
    """One call for each step, each begun when the one before was done."""
    path: list[Call] = []
    for step in steps:
        after = path[-1].done if path else -1
        later = [call for call in found if call.begun > after and step(call)]
        assert later, f"after {[call.name for call in path]} step {len(path) + 1} of {len(steps)} never came"
        path.append(later[0])
    return path


def test_a_checkpoint_is_on_the_disk_before_its_row_and_its_row_before_the_answer(tmp_path: Path, strace: str) -> None:
    def upload(client: httpx.Client, model: str) -> httpx.Response:
        file = ("last.pt", a_checkpoint(3_000_000))
        return client.post(wire.upload(model), data={"epoch": "1", "type": "epoch"}, files={"last.pt": file})

    found = traced(tmp_path, strace, upload)
    steps = (syncs("/incoming/serve-[0-9a-f]+"), renames, syncs("/blobs"), commits, syncs("hub.sqlite-wal"), replies)
    path = in_order(found, *steps)
    assert [call for call in found if replies(call)] == [path[-1]]
    assert [call for call in found if renames(call)] == [path[1]]


def test_metrics_are_on_the_disk_before_the_answer(tmp_path: Path, strace: str) -> None:
    def post(client: httpx.Client, model: str) -> httpx.Response:
        return client.post(wire.model(model), json=a_posting({0: {"loss": 1.0}}))

    found = traced(tmp_path, strace, post)
    path = in_order(found, commits, syncs("hub.sqlite-wal"), replies)
    assert [call for call in found if replies(call)] == [path[-1]]


def test_a_start_makes_its_folders_durable(tmp_path: Path, strace: str) -> None:
    file = tmp_path / "trace"
    wrapper = (strace, "-D", "-f", "-y", "-e", f"trace={TRACED},mkdir,mkdirat", "-o", str(file))
    with a_hub_process(tmp_path / "hub", wrapper=wrapper) as hub:
        hub.stop()
    found = list(calls(file.read_text()))

    def makes(call: Call) -> bool:
        return call.name.startswith("mkdir") and "/hub/incoming" in call.text

    in_order(found, makes, syncs("/hub"))
    in_order(found, makes, syncs("/hub"), commits)
