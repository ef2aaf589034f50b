"""Reading the demo's hub, from outside the cluster, as any HUB client would."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from demo.cluster import Cluster
from demo.shell import DemoError, output

NAMESPACE = "hubtraining-system"
POD = "statefulset/hubtraining-hub"


@dataclass(frozen=True)
class Hub:
    """A hub behind `kubectl proxy`, and a key for it."""

    root: str
    key: str

    def get(self, path: str) -> Any:
        """The `data` of one reply."""
        return self._ask(path, None)

    def post(self, path: str, body: Any) -> Any:
        """The same for a body that is sent."""
        return self._ask(path, json.dumps(body).encode())

    def _ask(self, path: str, body: bytes | None) -> Any:
        headers = {"x-api-key": self.key, "content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.root + path, body, headers), timeout=30) as reply:
            return json.load(reply)["data"]

    def download(self, link: str) -> bytes:
        """A file behind one of the hub's links."""
        with urllib.request.urlopen(link, timeout=30) as reply:
            return bytes(reply.read())


def create_key(cluster: Cluster) -> str:
    """A key of the hub for the person at the screen."""
    printed = output(
        *cluster.kubectl, "-n", NAMESPACE, "exec", POD, "--", "hubtraining", "hub", "key", "create", "demo"
    )
    keys = re.findall(r"\b[A-Za-z0-9]{42}\b", printed)
    if not keys:
        raise DemoError("the hub printed no key; see `kubectl -n hubtraining-system logs " + POD + "`")
    return str(keys[-1])


def add_dataset(cluster: Cluster, name: str, archive: bytes) -> None:
    """Give the hub a data set; the same name again replaces it."""
    command = ("hubtraining", "hub", "dataset", "add", name, "-")
    output(*cluster.kubectl, "-n", NAMESPACE, "exec", "-i", POD, "--", *command, stdin=archive)


@contextmanager
def reached(cluster: Cluster, key: str) -> Iterator[Hub]:
    """The hub, reachable on loopback while the context lasts."""
    proxy = subprocess.Popen([*cluster.kubectl, "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        line = proxy.stdout.readline() if proxy.stdout else ""
        port = line.rsplit(":", 1)[-1].strip()
        service = f"/api/v1/namespaces/{NAMESPACE}/services/hubtraining-hub:http/proxy"
        yield Hub(root=f"http://127.0.0.1:{port}{service}", key=key)
    finally:
        proxy.terminate()
        proxy.wait()
        if proxy.stdout:
            proxy.stdout.close()
