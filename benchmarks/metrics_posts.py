"""How many durable metrics posts our hub takes on one core.

Run: ``python benchmarks/metrics_posts.py [connections] [seconds]``. The hub is a process bound to one core; as many
agents as there are connections post an epoch of twelve values each, again and again, from another core. Every post is
on the disk before it is answered. Prints posts in a second of the clock, and in a second of the hub's processor time:
the second does not suffer from what else the machine does.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

NAMES = [
    "train/box_loss", "train/cls_loss", "train/dfl_loss", "val/box_loss", "val/cls_loss", "val/dfl_loss",
    "metrics/precision(B)", "metrics/recall(B)", "metrics/mAP50(B)", "metrics/mAP50-95(B)", "lr/pg0", "lr/pg1",
]  # fmt: skip
CREATION = {"meta": {"name": "benchmark"}, "dataset": {"name": "none"}, "config": {}}


def request(path: str, key: str, epoch: int) -> bytes:
    """One post as an agent sends it."""
    values = {name: round(0.7 + epoch / 1e6, 5) for name in NAMES}
    body = json.dumps({"metrics": {str(epoch): json.dumps(values)}, "type": "metrics"}).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: hub\r\nx-api-key: {key}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


async def agent(port: int, path: str, key: str, until: float) -> list[float]:
    """Post until then; the seconds that each took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took, epoch = [], 0
    while time.perf_counter() < until:
        begun = time.perf_counter()
        writer.write(request(path, key, epoch))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode())
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        took.append(time.perf_counter() - begun)
        epoch += 1
    writer.close()
    return took


async def load(port: int, key: str, connections: int, seconds: float) -> list[float]:
    """All agents, each with a model of its own."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": key}) as client:
        made = [(await client.post("/v1/models", json=CREATION)).json()["data"]["id"] for _ in range(connections)]
    until = time.perf_counter() + seconds
    results = await asyncio.gather(*(agent(port, f"/v1/models/{model}", key, until) for model in made))
    return sorted(took for result in results for took in result)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def a_hub(folder: str, core: int) -> Iterator[tuple[int, int, str]]:
    """A hub bound to one core: its process, port and a key."""
    hub, port = [sys.executable, "-m", "hubtraining", "hub", "--data", folder], free_port()
    key = subprocess.run([*hub, "key", "create", "benchmark"], check=True, capture_output=True).stdout.decode().strip()
    with subprocess.Popen([*hub, "--host", "127.0.0.1", "--port", str(port)], stderr=subprocess.DEVNULL) as process:
        try:
            os.sched_setaffinity(process.pid, {core})
            while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
                time.sleep(0.1)
            for thread in Path(f"/proc/{process.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {core})
            yield process.pid, port, key
        finally:
            process.terminate()


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("connections", nargs="?", type=int, default=64)
    parser.add_argument("seconds", nargs="?", type=float, default=10)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder, a_hub(folder, cores[-1]) as (pid, port, key):
        os.sched_setaffinity(0, {cores[0]})
        asyncio.run(load(port, key, options.connections, 1))
        used = processor_seconds(pid)
        took = asyncio.run(load(port, key, options.connections, options.seconds))
        used = processor_seconds(pid) - used
    half, most = (statistics.quantiles(took, n=100)[place] * 1e3 for place in (49, 98))
    rate, efficiency = len(took) / options.seconds, len(took) / used
    print(f"{options.connections} connections, {options.seconds:g} s: {rate:.0f} durable posts/s,", end=" ")
    print(f"{efficiency:.0f} in a second of processor time; half within {half:.0f} ms, 99 % within {most:.0f} ms")


if __name__ == "__main__":
    main()
