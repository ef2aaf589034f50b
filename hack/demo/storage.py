"""Volumes that outlive pods, on the local cluster: folders of its state, offered by a default storage class."""

import json
from pathlib import Path
from typing import Any

from demo.cluster import Cluster
from demo.shell import output

CLASS = "local"
VOLUMES = 4
SIZE = "100Gi"


def offer(cluster: Cluster, state: Path) -> None:
    """Make the class and its volumes; again is fine."""
    folders = [state / "volumes" / f"volume-{number}" for number in range(VOLUMES)]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    items = [storage_class(), *(volume(folder) for folder in folders)]
    listing = {"apiVersion": "v1", "kind": "List", "items": items}
    output(*cluster.kubectl, "apply", "-f", "-", stdin=json.dumps(listing).encode())


def storage_class() -> dict[str, Any]:
    """The default class; claims are bound when a pod needs them."""
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": CLASS, "annotations": annotations},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def volume(folder: Path) -> dict[str, Any]:
    """One folder as a volume. Of type local, not hostPath: the kubelet gives it to the pod's fsGroup."""
    anywhere = {"key": "kubernetes.io/hostname", "operator": "Exists"}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": folder.name},
        "spec": {
            "storageClassName": CLASS,
            "capacity": {"storage": SIZE},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [anywhere]}]}},
        },
    }
