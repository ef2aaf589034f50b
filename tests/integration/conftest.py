"""The real API server, shared by all workers of a test run; each test gets a namespace of its own."""

import os
from collections.abc import Iterator

import pytest
from support.api_server import ApiServer, Namespace
from support.api_server import api_server as started


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    """A control plane with our CRD; ``api_server.kubeconfig`` is the way in for programs."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    with started(os.getppid() if is_worker else os.getpid()) as server:
        yield server


@pytest.fixture
def namespace(api_server: ApiServer) -> Iterator[Namespace]:
    """An empty namespace."""
    with api_server.namespace() as made:
        yield made


@pytest.fixture
def restricted(api_server: ApiServer) -> Iterator[Namespace]:
    """An empty namespace that enforces the Pod Security standard "restricted"."""
    with api_server.namespace(**{"pod-security.kubernetes.io/enforce": "restricted"}) as made:
        yield made
