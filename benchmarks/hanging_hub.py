"""How fast training goes beside an agent whose hub accepts every connection and never answers, and without any agent.

Run: ``python benchmarks/hanging_hub.py [rounds] [epochs] [MiB]``. A trainer keeps every core busy for about a second,
then writes a row of results.csv, last.pt and best.pt of so many MiB into the run folder, as Ultralytics does; the agent
is a process that watches it. Rounds with and without it take turns, each time the other one first, so that what else
the machine does befalls both. Prints epochs per second, the ratio of their medians, and the agents' processor time: its
share of all cores is a bound that does not suffer from what else the machine does.
"""

import argparse
import hashlib
import io
import multiprocessing
import os
import pickle
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing.pool import Pool
from pathlib import Path

from hubtraining.domain.layout import Assignment, HubAccess

COLUMNS = ("epoch", "time", "train/box_loss", "val/box_loss", "metrics/mAP50(B)", "metrics/mAP50-95(B)")
EPOCH_SECONDS = 1.0
BLOCK = bytes(1 << 16)


class HangingHub:
    """Accepts, and never reads nor answers."""

    def __init__(self) -> None:
        self.held: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def _accept(self) -> None:
        while True:
            self.held.append(self._listener.accept()[0])


def work(blocks: int) -> str:
    """What one core does in an epoch."""
    digest = hashlib.sha256()
    for _ in range(blocks):
        digest.update(BLOCK)
    return digest.hexdigest()


def calibrated(pool: Pool, cores: int) -> int:
    """How many blocks every core works off in the seconds of an epoch."""
    blocks = 2000
    begun = time.perf_counter()
    pool.map(work, [blocks] * cores)
    return int(blocks * EPOCH_SECONDS / (time.perf_counter() - begun))


def checkpoint(epoch: int, size: int) -> bytes:
    """A stored zip, as ``torch.save`` makes it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("last/data.pkl", pickle.dumps({"epoch": epoch, "model": None}, protocol=2))
        archive.writestr("last/data/0", os.urandom(size))
    return held.getvalue()


def train(run: Path, pool: Pool, blocks: int, cores: int, epochs: int, size: int) -> float:
    """Epochs per second of one run."""
    (run / "weights").mkdir(parents=True)
    (run / "results.csv").write_text(",".join(COLUMNS) + "\n")
    begun = time.perf_counter()
    for epoch in range(1, epochs + 1):
        pool.map(work, [blocks] * cores)
        with (run / "results.csv").open("a") as table:
            table.write(f"{epoch},{epoch},{1 / epoch},{2 / epoch},0.5,0.4\n")
        content = checkpoint(epoch - 1, size)
        for name in ("last.pt", "best.pt"):
            (run / "weights" / name).write_bytes(content)
    return epochs / (time.perf_counter() - begun)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def processor_seconds(pid: int) -> float:
    """Of a process, until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def an_agent(folder: Path, hub: HangingHub, used: list[float]) -> Iterator[None]:
    """The agent as its pod would start it: it runs, and waits for its hub, before training begins.

    ``used``: there its processor seconds from then on are added.
    """
    for name in ("workspace/.hubtraining", "journal", "secrets/hub"):
        (folder / name).mkdir(parents=True)
    (folder / "secrets/hub/api-key").write_text("benchmark")
    (folder / "workspace/.hubtraining/begun-benchmark-1").write_text("{}")  # as fetch leaves it
    url, port = f"http://127.0.0.1:{hub.port}", free_port()
    told = {
        "HUBTRAINING_ASSIGNMENT": Assignment(
            "team", "signs", "benchmark", 1, HubAccess(url, "model", "key"), reports_url=f"{url}/v1/reports"
        ).to_json(),
        "HUBTRAINING_WORKSPACE": str(folder / "workspace"),
        "HUBTRAINING_JOURNAL": str(folder / "journal"),
        "HUBTRAINING_SECRETS": str(folder / "secrets"),
        "HUBTRAINING_TERMINATION_LOG": str(folder / "termination.log"),
        "HUBTRAINING_AGENT_PORT": str(port),
    }
    before = len(hub.held)
    command = [sys.executable, "-m", "hubtraining", "agent"]
    with subprocess.Popen(command, env={**os.environ, **told}, stderr=subprocess.DEVNULL) as agent:
        deadline = time.monotonic() + 60
        while not answers(port) or len(hub.held) == before:
            if time.monotonic() > deadline:
                raise SystemExit("the agent did not call its hub within 60 s")
            time.sleep(0.05)
        begun = processor_seconds(agent.pid)
        try:
            yield
            used.append(processor_seconds(agent.pid) - begun)
        finally:
            agent.kill()


def measure(rounds: int, epochs: int, size: int) -> None:
    """All rounds, and what they say."""
    cores, hub = os.cpu_count() or 1, HangingHub()
    rates: dict[bool, list[float]] = {True: [], False: []}
    used: list[float] = []
    with multiprocessing.Pool(cores) as pool:
        blocks = calibrated(pool, cores)
        for number in range(rounds):
            for beside in (True, False) if number % 2 else (False, True):
                with tempfile.TemporaryDirectory() as name:
                    folder = Path(name)
                    with an_agent(folder, hub, used) if beside else nullcontext():
                        rates[beside].append(train(folder / "workspace/run", pool, blocks, cores, epochs, size))
                print(f"{'with' if beside else 'without'} agent: {rates[beside][-1]:.3f} epochs/s", flush=True)
    tell(rates, used, epochs, cores)
    print(f"{len(hub.held)} connections of the agents were accepted, and never answered")


def tell(rates: dict[bool, list[float]], used: list[float], epochs: int, cores: int) -> None:
    """The medians, their ratio, and that of each round."""
    one, other = (statistics.median(rates[beside]) for beside in (True, False))
    pairs = [with_it / without for with_it, without in zip(rates[True], rates[False], strict=True)]
    share = sum(used) / sum(epochs / rate for rate in rates[True]) / cores
    print(f"{len(pairs)} rounds of {epochs} epochs: with agent {one:.3f}, without {other:.3f} epochs/s")
    print(f"ratio of medians {one / other:.3f}; of the rounds {' '.join(f'{pair:.3f}' for pair in pairs)}")
    print(f"the agents used {share:.2%} of the {cores} cores while training went on")


def main() -> None:
    """Read the numbers, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=8)
    parser.add_argument("epochs", type=int, nargs="?", default=15)
    parser.add_argument("mebibytes", type=int, nargs="?", default=6)
    given = parser.parse_args()
    measure(given.rounds, given.epochs, given.mebibytes << 20)


if __name__ == "__main__":
    main()
