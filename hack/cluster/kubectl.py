"""kubectl, as the cluster's own scripts use it."""

import json
import os
import subprocess
from collections.abc import Iterable
from typing import Any

from cluster.errors import ClusterError
from cluster.paths import Layout
from cluster.programs import ALL, built


def kubectl(layout: Layout, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl as the cluster's administrator; returns what it prints."""
    command = [str(built(ALL["kubectl"])), *arguments]
    done = subprocess.run(command, input=stdin, env=environment(layout), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"`kubectl {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout


def environment(layout: Layout) -> dict[str, str]:
    """The user's, but no proxy between here and the cluster, and no cache in the user's home."""
    own = {"KUBECONFIG": str(layout.kubeconfig), "KUBECACHEDIR": str(layout.state / "kubectl"), "NO_PROXY": "*"}
    return {**os.environ, **own}


def apply(layout: Layout, objects: Iterable[dict[str, Any]]) -> None:
    """Make objects be as given, whatever there was."""
    content = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    kubectl(layout, "apply", "--server-side", "--force-conflicts", "--filename=-", stdin=content)
