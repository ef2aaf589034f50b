"""How fast and how small our client uploads a checkpoint over loopback, beside ``curl -F`` of the same file.

Run: ``python benchmarks/upload.py [MiB] [rounds]``. Two servers take the file: our hub, which stores and verifies it,
and a sink that throws it away, which shows the clients alone. Prints medians of rates, their ratio, and the highest
resident memory of the client's process. Needs curl, and three times the file's size of free disk.
"""

import argparse
import asyncio
import hashlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubtraining.hub.client import HubClient
from hubtraining.hub.credentials import fixed
from hubtraining.hub.uploads import CheckpointUpload

KEY_HEADER = "x-api-key"
SINK_MODEL = "Zk3n5Qw8Rt1Yb7Uc2Xm4"


async def upload(url: str, key: str, model: str, file: Path, sha256: str) -> None:
    """What one client process does: upload, then print seconds and MiB of memory."""
    async with HubClient.open(url, fixed(key)) as client:
        started = time.perf_counter()
        await client.upload_checkpoint(model, CheckpointUpload(file, 1, sha256=sha256))
        seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "MiB": highest_memory()}))


def highest_memory() -> float:
    """MiB of this process at its largest."""
    high = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(high.split()[1]) / 1024


async def sink(port: int) -> None:
    """Take every body, keep nothing, answer as a hub does."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        left = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        if b"expect: 100-continue" in head:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while left:
            left -= len(await reader.read(min(left, 1 << 20)))
        body = b'{"success": true}'
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port, limit=1 << 20) as server:
        await server.serve_forever()


def make_checkpoint(path: Path, mebibytes: int) -> str:
    """A stored zip of random pieces; its SHA-256."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("last/data.pkl", b"")
        for number in range(mebibytes):
            archive.writestr(f"last/data/{number}", os.urandom(1 << 20))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def by_client(url: str, key: str, model: str, file: Path, sha256: str) -> tuple[float, float]:
    """Seconds and MiB of our client in a process of its own, as the image has it: without rich and pygments."""
    without = "import sys, runpy; sys.modules['rich'] = sys.modules['pygments'] = None"
    start = f"{without}; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    command = [sys.executable, "-c", start, __file__, "--client", url, key, model, str(file), sha256]
    result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return result["seconds"], result["MiB"]


def by_curl(url: str, key: str, model: str, file: Path) -> float:
    """Seconds of ``curl -F``."""
    form = ["-F", "epoch=0", "-F", "type=epoch", "-F", "isBest=False", "-F", f"last.pt=@{file};filename=last.pt"]
    command = ["curl", "-sSf", "-o", os.devnull, "-w", "%{time_total}", "-H", f"{KEY_HEADER}: {key}", *form]
    return float(subprocess.run([*command, f"{url}/v1/models/{model}/upload"], check=True, capture_output=True).stdout)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def server(*command: str, port: int) -> Iterator[str]:
    """A server's root, while the context lasts."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@contextmanager
def a_hub(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Our hub's root, a key, and a model."""
    hub, port = [sys.executable, "-m", "hubtraining", "hub", "--data", str(folder)], free_port()
    with server(*hub, "--host", "127.0.0.1", "--port", str(port), port=port) as url:
        made = subprocess.run([*hub, "key", "create", "benchmark"], check=True, capture_output=True)
        key = made.stdout.decode().split()[-1]
        body = json.dumps({"meta": {"name": "benchmark"}, "dataset": {"name": "none"}, "config": {}}).encode()
        headers = {KEY_HEADER: key, "content-type": "application/json"}
        request = urllib.request.Request(f"{url}/v1/models", body, headers)
        with urllib.request.urlopen(request) as answer:
            yield url, key, json.load(answer)["data"]["id"]


@contextmanager
def a_sink() -> Iterator[tuple[str, str, str]]:
    """The sink's root, and a key and a model that it does not look at."""
    port = free_port()
    with server(sys.executable, __file__, "--sink", str(port), port=port) as url:
        yield url, "x" * 42, SINK_MODEL


def compare(name: str, where: tuple[str, str, str], file: Path, sha256: str, rounds: int) -> None:
    """Upload in turns and print one line."""
    ours, memory, curls = [], [], []
    for _ in range(rounds):
        seconds, mebibytes = by_client(*where, file, sha256)
        ours.append(seconds)
        memory.append(mebibytes)
        curls.append(by_curl(*where, file))
    size = file.stat().st_size / 2**20
    rate, peer = size / statistics.median(ours), size / statistics.median(curls)
    print(f"{name:5} client {rate:6.0f} MiB/s  curl {peer:6.0f} MiB/s", end="  ")
    print(f"ratio {rate / peer:.2f}  memory {max(memory):.1f} MiB")


def main() -> None:
    """Choose what to be: the benchmark, or one of its processes."""
    if sys.argv[1:2] == ["--client"]:
        url, key, model, file, sha256 = sys.argv[2:]
        asyncio.run(upload(url, key, model, Path(file), sha256))
    elif sys.argv[1:2] == ["--sink"]:
        asyncio.run(sink(int(sys.argv[2])))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("mebibytes", nargs="?", type=int, default=1024)
        parser.add_argument("rounds", nargs="?", type=int, default=5)
        run(**vars(parser.parse_args()))


def run(mebibytes: int, rounds: int) -> None:
    """The benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "last.pt")
        sha256 = make_checkpoint(file, mebibytes)
        with a_sink() as where:
            compare("sink", where, file, sha256, rounds)
        with a_hub(Path(folder, "hub")) as where:
            compare("hub", where, file, sha256, rounds)


if __name__ == "__main__":
    main()
