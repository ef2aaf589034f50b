"""Files that tell a client where the cluster is and who it is."""

import base64
import json
from pathlib import Path


def kubeconfig(cluster: str, server: str, user: str, pki: Path) -> str:
    """A kubeconfig with everything inside (JSON, which is YAML too): it works wherever it is copied."""
    authority, certificate, key = (_inline(pki / file) for file in ("ca.crt", f"{user}.crt", f"{user}.key"))
    access = {"client-certificate-data": certificate, "client-key-data": key}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": user, "user": access}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "current-context": cluster,
    }
    return json.dumps(content, indent=2) + "\n"


def _inline(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
