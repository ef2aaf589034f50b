"""A whole installation on the local cluster, as `make demo` makes it, for the end-to-end tests."""

import json
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

from demo import cluster as clusters
from demo import hub as hubs
from demo import program
from demo.cluster import Cluster
from demo.hub import Hub
from demo.shell import ROOT, output

Body = dict[str, Any]
T = TypeVar("T")
EXAMPLE: Body = yaml.safe_load((ROOT / "examples" / "session.yaml").read_text())
SYSTEM = hubs.NAMESPACE
CLAIM = "files"
PATIENCE_SECONDS = 300


def until(what: str, look: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """Look twice a second until there is something; an AssertionError names what never came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError(f"not seen within {seconds:.0f} s: {what}")


@dataclass(frozen=True)
class Site:
    """The cluster with everything installed, and what a person would type at it."""

    cluster: Cluster
    state: Path
    trainer_image: str
    key: str
    hub: Hub
    namespace: str = "e2e"

    def kubectl(self, *words: str, stdin: bytes | None = None, namespace: str | None = None) -> str:
        return output(*self.cluster.kubectl, "-n", namespace or self.namespace, *words, stdin=stdin)

    def get(self, *words: str, namespace: str | None = None) -> Body:
        return dict(json.loads(self.kubectl("get", *words, "-o", "json", namespace=namespace)))

    def items(self, *words: str) -> list[Body]:
        return list(self.get(*words)["items"])

    def apply(self, body: Body) -> None:
        self.kubectl("apply", "-f", "-", stdin=json.dumps(body).encode())

    def session(self, name: str, **spec: Any) -> Body:
        """The example under another name, with some stanzas replaced or (dicts) merged."""
        merged = dict(EXAMPLE["spec"])
        merged["trainer"] = {**merged["trainer"], "image": self.trainer_image}
        for key, value in spec.items():
            merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
        return {**EXAMPLE, "metadata": {"name": name}, "spec": merged}

    def status(self, name: str) -> Body:
        return dict(self.get("hubtrainingsession", name).get("status", {}))

    def finished(self, name: str, seconds: float = PATIENCE_SECONDS) -> Body:
        """The status of a session that has reached its end."""

        def ended() -> Body | None:
            status = self.status(name)
            return status if status.get("phase") in ("Succeeded", "Failed") else None

        return until(f"the end of {name}", ended, seconds)

    def condition(self, name: str, kind: str) -> Body:
        return next((c for c in self.status(name).get("conditions", []) if c["type"] == kind), {})

    def describes(self, name: str, kind: str, reason: str) -> str:
        """What `kubectl describe` prints once a condition has this reason."""
        until(f"{name}: {kind} with reason {reason}", lambda: self.condition(name, kind).get("reason") == reason, 90)
        return self.kubectl("describe", "hubtrainingsession", name)

    def pod(self, name: str, attempt: int = 1) -> Body:
        return self.get("pod", f"{name}-{attempt}-0")

    def trainer_log(self, pod: str) -> str:
        """What a trainer has said so far; empty before there is one."""
        if f"pod/{pod}" not in self.kubectl("get", "pods", "-o", "name").split():
            return ""
        return self.kubectl("logs", pod, "-c", "trainer", "--ignore-errors")

    def evict(self, pod: str) -> None:
        """By the eviction API, as a drain does."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        self.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body).encode())

    def running_epoch(self, name: str, epoch: int) -> Body:
        """The status once this many epochs are finished."""

        def reached() -> Body | None:
            status = self.status(name)
            return status if (status.get("progress", {}).get("epoch") or 0) >= epoch else None

        return until(f"epoch {epoch} of {name}", reached)

    def workspace(self, name: str) -> Path:
        """The session's folder of the claim, on the node's disk: the trainer's own files, also after its pod."""
        return self.volume(CLAIM) / str(self.get("hubtrainingsession", name)["metadata"]["uid"])

    def volume(self, claim: str) -> Path:
        """The folder behind a claim, on the node's disk, once a pod has needed it."""
        name = until(f"a volume for {claim}", lambda: self.get("pvc", claim)["spec"].get("volumeName"))
        return self.state / "volumes" / str(name)

    def pods_ever(self, name: str) -> list[str]:
        """Every pod of a session that the API server ever made, by its own audit log."""
        since = str(self.get("hubtrainingsession", name)["metadata"]["creationTimestamp"]).rstrip("Z")
        logs = (self.state / "logs").glob("audit*.json")
        lines = (line for log in logs for line in log.read_text().splitlines() if '"create"' in line)
        events = (json.loads(line) for line in lines if f'"{name}-' in line and line.endswith("}"))
        made = (event for event in events if event["requestReceivedTimestamp"] >= since)
        return [event["objectRef"]["name"] for event in made if self._makes_a_pod(event, name)]

    def _makes_a_pod(self, event: Body, name: str) -> bool:
        about = event["objectRef"]
        place = (about.get("resource"), about.get("namespace"), about.get("subresource"))
        if event["stage"] != "ResponseComplete" or place != ("pods", self.namespace, None):
            return False
        return event["responseStatus"]["code"] == 201 and about["name"].startswith(f"{name}-")

    def model(self, name: str) -> str:
        return str(self.status(name)["model"]["id"])

    def hub_answers(self, name: str) -> bool:
        """Whether the hub can be asked of a session: after a kubelet's start it is not ready for a moment."""
        try:
            return bool(self.hub.get(f"/v1/models/{self.model(name)}"))
        except urllib.error.URLError:
            return False

    def uploads(self, name: str) -> list[Body]:
        """The hub's history of checkpoints, newest first."""
        return list(self.hub.get(f"/v1/models/{self.model(name)}/checkpoints"))

    def hub_metrics(self, name: str) -> dict[int, dict[str, float | None]]:
        """The hub's metrics by epoch, counted from 1 as in results.csv."""
        rows: dict[int, dict[str, float | None]] = {}
        for series in self.hub.get(f"/v1/models/{self.model(name)}/metrics"):
            for epoch, value in series["data"].items():
                rows.setdefault(int(epoch) + 1, {})[series["meta"]["name"]] = value
        return rows

    def leader(self) -> str:
        """The pod of the controller that leads: it alone knows the sessions."""
        lease = self.get("lease", "hubtraining-controller", namespace=SYSTEM)
        return str(lease["spec"]["holderIdentity"]).rpartition("_")[0]

    def scrape_leader(self) -> dict[str, float]:
        """The samples of the leading controller's /metrics, by name with labels."""
        path = f"/api/v1/namespaces/{SYSTEM}/pods/{self.leader()}:8080/proxy/metrics"
        reply = httpx.get(self.hub.root.split("/api/v1/")[0] + path, timeout=30)
        lines = (line.rsplit(" ", 1) for line in reply.text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    def scale(self, workload: str, replicas: int) -> None:
        self.kubectl("scale", workload, f"--replicas={replicas}", namespace=SYSTEM)
        if replicas:
            self.kubectl("rollout", "status", workload, "--timeout=120s", namespace=SYSTEM)


def install(cluster: Cluster) -> tuple[str, str]:
    """The demo's own steps; returns the trainer's image and a hub key."""
    names = {name: cluster.load(image) for name, image in clusters.images().items()}
    program.install(cluster, names["hubtraining"])
    key = hubs.create_key(cluster)
    hubs.add_dataset(cluster, "signs", program.dataset())
    return names["trainer"], key
