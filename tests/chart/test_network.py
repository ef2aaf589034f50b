"""Network policies: evaluated here by their own rules, as no network plugin of the tests enforces them."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from builders.chart import ELSEWHERE, NAMESPACE, Object, rendered

from hubtraining.domain import names

AGENT = {names.LABEL_MANAGED_BY: names.FIELD_MANAGER}
PROMETHEUS = {"app": "prometheus"}


def policy(component: str, values: Object | None = None) -> Object:
    found: Object = rendered(values).one("NetworkPolicy", f"hubtraining-{component}")["spec"]
    return found


def pod_labels(component: str) -> dict[str, str]:
    (found,) = [
        w["spec"]["template"]["metadata"]["labels"]
        for w in rendered().workloads()
        if w["metadata"]["name"] == f"hubtraining-{component}"
    ]
    labels: dict[str, str] = found
    return labels


def matches(selector: Object | None, labels: dict[str, str]) -> bool:
    return selector is not None and selector.get("matchLabels", {}).items() <= labels.items()


def covers(peer: Object, labels: dict[str, str] | None, namespace: str, address: str) -> bool:
    if block := peer.get("ipBlock"):
        excluded = any(ip_address(address) in ip_network(net) for net in block.get("except", ()))
        return ip_address(address) in ip_network(block["cidr"]) and not excluded
    here = "namespaceSelector" in peer or namespace == NAMESPACE
    return labels is not None and here and matches(peer.get("podSelector", {}), labels)


def allows(rules: list[Object], peers: str, port: Any, **other: Any) -> bool:
    """Whether a rule lets this port and this peer pass; no peers mean all."""
    who = {"labels": None, "namespace": "other", "address": "203.0.113.7", **other}
    return any(
        ("ports" not in rule or port in [p["port"] for p in rule["ports"]])
        and (peers not in rule or any(covers(peer, **who) for peer in rule[peers]))
        for rule in rules
    )


@pytest.mark.parametrize("component", ["controller", "hub"])
def test_each_program_has_a_policy_for_both_directions(component: str) -> None:
    spec = policy(component)
    assert matches(spec["podSelector"], pod_labels(component))
    assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_ports_are_ports_of_the_pods() -> None:
    for component in ("controller", "hub"):
        known = {p["name"] for p in rendered().pod(component)["containers"][0]["ports"]}
        assert {p["port"] for rule in policy(component)["ingress"] for p in rule["ports"]} <= known


def test_only_training_pods_report_from_whatever_namespace() -> None:
    rules = policy("controller")["ingress"]
    assert allows(rules, "from", "reports", labels=AGENT, namespace="team-a")
    assert not allows(rules, "from", "reports", labels=PROMETHEUS, namespace="team-a")
    assert not allows(rules, "from", "reports")


def test_metrics_are_open_until_you_narrow_them() -> None:
    assert allows(policy("controller")["ingress"], "from", "metrics", labels=PROMETHEUS)
    peer = {"namespaceSelector": {}, "podSelector": {"matchLabels": PROMETHEUS}}
    narrow = policy("controller", {"networkPolicy": {"metricsFrom": [peer]}})["ingress"]
    assert allows(narrow, "from", "metrics", labels=PROMETHEUS)
    assert not allows(narrow, "from", "metrics", labels={"app": "curious"})


def test_a_narrowed_hub_still_takes_training_pods_and_the_controller() -> None:
    assert allows(policy("hub")["ingress"], "from", "http")
    narrow = policy("hub", {"networkPolicy": {"hubFrom": [{"podSelector": {"matchLabels": {"app": "gateway"}}}]}})
    rules = narrow["ingress"]
    assert allows(rules, "from", "http", labels=AGENT, namespace="team-a")
    assert allows(rules, "from", "http", labels=pod_labels("controller"), namespace=NAMESPACE)
    assert allows(rules, "from", "http", labels={"app": "gateway"}, namespace=NAMESPACE)
    assert not allows(rules, "from", "http", labels={"app": "curious"}, namespace="team-a")


@pytest.mark.parametrize("component", ["controller", "hub"])
def test_names_and_the_api_server_can_be_reached(component: str) -> None:
    rules = policy(component)["egress"]
    assert all(allows(rules, "to", port) for port in (53, 443, 6443))
    assert allows(policy(component, {"networkPolicy": {"apiServerPorts": [8443]}})["egress"], "to", 8443)


def test_the_controller_reaches_our_hub_and_hubs_elsewhere() -> None:
    rules = policy("controller")["egress"]
    assert allows(rules, "to", "http", labels=pod_labels("hub"), namespace=NAMESPACE, address="10.1.2.3")
    assert allows(rules, "to", 8000, address="203.0.113.7")
    assert allows(rules, "to", 8000, address="2001:db8::7")
    assert not any("http" in [p["port"] for p in r.get("ports", ())] for r in policy("controller", ELSEWHERE)["egress"])


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1"])
def test_the_controller_cannot_reach_the_machines_metadata(address: str) -> None:
    assert not allows(policy("controller")["egress"], "to", 80, address=address)


def test_the_hub_calls_nobody_else() -> None:
    assert not allows(policy("hub")["egress"], "to", 8000)
    assert not allows(policy("hub")["egress"], "to", 80)


def test_policies_can_be_left_out() -> None:
    assert rendered({"networkPolicy": {"enabled": False}}).of_kind("NetworkPolicy") == []
