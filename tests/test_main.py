"""The beginning of every program, seen from outside: as process 1, like in a container."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hubtraining.domain.layout import ENV_ASSIGNMENT, Assignment, HubAccess, Input

FETCH = [sys.executable, "-m", "hubtraining", "fetch"]
PRIVATE = ["unshare", "--pid", "--fork", "--kill-child"]

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="a process namespace of one's own needs root"
)


@contextmanager
def silent_hub() -> Iterator[socket.socket]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def child_of(parent: int) -> int:
    """The one process that ``unshare`` started."""
    path = Path(f"/proc/{parent}/task/{parent}/children")
    deadline = time.monotonic() + 30
    while not (children := path.read_text().split()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(children[0])


def test_fetch_leaves_on_term_although_it_is_process_1_and_its_hub_is_silent(tmp_path: Path) -> None:
    with silent_hub() as listener:
        hub = HubAccess(f"http://127.0.0.1:{listener.getsockname()[1]}", "m" * 20, "key")
        work = Assignment("team", "signs", "uid", 1, hub, "", inputs=(Input("parent", "/workspace/inputs/a.pt"),))
        (tmp_path / "hub").mkdir()
        (tmp_path / "hub" / "api-key").write_text("k" * 42)
        environ = {
            **os.environ,
            ENV_ASSIGNMENT: work.to_json(),
            "HUBTRAINING_WORKSPACE": str(tmp_path),
            "HUBTRAINING_SECRETS": str(tmp_path),
        }
        with subprocess.Popen([*PRIVATE, *FETCH], env=environ) as process:
            connection, _ = listener.accept()
            with connection:
                os.kill(child_of(process.pid), signal.SIGTERM)
                assert process.wait(30) == 128 + signal.SIGTERM
