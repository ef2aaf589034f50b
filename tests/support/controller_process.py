"""The controller as a process of its own, which can be stopped, frozen and killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from builders.hub_process import free_port
from prometheus_client.parser import text_string_to_metric_families

PATIENCE_SECONDS = 60


@dataclass
class ControllerProcess:
    """One ``hubtraining controller``; its log is a file of JSON lines."""

    process: "subprocess.Popen[bytes]"
    metrics_port: int
    reports_port: int
    log: Path
    name: str = ""
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=5))

    def kill(self) -> None:
        """SIGKILL, also for one that stands still."""
        self.process.kill()
        self.process.wait()
        self._http.close()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM, as the kubelet sends it; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def runs(self) -> bool:
        return self.process.poll() is None

    def get(self, path: str) -> httpx.Response:
        """From the port of metrics and probes."""
        return self._http.get(f"http://127.0.0.1:{self.metrics_port}{path}")

    def answers(self, path: str) -> bool:
        with suppress(httpx.TransportError):
            return self.get(path).is_success
        return False

    def samples(self) -> dict[str, float]:
        """What Prometheus would see, by name; those with labels are added up."""
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(self.get("/metrics").text):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    def leads(self) -> bool:
        with suppress(httpx.TransportError):
            return self.samples().get("hubtraining_leader") == 1
        return False

    def report(self) -> int:
        """How a report without a token is answered: 503 by those who do not lead."""
        return self._http.post(f"http://127.0.0.1:{self.reports_port}/v1/reports", json={}).status_code

    def lines(self) -> list[dict[str, Any]]:
        """The log; what is no JSON was not written by our logging and is worth a look."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def messages(self) -> list[str]:
        return [line["message"] for line in self.lines()]

    def tracebacks(self) -> list[str]:
        """Everything in the log that looks like a crash."""
        own = [line["exception"] for line in self.lines() if "exception" in line]
        text = self.log.read_text()
        return own + ([text] if "Traceback" in text and not own else [])


def start(folder: Path, environ: Mapping[str, str], name: str = "controller", ready: bool = True) -> ControllerProcess:
    """A controller with these settings, ports of its own, and a log in the folder."""
    ports = {"HUBTRAINING_METRICS_PORT": free_port(), "HUBTRAINING_REPORTS_PORT": free_port()}
    log = folder / f"{name}.log"
    told = {**inherited(), **environ, **{key: str(port) for key, port in ports.items()}}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hubtraining", "controller"], env=told, stdout=output, stderr=output
        )
    made = ControllerProcess(process, ports["HUBTRAINING_METRICS_PORT"], ports["HUBTRAINING_REPORTS_PORT"], log, name)
    if ready:
        wait_until_ready(made)
    return made


def inherited() -> dict[str, str]:
    """What a controller sees of this process's environment: nothing that says how to reach an API server."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HUBTRAINING_", "KUBERNETES_")) and name != "KUBECONFIG"
    }


def wait_until_ready(controller: ControllerProcess) -> None:
    """Raises AssertionError with the log when that does not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and controller.runs():
        if controller.answers("/readyz"):
            return
        time.sleep(0.05)
    text = controller.log.read_text()
    controller.kill()
    raise AssertionError(f"the controller did not become ready, exit code {controller.process.returncode}:\n{text}")


@contextmanager
def a_controller(
    folder: Path, environ: Mapping[str, str], name: str = "controller", ready: bool = True
) -> Iterator[ControllerProcess]:
    """A controller while the context lasts."""
    controller = start(folder, environ, name, ready)
    try:
        yield controller
    finally:
        controller.kill()
