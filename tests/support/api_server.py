"""A real API server for integration tests: started by whichever worker needs it first, stopped by the last."""

import base64
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = str(ROOT / "hack" / "cluster" / "cluster")
CRD = ROOT / "crds" / "hubtrainingsessions.yaml"
KEPT = "test-kept"
PATIENCE_SECONDS = 60

Body = dict[str, Any]
T = TypeVar("T")


def until(what: str, look: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """Look ten times a second until there is something; an AssertionError names what never came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not seen within {seconds:.0f} s: {what}")


@dataclass(frozen=True)
class Namespace:
    """A namespace of one test, and what a person would do in it."""

    api: "ApiServer"
    name: str

    def kubectl(self, *words: str, stdin: Body | None = None) -> str:
        return self.api.kubectl("-n", self.name, *words, stdin=stdin)

    def refused(self, *words: str, stdin: Body | None = None) -> str:
        """What kubectl says when it fails."""
        done = self.api.run("-n", self.name, *words, stdin=stdin)
        assert done.returncode != 0, f"kubectl {' '.join(words)} was expected to fail: {done.stdout}"
        return done.stderr

    def post(self, plural: str, body: Body, *, group: str = "", dry_run: bool = False) -> httpx.Response:
        """POST an object, such as ``post("pods", …)``; fields that the API server does not know are refused."""
        metadata = {**body["metadata"], "namespace": self.name}
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        return self.api.http.post(self.path(plural, group), json={**body, "metadata": metadata}, params=query)

    def path(self, plural: str, group: str = "") -> str:
        root = f"/apis/{group}" if group else "/api/v1"
        return f"{root}/namespaces/{self.name}/{plural}"


@dataclass(frozen=True)
class ApiServer:
    """The control plane with our CRD in it."""

    kubeconfig: Path
    program: str
    """kubectl."""
    http: httpx.Client
    """Speaks to the API server as an administrator."""

    @property
    def authority(self) -> str:
        """Whom to trust, in PEM."""
        cluster = json.loads(self.kubeconfig.read_text())["clusters"][0]["cluster"]
        return base64.b64decode(cluster["certificate-authority-data"]).decode()

    def audit(self) -> list[Body]:
        """Every request that was answered so far, the oldest first."""
        lines = (self.kubeconfig.parent / "logs" / "audit.json").read_text().splitlines()
        events = (json.loads(line) for line in lines if line.endswith("}"))
        return [event for event in events if event["stage"] == "ResponseComplete"]

    def run(self, *words: str, stdin: Body | None = None) -> "subprocess.CompletedProcess[str]":
        command = [self.program, f"--kubeconfig={self.kubeconfig}", *words]
        text = None if stdin is None else json.dumps(stdin)
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)

    def kubectl(self, *words: str, stdin: Body | None = None) -> str:
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    @contextmanager
    def namespace(self, **labels: str) -> Iterator[Namespace]:
        """A namespace of its own that pods can be created in."""
        name = f"test-{secrets.token_hex(5)}"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        self.http.post("/api/v1/namespaces", json=body).raise_for_status()
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        until("the service account", lambda: self.http.get(account).is_success)
        try:
            yield Namespace(self, name)
        finally:
            answer = self.http.delete(f"/api/v1/namespaces/{name}")
            assert answer.is_success or answer.status_code == 404, answer.text  # the test may have deleted it

    def install(self) -> None:
        """Our CRD, as it is in the checkout."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
        until("the resource", lambda: self.run("get", "hts", "--all-namespaces").returncode == 0)


@contextmanager
def api_server(owner: int) -> Iterator[ApiServer]:
    """The control plane that all workers of the process ``owner`` share.

    It is stopped when the last of them is done, unless HUBTRAINING_KEEP_CLUSTER leaves it for the next run.
    """
    keep = bool(os.environ.get("HUBTRAINING_KEEP_CLUSTER"))
    name = KEPT if keep else f"test-{owner}"
    with _in_use(name) as is_last:
        _sweep()
        try:
            _cluster("up", "--control-plane-only", "--audit", "--name", name)
            with _connected(name) as server:
                server.install()
                yield server
        finally:
            if not keep and is_last():
                _cluster("down", "--name", name)


@dataclass(frozen=True)
class ControlPlane:
    """A control plane of one test alone, whose parts may be killed."""

    name: str
    server: ApiServer

    def kill(self, *components: str) -> None:
        """As a crash would: ``etcd``, ``kube-apiserver`` and so on."""
        for component in components:
            pid = json.loads((_states() / self.name / "pids" / f"{component}.json").read_text())["pid"]
            os.kill(pid, signal.SIGKILL)

    def start(self) -> None:
        """What does not run."""
        _cluster("up", "--control-plane-only", "--audit", "--name", self.name)


@contextmanager
def own_control_plane(owner: int) -> Iterator[ControlPlane]:
    """A control plane that no other test uses."""
    name = f"test-{owner}-own"
    try:
        _cluster("up", "--control-plane-only", "--audit", "--name", name)
        with _connected(name) as server:
            server.install()
            yield ControlPlane(name, server)
    finally:
        _cluster("down", "--name", name)


@contextmanager
def _in_use(name: str) -> Iterator[Callable[[], bool]]:
    """Hold a file with all others who use this cluster; what is given tells whether nobody else does any more."""
    path = Path(tempfile.gettempdir()) / f"hubtraining-{name}.lock"
    handle = _shared(path)
    try:
        yield lambda: _alone(path, handle)
    finally:
        os.close(handle)


def _shared(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT)
        fcntl.flock(handle, fcntl.LOCK_SH)
        if path.exists() and os.path.samestat(path.stat(), os.fstat(handle)):
            return handle
        os.close(handle)  # its last holder removed it while we waited


def _alone(path: Path, handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    path.unlink()
    return True


def _sweep() -> None:
    """Take down what killed test runs left behind."""
    for folder in _states().glob("test-*"):
        found = re.fullmatch(r"test-(\d+)(-own)?", folder.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            _cluster("down", "--name", folder.name)


def _states() -> Path:
    given = os.environ.get("HUBTRAINING_STATE")
    return (
        Path(given) if given else Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "hubtraining"
    )


def _cluster(*words: str) -> str:
    done = subprocess.run([CLUSTER, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"cluster {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def _connected(name: str) -> Iterator[ApiServer]:
    exports = dict(re.findall(r'export (\w+)="([^"]*)"', _cluster("env", "--name", name)))
    kubeconfig = Path(exports["KUBECONFIG"])
    program = shutil.which("kubectl", path=exports["PATH"])
    assert program is not None
    config = json.loads(kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    with httpx.Client(
        base_url=cluster["server"], verify=_trust(cluster, config["users"][0]["user"]), timeout=30
    ) as http:
        yield ApiServer(kubeconfig, program, http)


def _trust(cluster: Body, user: Body) -> ssl.SSLContext:
    trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as file:
        for part in ("client-certificate-data", "client-key-data"):
            file.write(base64.b64decode(user[part]))
        file.flush()
        trust.load_cert_chain(file.name)
    return trust
