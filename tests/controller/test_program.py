"""The program ``hubtraining controller``: how it begins, and how it ends when it cannot."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from builders.hub_process import free_port

LEAST = {"HUBTRAINING_NAMESPACE": "system", "HUBTRAINING_IMAGE": "example/hubtraining:1"}
SECONDS = 60


def environ(folder: Path, **more: str) -> dict[str, str]:
    """With a kubeconfig of an API server that is not there, and ports of its own."""
    file = folder / "kubeconfig"
    config = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{free_port()}"}}],
        "users": [{"name": "u", "user": {"token": "canary-token"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(json.dumps(config))
    ports = {"HUBTRAINING_METRICS_PORT": str(free_port()), "HUBTRAINING_REPORTS_PORT": str(free_port())}
    own = {name: value for name, value in os.environ.items() if not name.startswith(("HUBTRAINING_", "KUBE"))}
    return {**own, **LEAST, "KUBECONFIG": str(file), **ports, **more}


def run(variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hubtraining", "controller"]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.fixture
def running(tmp_path: Path) -> Iterator["tuple[subprocess.Popen[str], int]"]:
    """A controller whose API server is away, and the port of its probes."""
    variables = environ(tmp_path)
    command = [sys.executable, "-m", "hubtraining", "controller"]
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as process:
        yield process, int(variables["HUBTRAINING_METRICS_PORT"])
        process.kill()


def test_settings_that_are_wrong_are_named_without_a_traceback(tmp_path: Path) -> None:
    done = run(environ(tmp_path, HUBTRAINING_IMAGE="", HUBTRAINING_WORKERS="many"))
    assert done.returncode == 2
    assert done.stderr == (
        "hubtraining controller: HUBTRAINING_WORKERS is 'many', but must be a whole number from 1 to 256; "
        "HUBTRAINING_IMAGE must be set\n"
    )


def test_without_a_cluster_it_ends_with_a_sentence(tmp_path: Path) -> None:
    done = run(environ(tmp_path, KUBECONFIG="/nonexistent"))
    assert done.returncode == 2
    assert json.loads(done.stderr)["message"] == "there is no kubeconfig /nonexistent"


def test_a_port_that_is_taken_ends_it_with_the_reason(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        done = run(environ(tmp_path, HUBTRAINING_METRICS_PORT=str(taken.getsockname()[1])))
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert "canary-token" not in done.stderr


def test_an_api_server_that_is_away_is_waited_for_and_not_called_ready(
    running: "tuple[subprocess.Popen[str], int]",
) -> None:
    process, port = running
    assert until_answered(port, "/healthz") == 200
    assert until_answered(port, "/readyz") == 503
    assert process.poll() is None


def test_it_leaves_on_sigterm_though_the_api_server_is_away(running: "tuple[subprocess.Popen[str], int]") -> None:
    process, port = running
    until_answered(port, "/healthz")
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0


def until_answered(port: int, path: str) -> int:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"{path} was never answered")
