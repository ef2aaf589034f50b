"""The demo's session: applied, followed to its end, and shown."""

import json
import time
from typing import Any

from demo.cluster import Cluster
from demo.hub import Hub
from demo.shell import ROOT, DemoError, output, say

NAMESPACE = "hubtraining-demo"
NAME = "signs"
EXAMPLE = ROOT / "examples" / "session.yaml"
PATIENCE_SECONDS = 900
TELLING = {"name": "PATH", "value": "/usr/local/lib/keeping:/usr/local/bin:/usr/bin:/bin"}
"""Lets the trainer's image take the `yolo` that also prints each checkpoint's hash, for the comparison at the end."""


def start(cluster: Cluster, trainer_image: str) -> None:
    """Apply the example; a session of an earlier demo makes room first."""
    kubectl = cluster.kubectl
    output(*kubectl, "apply", "-f", str(ROOT / "examples" / "namespace.yaml"))
    output(*kubectl, "-n", NAMESPACE, "delete", "hubtrainingsession", NAME, "--ignore-not-found", "--wait")
    body = json.loads(output(*kubectl, "create", "--dry-run=client", "-o", "json", "-f", str(EXAMPLE)))
    body["metadata"].pop("namespace", None)
    body["spec"]["trainer"] |= {"image": trainer_image, "env": [TELLING]}
    output(*kubectl, "-n", NAMESPACE, "apply", "-f", "-", stdin=json.dumps(body).encode())


def read(cluster: Cluster) -> dict[str, Any]:
    """The session as the API server has it."""
    text = output(*cluster.kubectl, "-n", NAMESPACE, "get", "hubtrainingsession", NAME, "-o", "json")
    body: dict[str, Any] = json.loads(text)
    return body


def follow(cluster: Cluster) -> dict[str, Any]:
    """Show each change until the session ends; raise DemoError when it does not end well."""
    deadline, shown = time.monotonic() + PATIENCE_SECONDS, ""
    while time.monotonic() < deadline:
        body = read(cluster)
        status = body.get("status", {})
        line = progress_line(status)
        if line != shown:
            say(f"    {line}")
            shown = line
        if status.get("phase") in ("Succeeded", "Failed"):
            return ended(body)
        time.sleep(1)
    raise DemoError(f"the session has not ended after {PATIENCE_SECONDS} s: {shown}; try `{describe()}`")


def ended(body: dict[str, Any]) -> dict[str, Any]:
    """The body of a session that succeeded."""
    if body["status"]["phase"] == "Failed":
        raise DemoError(f"the session failed: {summary(body['status'])}; try `{describe()}`")
    return body


def summary(status: dict[str, Any]) -> str:
    """The sentence of the newest condition that is not True, or of the summary."""
    wanting = [c for c in status.get("conditions", []) if c["status"] == "False" and c.get("message")]
    return str(wanting[-1]["message"]) if wanting else ""


def describe() -> str:
    """What to type to see more."""
    return f"kubectl -n {NAMESPACE} describe hubtrainingsession {NAME}"


def progress_line(status: dict[str, Any]) -> str:
    """Phase, epoch and newest metrics in one line."""
    progress = status.get("progress") or {}
    parts = [f"{status.get('phase') or 'Pending':<11}"]
    if progress.get("epoch") is not None:
        parts.append(f"epoch {progress['epoch']}/{progress.get('epochs') or '?'}")
    if progress.get("estimatedRemainingSeconds"):
        parts.append(f"about {progress['estimatedRemainingSeconds']} s left")
    parts += [f"{m['name']} {m['value']}" for m in status.get("metrics", []) if m["name"].startswith("metrics/mAP50")]
    latest = (status.get("checkpoints") or {}).get("latest")
    if latest:
        parts.append(f"checkpoint of epoch {latest.get('epoch')} {latest.get('state', '').lower()}")
    if status.get("phase") in (None, "Pending"):
        parts.append(summary(status))
    return "  ".join(part for part in parts if part)


def show(cluster: Cluster, hub: Hub, body: dict[str, Any]) -> None:
    """The end: kubectl's view, the hub's model with its metrics, and the hashes beside the trainer's own."""
    model = body["status"]["model"]["id"]
    print(output(*cluster.kubectl, "-n", NAMESPACE, "get", "hubtrainingsession", "-o", "wide"))
    print(f"The model in the hub: {model}, {hub.get(f'/v1/models/{model}')['status']}\n")
    print(metrics_table(hub.get(f"/v1/models/{model}/metrics")))
    print(checkpoints_table(hub.get(f"/v1/models/{model}/checkpoints"), trainer_hashes(cluster, body)))


def metrics_table(series: list[dict[str, Any]]) -> str:
    """One row an epoch, counted from 1 as in results.csv."""
    columns = {item["meta"]["name"]: item["data"] for item in series}
    names = [name for name in columns if name.startswith(("train/", "metrics/"))]
    epochs = sorted({int(epoch) for data in columns.values() for epoch in data})
    rows = [["epoch", *names]] + [[str(e + 1), *(cell(columns[n].get(str(e))) for n in names)] for e in epochs]
    return table(rows)


def cell(value: float | None) -> str:
    """A number, short."""
    return "" if value is None else f"{value:.5g}"


def trainer_hashes(cluster: Cluster, body: dict[str, Any]) -> dict[str, str]:
    """What the trainer printed of its own files as it saved them: SHA-256 by name."""
    pod = body["status"]["attempts"][-1]["pods"][0]
    log = output(*cluster.kubectl, "-n", NAMESPACE, "logs", pod, "-c", "trainer")
    pairs = (line.split()[1:3] for line in log.splitlines() if line.startswith("sha256 "))
    return {name: digest for digest, name in pairs}


def checkpoints_table(history: list[dict[str, Any]], trainer: dict[str, str]) -> str:
    """The hub's checkpoints, and which of the trainer's files has the same bytes."""
    names = {digest: name for name, digest in trainer.items()}
    rows = [["checkpoint", "epoch", "bytes", "sha256 in the hub", "the trainer's own file with these bytes"]]
    for item in history:
        same = names.get(item["sha256"], "none: DIFFERENT")
        rows.append([item["type"], str(item["epoch"] + 1), str(item["sizeBytes"]), item["sha256"], same])
    return table(rows)


def table(rows: list[list[str]]) -> str:
    """Rows as aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"
