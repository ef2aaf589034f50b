"""How much memory the agent holds while it snapshots and uploads a large checkpoint to our hub over loopback.

Run: ``python benchmarks/agent_memory.py [MiB]``. Prints resident memory at rest, at its highest, and the upload's rate.
Everything is real: processes, files, sockets. Needs three times the checkpoint's size of free disk.
"""

import argparse
import asyncio
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from hubtraining.domain.layout import Assignment, HubAccess
from hubtraining.hub.client import HubClient
from hubtraining.hub.credentials import fixed

MEMBERS = 1000


def make_checkpoint(path: Path, size: int) -> None:
    """A stored zip of as many tensors as an x-size model has."""
    path.parent.mkdir(parents=True)
    piece = os.urandom(size // MEMBERS)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("last/data.pkl", pickle.dumps({"epoch": 0, "model": None}, protocol=2))
        for number in range(MEMBERS):
            archive.writestr(f"last/data/{number}", piece)


def resident(pid: int, field: str) -> float:
    """MiB of a process's memory, by the name of a line in its status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def program(*arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
    """One of our programs, as the image has it: without rich and pygments, which httpx imports where they are there."""
    start = "import sys; sys.modules['rich'] = sys.modules['pygments'] = None; from hubtraining.cli import main; main()"
    return subprocess.Popen([sys.executable, "-c", start, *arguments], env={**os.environ, **environment})


async def create_model(url: str, key: str) -> str:
    """A model to write to."""
    async with HubClient.open(url, fixed(key)) as client:
        return (await client.create({"meta": {"name": "benchmark"}, "dataset": {"name": "none"}, "config": {}})).id


def wait_until(what: str, is_so: Callable[[], bool], seconds: float = 300) -> None:
    """Look every 20 ms."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def environment(folder: Path, model_id: str, port: int, key: str) -> dict[str, str]:
    """What the agent's pod would tell it."""
    for name in ("workspace/run", "workspace/.hubtraining", "journal", "secrets/hub"):
        (folder / name).mkdir(parents=True)
    (folder / "secrets/hub/api-key").write_text(key)
    (folder / "workspace/.hubtraining/begun-benchmark-1").write_text("{}")  # as fetch leaves it
    hub = HubAccess(f"http://127.0.0.1:{port}", model_id, "key")
    return {
        "HUBTRAINING_ASSIGNMENT": Assignment("team", "signs", "benchmark", 1, hub, reports_url="").to_json(),
        "HUBTRAINING_WORKSPACE": str(folder / "workspace"),
        "HUBTRAINING_JOURNAL": str(folder / "journal"),
        "HUBTRAINING_SECRETS": str(folder / "secrets"),
        "HUBTRAINING_TERMINATION_LOG": str(folder / "termination.log"),
        "HUBTRAINING_AGENT_PORT": str(free_port()),
        "HUBTRAINING_LOG_FORMAT": "plain",
    }


def measure(folder: Path, size: int) -> None:
    """One upload, from a file that appears to a hub that has it."""
    data, port = str(folder / "hub"), free_port()
    make = [sys.executable, "-m", "hubtraining", "hub", "--data", data, "key", "create", "benchmark"]
    key = subprocess.run(make, capture_output=True, text=True, check=True).stdout.strip()
    with program("hub", "--data", data, "--host", "127.0.0.1", "--port", str(port)) as hub:
        wait_until("the hub", lambda: answers(port))
        told = environment(folder, asyncio.run(create_model(f"http://127.0.0.1:{port}", key)), port, key)
        make_checkpoint(folder / "made/last.pt", size)
        with program("agent", **told) as agent:
            wait_until("the agent", lambda: answers(int(told["HUBTRAINING_AGENT_PORT"])))
            time.sleep(3)
            at_rest, started = resident(agent.pid, "VmRSS"), time.monotonic()
            (folder / "made").rename(folder / "workspace/run/weights")
            outcome = folder / "termination.log"
            wait_until("the upload", lambda: '"uploaded":1' in outcome.read_text())
            seconds, highest = time.monotonic() - started, resident(agent.pid, "VmHWM")
            agent.send_signal(signal.SIGTERM)
        hub.send_signal(signal.SIGTERM)
    print(f"checkpoint {size >> 20} MiB: agent at rest {at_rest:.1f} MiB, at its highest {highest:.1f} MiB")
    print(f"from the file's appearance to the hub's answer: {seconds:.1f} s ({size / seconds / 2**20:.0f} MiB/s)")


def main() -> None:
    """Measure in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mebibytes", type=int, nargs="?", default=1024)
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), parser.parse_args().mebibytes << 20)


if __name__ == "__main__":
    main()
