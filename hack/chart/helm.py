"""Rendering the chart."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from chart.files import CHART
from cluster import programs
from cluster.errors import ClusterError

KUBERNETES = "1.34.4"
"""Which Kubernetes to render for: the same text on every machine."""


class ChartError(Exception):
    """Why nothing can be rendered: mostly helm's own words."""


@cache
def helm() -> str:
    """The program: the one that the variable HELM names, or the project's own, built when it is not there yet."""
    if given := os.environ.get("HELM"):
        return given
    try:
        programs.build([programs.HELM])
    except ClusterError as error:
        raise ChartError(f"there is no helm: {error}") from error
    return str(programs.built(programs.HELM))


def template(
    release: str,
    namespace: str,
    values: Mapping[str, Any],
    *,
    kubernetes: str = KUBERNETES,
    kinds: Sequence[str] = (),
) -> str:
    """What the release would apply; raises ChartError.

    ``kinds`` are known to the cluster, as ``monitoring.coreos.com/v1/PodMonitor``.
    """
    command = [helm(), "template", release, str(CHART), "--namespace", namespace, "--kube-version", kubernetes]
    known = [word for kind in kinds for word in ("--api-versions", kind)]
    text = json.dumps(values)
    done = subprocess.run([*command, *known, "--values", "-"], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChartError(done.stderr.strip())
    return done.stdout
