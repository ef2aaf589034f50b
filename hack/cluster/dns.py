"""CoreDNS, so that pods find Services by name."""

import hashlib
from typing import Any

from cluster.addresses import DOMAIN
from cluster.programs import version

PORT = 1053  # above 1024: no capability is needed
NAMES = {"name": "coredns", "namespace": "kube-system"}
LABELS = {"k8s-app": "kube-dns"}

# Names outside the cluster do not exist: a node without a way out would only wait for an answer.
COREFILE = f"""\
{DOMAIN}:{PORT} in-addr.arpa:{PORT} {{
    errors
    health :8080
    ready :8181
    kubernetes {DOMAIN} in-addr.arpa {{
        pods insecure
        ttl 5
    }}
    cache 5
}}
.:{PORT} {{
    errors
    template ANY ANY . {{
        rcode NXDOMAIN
    }}
}}
"""


def image() -> str:
    return f"localhost/coredns:{version('coredns', 'github.com/coredns/coredns')}"


def objects(address: str) -> list[dict[str, Any]]:
    """Everything that serves names at `address`."""
    return [service_account(), role(), binding(), config(), deployment(), service(address)]


def service_account() -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": NAMES}


def role() -> dict[str, Any]:
    watched = [("", ["services", "pods", "namespaces"]), ("discovery.k8s.io", ["endpointslices"])]
    rules = [{"apiGroups": [group], "resources": kinds, "verbs": ["list", "watch"]} for group, kinds in watched]
    metadata = {"name": "system:coredns"}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}


def binding() -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "system:coredns"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:coredns"},
        "subjects": [{"kind": "ServiceAccount", **NAMES}],
    }


def config() -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": NAMES, "data": {"Corefile": COREFILE}}


def deployment() -> dict[str, Any]:
    pod = {
        "serviceAccountName": "coredns",
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "containers": [container()],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
    }
    content = hashlib.sha256(COREFILE.encode()).hexdigest()  # another Corefile makes another pod
    metadata = {"labels": LABELS, "annotations": {"hubtraining.dev/corefile": content}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**NAMES, "labels": LABELS},
        "spec": {"selector": {"matchLabels": LABELS}, "template": {"metadata": metadata, "spec": pod}},
    }


def container() -> dict[str, Any]:
    return {
        "name": "coredns",
        "image": image(),
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [{"name": f"dns-{kind.lower()}", "containerPort": PORT, "protocol": kind} for kind in ("UDP", "TCP")],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "failureThreshold": 5},
        "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def service(address: str) -> dict[str, Any]:
    ports = [
        {"name": f"dns-{kind.lower()}", "port": 53, "targetPort": PORT, "protocol": kind} for kind in ("UDP", "TCP")
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": LABELS},
        "spec": {"clusterIP": address, "selector": LABELS, "ports": ports},
    }
