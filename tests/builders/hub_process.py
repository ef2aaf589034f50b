"""The hub as a process of its own, which can be killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

START_SECONDS = 60


@dataclass
class HubProcess:
    """A served data folder. ``url`` is its root."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def log(self) -> Path:
        """What it says, beside its data."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def kill(self) -> None:
        """As a power cut would, but for the page cache."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As the kubelet would; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_SECONDS)


def hub_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hubtraining", "hub", *arguments]


def run_hub_command(folder: Path, *arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """A command of the hub's owner on a data folder."""
    environ = {**os.environ, "HUBTRAINING_HUB_DATA": str(folder)}
    return subprocess.run(hub_command(*arguments), input=stdin, capture_output=True, env=environ, check=False)


def create_key(folder: Path) -> str:
    return run_hub_command(folder, "key", "create", "test").stdout.decode().strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(
    folder: Path,
    port: int,
    environ: Mapping[str, str] = {},
    wrapper: tuple[str, ...] = (),
    host: str = "127.0.0.1",
) -> HubProcess:
    """A hub that may not answer yet; ``wrapper`` is a command that runs it."""
    command = [*wrapper, *hub_command("--data", str(folder), "--host", host, "--port", str(port))]
    log = folder.with_name(f"{folder.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(command, env={**os.environ, **environ}, stderr=output)
    return HubProcess(folder, port, process, host)


def start(
    folder: Path,
    port: int | None = None,
    environ: Mapping[str, str] = {},
    wrapper: tuple[str, ...] = (),
    host: str = "127.0.0.1",
) -> HubProcess:
    """A hub that answers."""
    hub = launch(folder, port or free_port(), environ, wrapper, host)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and hub.process.poll() is None:
        try:
            if httpx.get(f"{hub.url}/readyz", timeout=5).is_success:
                return hub
        except httpx.TransportError:
            time.sleep(0.02)
    hub.kill()
    raise AssertionError(f"the hub did not start: exit code {hub.process.returncode}\n{hub.log.read_text()}")


@contextmanager
def a_hub_process(
    folder: Path, environ: Mapping[str, str] = {}, wrapper: tuple[str, ...] = (), host: str = "127.0.0.1"
) -> Iterator[HubProcess]:
    """A hub while the context lasts."""
    hub = start(folder, environ=environ, wrapper=wrapper, host=host)
    try:
        yield hub
    finally:
        hub.kill()
