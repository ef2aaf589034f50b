"""The node: containerd, the kubelet and kube-proxy, and what every cluster has inside."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster import dns, images
from cluster.addresses import DOMAIN
from cluster.controlplane import NODE, write_kubeconfig
from cluster.debian import CNI
from cluster.kubectl import apply, kubectl
from cluster.paths import Layout, write
from cluster.processes import Component, ensure, wait
from cluster.programs import ALL, built
from cluster.progress import step
from cluster.settings import Settings

SOCKET = Path("/run/containerd/containerd.sock")
KUBELET = Path("/run/kubelet")
PAUSE = "localhost/pause:1"


def containerd_config(layout: Layout) -> str:
    """`restrict_oom_score_adj`: without CAP_SYS_RESOURCE no sandbox would start."""
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""\
version = 2
root = "{layout.state / "containerd"}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", \
"io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "{SOCKET}"
[{cri}]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
disable_apparmor = true
[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[{cri}.cni]
bin_dir = "{CNI}"
conf_dir = "{layout.config / "cni"}"
"""


def cni_config(settings: Settings) -> dict[str, Any]:
    """A cable for each pod and no bridge: on a bridge, answers would bypass what kube-proxy did to the question."""
    ranges = [[{"subnet": str(settings.addresses.pods)}]]
    ipam = {"type": "host-local", "ranges": ranges, "dataDir": "/run/cni", "routes": [{"dst": "0.0.0.0/0"}]}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [{"type": "ptp", "ipam": ipam}, ports]}


def kubelet_config(layout: Layout, settings: Settings) -> dict[str, Any]:
    """It claims nothing for itself and evicts late: the machine is not the cluster's own. Full volumes it sees soon."""
    pki = layout.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "x509": {"clientCAFile": str(pki / "ca.crt")},
            "webhook": {"enabled": True},
            "anonymous": {"enabled": False},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "podLogsDir": str(layout.state / "pod-logs"),
        "volumePluginDir": str(layout.state / "volume-plugins"),
        "resolvConf": str(layout.config / "resolv.conf"),
        "clusterDomain": DOMAIN,
        "clusterDNS": [settings.addresses.dns],
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{settings.addresses.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "oomScoreAdj": 0,
        "imageGCHighThresholdPercent": 100,
        "volumeStatsAggPeriod": "15s",
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    }


def proxy_config(layout: Layout, settings: Settings) -> dict[str, Any]:
    """With the machine's own limits for tracked connections: they are not this namespace's to set."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": str(settings.addresses.pods),
        "clientConnection": {"kubeconfig": str(layout.config / "kube-proxy.kubeconfig")},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "100ms", "localhostNodePorts": False},
    }


def prepare(layout: Layout, settings: Settings) -> None:
    """Write what the node's programs read."""
    for client in ("kubelet", "kube-proxy"):
        write_kubeconfig(layout, settings, client)
    write(layout.config / "containerd.toml", containerd_config(layout))
    write(layout.config / "cni" / "pods.conflist", json.dumps(cni_config(settings)))
    write(layout.config / "kubelet.json", json.dumps(kubelet_config(layout, settings)))
    write(layout.config / "kube-proxy.json", json.dumps(proxy_config(layout, settings)))
    write(layout.config / "resolv.conf", "")  # the machine's own would lead names out of the cluster


def containerd(layout: Layout) -> Component:
    return Component("containerd", ("containerd", f"--config={layout.config / 'containerd.toml'}"))


def kubelet(layout: Layout, settings: Settings) -> Component:
    command = (
        str(built(ALL["kubelet"])),
        f"--config={layout.config / 'kubelet.json'}",
        f"--kubeconfig={layout.config / 'kubelet.kubeconfig'}",
        f"--root-dir={KUBELET}",
        f"--hostname-override={NODE}",
        f"--node-ip={settings.addresses.node}",
    )
    return Component("kubelet", command)


def proxy(layout: Layout) -> Component:
    command = (str(built(ALL["kube-proxy"])), f"--config={layout.config / 'kube-proxy.json'}")
    return Component("kube-proxy", (*command, f"--hostname-override={NODE}"))


def start(layout: Layout, settings: Settings, enter: Sequence[str]) -> None:
    """Start what does not run, and wait until pods can run and find each other."""
    prepare(layout, settings)
    with step("containers"):
        ensure(layout, containerd(layout), enter)
        wait(layout, "containerd", lambda: answers(enter))
        bring_images(layout, enter)
    with step("node"):
        ensure(layout, kubelet(layout, settings), enter)
        ensure(layout, proxy(layout), enter)
        wait(layout, "kubelet", lambda: is_ready(layout))
    with step("names of Services"):
        apply(layout, dns.objects(settings.addresses.dns))
        kubectl(layout, "rollout", "status", "deployment/coredns", "--namespace=kube-system", "--timeout=60s")


def answers(enter: Sequence[str]) -> bool:
    """Whether containerd takes requests."""
    return subprocess.run([*enter, *images.CTR, "images", "list"], capture_output=True, check=False).returncode == 0


def bring_images(layout: Layout, enter: Sequence[str]) -> None:
    """Make the images that every node needs, unless it has them."""
    listed = subprocess.run(
        [*enter, *images.CTR, "images", "list", "--quiet"], capture_output=True, text=True, check=True
    )
    for name, program in ((PAUSE, "pause"), (dns.image(), "coredns")):
        if name not in listed.stdout.split():
            archive = layout.state / f"{program}.tar"
            images.write_image(archive, name, built(ALL[program]))
            images.load(enter, archive)
            archive.unlink()


def is_ready(layout: Layout) -> bool:
    path = '{.status.conditions[?(@.type=="Ready")].status}'
    return kubectl(layout, "get", "node", NODE, "--ignore-not-found", f"--output=jsonpath={path}") == "True"
