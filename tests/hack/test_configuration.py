"""What the cluster's programs are told."""

import base64
import json
from pathlib import Path

import pytest

from cluster import controlplane, dns, fakes, node
from cluster.kubeconfig import kubeconfig
from cluster.paths import Layout
from cluster.settings import Ports, Settings

LAYOUT = Layout("dev", Path("/state/dev"))
FULL = Settings(slot=4, ports=Ports())
ALONE = Settings(slot=0, ports=Ports(api=16443, etcd=12379, peer=12380))


def test_a_kubeconfig_has_everything_inside(tmp_path: Path) -> None:
    for name in ("ca.crt", "admin.crt", "admin.key"):
        (tmp_path / name).write_text(name)
    content = json.loads(kubeconfig("hubtraining-dev", "https://10.187.4.2:6443", "admin", tmp_path))
    [cluster], [user] = content["clusters"], content["users"]
    assert content["current-context"] == content["contexts"][0]["name"] == "hubtraining-dev"
    assert cluster["cluster"]["server"] == "https://10.187.4.2:6443"
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"ca.crt"
    assert base64.b64decode(user["user"]["client-key-data"]) == b"admin.key"


def test_the_api_server_authorizes_and_admits_as_a_real_one() -> None:
    command = controlplane.apiserver(LAYOUT, FULL).command
    assert "--authorization-mode=Node,RBAC" in command
    assert "--enable-admission-plugins=NodeRestriction,PodSecurity" in command
    assert "--service-cluster-ip-range=10.189.4.0/24" in command
    assert "--advertise-address=10.187.4.2" in command


def test_a_control_plane_alone_listens_on_the_loopback_only() -> None:
    command = controlplane.apiserver(LAYOUT, ALONE).command
    assert "--bind-address=127.0.0.1" in command
    assert "--secure-port=16443" in command
    assert "--etcd-servers=https://127.0.0.1:12379" in command
    assert ALONE.server == "https://127.0.0.1:16443"


def test_etcd_lets_nobody_in_without_a_certificate() -> None:
    command = controlplane.etcd(LAYOUT, ALONE).command
    assert {"--client-cert-auth", "--peer-client-cert-auth"} <= set(command)
    assert not [word for word in command if "http://" in word]


@pytest.mark.parametrize("audit", [True, False])
def test_requests_are_written_down_when_asked_for(audit: bool) -> None:
    settings = Settings(slot=0, ports=Ports(), audit=audit)
    written = "--audit-log-path=/state/dev/logs/audit.json" in controlplane.apiserver(LAYOUT, settings).command
    assert written is audit


def test_the_api_servers_certificate_has_every_name_that_it_is_called_by() -> None:
    [server] = [subject for subject in controlplane.subjects(FULL) if subject.file == "apiserver"]
    assert {"kubernetes.default.svc", "127.0.0.1", "10.187.4.2", "10.189.4.1"} <= set(server.hosts)


def test_only_a_cluster_with_a_node_has_certificates_for_it() -> None:
    files = [{subject.file for subject in controlplane.subjects(settings)} for settings in (FULL, ALONE)]
    assert files[0] - files[1] == {"kubelet", "kube-proxy", "apiserver-kubelet"}


def test_every_container_is_in_the_clusters_own_group() -> None:
    config = node.kubelet_config(LAYOUT, FULL)
    assert config["cgroupRoot"] == "/ht4"
    assert config["clusterDNS"] == ["10.189.4.10"]
    assert config["authentication"]["anonymous"] == {"enabled": False}


def test_pods_get_addresses_of_the_clusters_own_network() -> None:
    [ptp, _] = node.cni_config(FULL)["plugins"]
    assert ptp["ipam"]["ranges"] == [[{"subnet": "10.188.4.0/24"}]]
    assert node.proxy_config(LAYOUT, FULL)["clusterCIDR"] == "10.188.4.0/24"


def test_names_are_served_where_pods_ask() -> None:
    *_, service = dns.objects(FULL.addresses.dns)
    assert service["spec"]["clusterIP"] == "10.189.4.10"
    assert {port["targetPort"] for port in service["spec"]["ports"]} == {dns.PORT}


def test_another_corefile_makes_another_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dns.deployment()["spec"]["template"]
    monkeypatch.setattr(dns, "COREFILE", ".:1053 {\n}\n")
    assert dns.deployment()["spec"]["template"] != before


def test_fake_nodes_beside_a_real_one_take_only_tolerant_pods() -> None:
    beside, alone = fakes.fake_node(1, tainted=True), fakes.fake_node(1, tainted=False)
    assert beside["spec"]["taints"][0]["effect"] == "NoSchedule"
    assert alone["spec"]["taints"] == []
    assert "=".join(next(iter(beside["metadata"]["annotations"].items()))) == fakes.SELECTOR
