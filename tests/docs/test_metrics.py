"""docs/metrics.md tells what the programs serve, and nothing else."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import prometheus_client
import pytest
from builders.hub_process import a_hub_process, free_port
from builders.pages import DOCS, section
from kubernetes.aio.client.configuration import Configuration

from hubtraining.controller.runtime import Runtime
from hubtraining.controller.settings import ControllerSettings
from hubtraining.domain.layout import Assignment, HubAccess

PAGE = DOCS / "metrics.md"
START_SECONDS = 60
HISTOGRAM = ("_bucket", "_sum", "_count")


def documented(heading: str) -> dict[str, str]:
    """Names and types in one of the page's tables."""
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section(PAGE, heading), re.MULTILINE))


def served(text: str) -> dict[str, str]:
    """Names and types in an exposition."""
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))


@pytest.fixture
def no_created_series() -> Iterator[None]:
    """As the controller's program has it."""
    prometheus_client.disable_created_metrics()
    yield
    prometheus_client.enable_created_metrics()


@contextmanager
def an_agent_process(folder: Path) -> Iterator[str]:
    """The root of an agent's HTTP server; its hub is not there."""
    port = free_port()
    assignment = Assignment("team", "signs", "uid", 1, HubAccess("http://127.0.0.1:1", "model", "key"), reports_url="")
    places = {f"HUBTRAINING_{name}": str(folder / name.lower()) for name in ("WORKSPACE", "JOURNAL", "SECRETS")}
    told = {
        "HUBTRAINING_ASSIGNMENT": assignment.to_json(),
        "HUBTRAINING_AGENT_PORT": str(port),
        "HUBTRAINING_TERMINATION_LOG": str(folder / "termination.log"),
    }
    command = [sys.executable, "-m", "hubtraining", "agent"]
    agent = subprocess.Popen(command, env={**os.environ, **places, **told}, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/startup")
        yield f"http://127.0.0.1:{port}"
    finally:
        agent.send_signal(signal.SIGKILL)
        agent.wait()


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"nobody answers at {url}")


@pytest.mark.usefixtures("no_created_series")
def test_the_page_names_what_the_controller_serves() -> None:
    settings = ControllerSettings.from_env({"HUBTRAINING_NAMESPACE": "operator", "HUBTRAINING_IMAGE": "image:1"})
    text = prometheus_client.generate_latest(Runtime(settings, Configuration()).metrics.registry).decode()
    assert documented("Controller") | documented("Sessions") == served(text)


def test_the_page_names_what_the_hub_serves(tmp_path: Path) -> None:
    with a_hub_process(tmp_path) as hub:
        httpx.post(f"{hub.url}/v1/auth")
        text = httpx.get(f"{hub.url}/metrics").text
    assert documented("Hub") == served(text)


def test_the_page_names_what_an_agent_serves(tmp_path: Path) -> None:
    with an_agent_process(tmp_path) as url:
        text = httpx.get(f"{url}/metrics").text
    assert documented("Agent") == served(text)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_pages_name_no_metric_that_is_not_served(page: Path) -> None:
    tables = [documented(heading) for heading in ("Controller", "Sessions", "Agent", "Hub")]
    known = {name: kind for table in tables for name, kind in table.items()}
    samples = {name + suffix for name, kind in known.items() if kind == "histogram" for suffix in HISTOGRAM}
    words = set(re.findall(r"\bhubtraining_[a-z_]*[a-z]\b", page.read_text()))
    assert words - known.keys() - samples == set()
