"""What the Prometheus operator is asked to scrape."""

import pytest
from builders.attempt import an_attempt
from builders.chart import ELSEWHERE, MONITOR_KINDS, SCOPED, Rendered, rendered

from chart.helm import ChartError
from hubtraining.controller.manifests import pod
from hubtraining.domain import layout, names

KINDS = ("ServiceMonitor", "PodMonitor")


def monitors(release: Rendered) -> set[tuple[str, str]]:
    return {(item["kind"], item["metadata"]["name"]) for item in release.of_kind(*KINDS)}


ALL = {
    ("ServiceMonitor", "hubtraining-controller"),
    ("ServiceMonitor", "hubtraining-hub"),
    ("PodMonitor", "hubtraining-agents"),
}


def test_they_are_made_where_the_cluster_knows_them() -> None:
    assert monitors(rendered(kinds=MONITOR_KINDS)) == ALL


def test_they_are_skipped_where_it_does_not() -> None:
    assert monitors(rendered()) == set()
    assert monitors(rendered(kinds=MONITOR_KINDS[:1])) == {item for item in ALL if item[0] == "ServiceMonitor"}


def test_they_can_be_made_regardless() -> None:
    assert monitors(rendered({"monitors": {"renderMode": "alwaysRender"}})) == ALL


def test_their_absence_can_be_a_failure() -> None:
    values = {"monitors": {"renderMode": "failIfMissing"}}
    with pytest.raises(ChartError, match="install the Prometheus operator first, or choose skipIfMissing"):
        rendered(values)
    assert monitors(rendered(values, kinds=MONITOR_KINDS)) == ALL


@pytest.mark.parametrize("mode", ["skipIfMissing", "alwaysRender", "failIfMissing"])
def test_they_can_be_left_out(mode: str) -> None:
    assert monitors(rendered({"monitors": {"enabled": False, "renderMode": mode}})) == set()


def test_a_hub_elsewhere_is_not_ours_to_scrape() -> None:
    assert monitors(rendered(ELSEWHERE, kinds=MONITOR_KINDS)) == ALL - {("ServiceMonitor", "hubtraining-hub")}


@pytest.mark.parametrize("component", ["controller", "hub"])
def test_services_are_found_by_their_labels_and_port(component: str) -> None:
    release = rendered(kinds=MONITOR_KINDS)
    monitor = release.one("ServiceMonitor", f"hubtraining-{component}")["spec"]
    found = [
        service
        for service in release.of_kind("Service")
        if monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    ]
    assert [service["metadata"]["name"] for service in found] == [f"hubtraining-{component}"]
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in found[0]["spec"]["ports"]}


def test_sessions_keep_their_own_namespace() -> None:
    (endpoint,) = rendered(kinds=MONITOR_KINDS).one("ServiceMonitor", "hubtraining-controller")["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True


def test_agents_are_found_wherever_sessions_are() -> None:
    spec = rendered(kinds=MONITOR_KINDS).one("PodMonitor", "hubtraining-agents")["spec"]
    assert spec["namespaceSelector"] == {"any": True}
    wanted = spec["selector"]["matchLabels"]
    assert wanted == {names.LABEL_MANAGED_BY: names.FIELD_MANAGER}
    assert wanted.items() <= pod(an_attempt())["metadata"]["labels"].items()
    scoped = rendered(SCOPED, kinds=MONITOR_KINDS).one("PodMonitor", "hubtraining-agents")["spec"]
    assert scoped["namespaceSelector"] == {"matchNames": SCOPED["watchNamespaces"]}


def test_agents_are_scraped_at_the_port_that_their_pods_declare() -> None:
    (endpoint,) = rendered(kinds=MONITOR_KINDS).one("PodMonitor", "hubtraining-agents")["spec"]["podMetricsEndpoints"]
    made = pod(an_attempt())
    (agent,) = [c for c in made["spec"]["initContainers"] if c["name"] == names.CONTAINER_AGENT]
    assert {port["name"]: port["containerPort"] for port in agent["ports"]} == {endpoint["port"]: layout.AGENT_PORT}


def test_series_of_agents_say_whose_they_are() -> None:
    (endpoint,) = rendered(kinds=MONITOR_KINDS).one("PodMonitor", "hubtraining-agents")["spec"]["podMetricsEndpoints"]
    prometheus = "__meta_kubernetes_pod_label_"
    relabelled = {rule["targetLabel"]: rule["sourceLabels"] for rule in endpoint["relabelings"]}
    assert relabelled == {
        "session": [prometheus + names.LABEL_SESSION.translate(str.maketrans("./", "__"))],
        "attempt": [prometheus + names.LABEL_ATTEMPT.translate(str.maketrans("./", "__"))],
    }


def test_labels_and_interval_are_yours() -> None:
    values = {"monitors": {"labels": {"release": "prometheus"}, "interval": "7s"}}
    for item in rendered(values, kinds=MONITOR_KINDS).of_kind(*KINDS):
        assert item["metadata"]["labels"]["release"] == "prometheus"
        (endpoint,) = item["spec"].get("endpoints") or item["spec"]["podMetricsEndpoints"]
        assert endpoint["interval"] == "7s"
