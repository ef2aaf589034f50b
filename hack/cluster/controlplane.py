"""etcd, the API server, the controller manager and the scheduler."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence

from cluster.addresses import DOMAIN
from cluster.certificates import Subject, issue
from cluster.kubeconfig import kubeconfig
from cluster.paths import Layout, write
from cluster.processes import Component, ensure, wait
from cluster.programs import ALL, built
from cluster.settings import Settings

NODE = "node-1"
ISSUER = f"https://kubernetes.default.svc.{DOMAIN}"
CLIENTS = ("controller-manager", "scheduler")
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


def subjects(settings: Settings) -> list[Subject]:
    """Everyone who speaks to the API server, and whom it speaks to."""
    own = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{DOMAIN}")
    places = (settings.host, settings.addresses.api) if settings.has_node else (settings.host,)
    control_plane = [
        Subject("etcd", "etcd", hosts=("localhost", "127.0.0.1")),
        Subject("apiserver", "kube-apiserver", hosts=(*own, "localhost", "127.0.0.1", *places)),
        Subject("controller-manager", "system:kube-controller-manager"),
        Subject("scheduler", "system:kube-scheduler"),
        Subject("admin", "hubtraining-admin", "system:masters"),
    ]
    node = [
        Subject("apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters"),
        Subject("kubelet", f"system:node:{NODE}", "system:nodes", hosts=(NODE, settings.host)),
        Subject("kube-proxy", "system:kube-proxy"),
    ]
    return control_plane + node if settings.has_node else control_plane


def prepare(layout: Layout, settings: Settings) -> None:
    """Write certificates, kubeconfigs and configuration."""
    issue(layout.pki, subjects(settings))
    for client in CLIENTS:
        write_kubeconfig(layout, settings, client)
    cluster = f"hubtraining-{layout.name}"
    write(layout.kubeconfig, kubeconfig(cluster, settings.server, "admin", layout.pki), mode=0o600)
    write(layout.config / "audit-policy.json", json.dumps(AUDIT_POLICY))
    write(layout.config / "scheduler.json", json.dumps(scheduler_config(layout)))


def write_kubeconfig(layout: Layout, settings: Settings, client: str) -> None:
    """Give one of the cluster's own programs its kubeconfig."""
    content = kubeconfig("own", settings.server, client, layout.pki)
    write(layout.config / f"{client}.kubeconfig", content, mode=0o600)


def scheduler_config(layout: Layout) -> dict[str, object]:
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {"kubeconfig": str(layout.config / "scheduler.kubeconfig"), "qps": 200, "burst": 400},
    }


def etcd(layout: Layout, settings: Settings) -> Component:
    """Not for data that must survive the machine: it does not wait for the disk."""
    client, peer = (f"https://127.0.0.1:{port}" for port in (settings.ports.etcd, settings.ports.peer))
    pki = layout.pki
    command = (
        str(built(ALL["etcd"])),
        "--name=etcd",
        f"--data-dir={layout.state / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=etcd={peer}",
        *(f"--{prefix}cert-file={pki / 'etcd.crt'}" for prefix in ("", "peer-")),
        *(f"--{prefix}key-file={pki / 'etcd.key'}" for prefix in ("", "peer-")),
        *(f"--{prefix}trusted-ca-file={pki / 'ca.crt'}" for prefix in ("", "peer-")),
        *(f"--{prefix}client-cert-auth" for prefix in ("", "peer-")),
    )
    return Component("etcd", command)


def apiserver(layout: Layout, settings: Settings) -> Component:
    pki = layout.pki
    command = (
        str(built(ALL["kube-apiserver"])),
        f"--etcd-servers=https://127.0.0.1:{settings.ports.etcd}",
        f"--etcd-cafile={pki / 'ca.crt'}",
        f"--etcd-certfile={pki / 'etcd.crt'}",
        f"--etcd-keyfile={pki / 'etcd.key'}",
        f"--secure-port={settings.ports.api}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--cert-dir={pki}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,PodSecurity",
        "--allow-privileged=true",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        *(_with_node(layout, settings) if settings.has_node else _alone()),
        *(_audit(layout) if settings.audit else ()),
    )
    return Component("kube-apiserver", command)


def _with_node(layout: Layout, settings: Settings) -> Sequence[str]:
    return (
        f"--advertise-address={settings.host}",
        f"--service-cluster-ip-range={settings.addresses.services}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={layout.pki / 'ca.crt'}",
        f"--kubelet-client-certificate={layout.pki / 'apiserver-kubelet.crt'}",
        f"--kubelet-client-key={layout.pki / 'apiserver-kubelet.key'}",
    )


def _alone() -> Sequence[str]:
    """Nothing reaches the API server through a Service here, and no endpoint may be a loopback address."""
    local = ("--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none")
    return (*local, "--service-cluster-ip-range=10.189.0.0/24")


def _audit(layout: Layout) -> Sequence[str]:
    policy = layout.config / "audit-policy.json"
    return (
        f"--audit-policy-file={policy}",
        f"--audit-log-path={layout.logs / 'audit.json'}",
        "--audit-log-mode=blocking",
    )


def controller_manager(layout: Layout, settings: Settings) -> Component:
    """With more requests for a second than the default 20: tests wait for what it does."""
    pki = layout.pki
    command = (
        str(built(ALL["kube-controller-manager"])),
        f"--kubeconfig={layout.config / 'controller-manager.kubeconfig'}",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={pki / 'sa.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    )
    return Component("kube-controller-manager", command)


def scheduler(layout: Layout) -> Component:
    config = layout.config / "scheduler.json"
    return Component("kube-scheduler", (str(built(ALL["kube-scheduler"])), f"--config={config}", "--secure-port=0"))


def start(layout: Layout, settings: Settings, enter: Sequence[str] = ()) -> None:
    """Start what does not run, and wait until the API server answers."""
    ensure(layout, etcd(layout, settings), enter)
    server = apiserver(layout, settings)
    ensure(layout, server, enter)
    wait(layout, server.name, lambda: ready(layout, settings))
    ensure(layout, controller_manager(layout, settings), enter)
    ensure(layout, scheduler(layout), enter)


def ready(layout: Layout, settings: Settings) -> bool:
    """Whether the API server says so itself."""
    context = ssl.create_default_context(cafile=layout.pki / "ca.crt")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(f"{settings.server}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
