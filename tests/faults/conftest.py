"""What all fault tests play on."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.api_server import ApiServer
from support.api_server import api_server as started
from support.fault_stage import Stage, a_stage


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    """A control plane with our CRD."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    with started(os.getppid() if is_worker else os.getpid()) as server:
        yield server


@pytest.fixture
def stage(api_server: ApiServer, tmp_path: Path) -> Iterator[Stage]:
    """With nobody on it yet."""
    with api_server.namespace() as namespace, a_stage(namespace, tmp_path) as made:
        yield made


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a count."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", end="")

    return say
