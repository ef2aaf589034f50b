"""The API server of the cluster that the hub runs in."""

import ssl
from collections.abc import Generator, Mapping
from pathlib import Path

import httpx

from hubtraining.hub.settings import SettingsError

ACCOUNT_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_SECONDS = 10.0


class NoCluster(SettingsError):
    """Tokens cannot be checked here."""


class AccountToken(httpx.Auth):
    """The hub's own token, read again for each call: the kubelet replaces it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._file.read_text().strip()}"
        yield request


def in_cluster_api(environ: Mapping[str, str], folder: Path = ACCOUNT_FOLDER) -> httpx.AsyncClient:
    """A client of the API server of the cluster that this process runs in; raises NoCluster outside of one."""
    host = environ.get("KUBERNETES_SERVICE_HOST", "")
    if not host:
        raise NoCluster("HUBTRAINING_HUB_CLUSTER is true, but KUBERNETES_SERVICE_HOST is not set: this is no pod")
    port = environ.get("KUBERNETES_SERVICE_PORT", "443")
    root = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return httpx.AsyncClient(
        base_url=root,
        auth=AccountToken(folder / "token"),
        verify=ssl.create_default_context(cafile=folder / "ca.crt"),
        timeout=TIMEOUT_SECONDS,
        trust_env=False,
    )
