"""The Grafana dashboard: every panel explains itself and asks for metrics that exist."""

import json
import re
from itertools import combinations

import pytest
from builders.chart import Object, rendered
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from chart.dashboard import dashboard
from hubtraining.agent.metrics import AgentMetrics
from hubtraining.controller.metrics import Metrics
from hubtraining.controller.session_metrics import FAMILIES, SessionCollector
from hubtraining.hub.server.metrics import HubMetrics

BOARD = dashboard()
ROWS = [panel for panel in BOARD["panels"] if panel["type"] == "row"]
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel, target) for panel in PANELS for target in panel["targets"]]
VARIABLES = {item["name"]: item for item in BOARD["templating"]["list"]}
EXPRESSIONS = [target["expr"] for _, target in QUERIES] + [
    item["definition"] for item in VARIABLES.values() if item["type"] == "query"
]

FUNCTIONS = {"sum", "max", "rate", "histogram_quantile", "time", "label_values"}
WORDS = FUNCTIONS | {"by"}
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "info": ("_info",),
    "histogram": ("_bucket", "_sum", "_count"),
}
BUILT_IN = {"__rate_interval"}


def samples(families: list[Metric]) -> dict[str, str]:
    """Sample name → the kind of its metric."""
    return {family.name + suffix: family.type for family in families for suffix in SUFFIXES[family.type]}


def exported() -> dict[str, str]:
    """What controller, agents and hub export."""
    registries: list[CollectorRegistry] = [Metrics().registry, AgentMetrics().registry, HubMetrics().registry]
    found = samples([f for registry in registries for f in registry.collect() if f.name.startswith("hubtraining_")])
    sessions = samples(list(SessionCollector(list, lambda uid: None).collect()))
    return found | sessions | dict.fromkeys([family.name for family in FAMILIES], "gauge")


def without_strings(expression: str) -> str:
    return re.sub(r'"[^"]*"', '""', expression)


def metrics_of(expression: str) -> set[str]:
    return set(re.findall(r"\bhubtraining_\w+", without_strings(expression)))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_explains_itself(panel: Object) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["noValue"]
    assert all(target["legendFormat"] for target in panel["targets"])


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_asks_the_source_that_was_chosen(panel: Object) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [chosen] * (
        len(panel["targets"]) + 1
    )


def test_titles_numbers_and_places_are_each_panels_own() -> None:
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not any(overlap(one, other) for one, other in combinations(places, 2))


def overlap(one: Object, other: Object) -> bool:
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    return bool(across and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"])


def test_no_row_is_empty() -> None:
    kinds = [panel["type"] for panel in BOARD["panels"]]
    assert all((one, other) != ("row", "row") for one, other in zip(kinds, [*kinds[1:], "row"], strict=True))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_name_only_metrics_that_are_exported(expression: str) -> None:
    assert metrics_of(expression)
    assert metrics_of(expression) - exported().keys() == set()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_use_only_words_and_variables_that_are_known(expression: str) -> None:
    bare = without_strings(expression)
    assert [bare.count(left) - bare.count(right) for left, right in ("()", "[]", "{}")] == [0, 0, 0]
    assert set(re.findall(r"\$(\w+)", expression)) <= VARIABLES.keys() | BUILT_IN
    outside = re.sub(r"\{[^}]*\}|\[[^]]*\]|\bby \([^)]*\)", "", bare)
    words = set(re.findall(r"[A-Za-z_]\w*", outside)) - metrics_of(expression)
    assert words <= WORDS | ({"namespace", "session"} if "label_values" in words else set())


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_matchers_are_well_formed(expression: str) -> None:
    for inside in re.findall(r"\{([^}]*)\}", expression):
        assert re.fullmatch(r'(\w+(=|!=|=~|!~)"[^"]*"(, )?)+', inside)


@pytest.mark.parametrize("expression", [target["expr"] for _, target in QUERIES])
def test_counters_are_looked_at_by_their_rate_over_the_scrape_interval(expression: str) -> None:
    kinds = exported()
    rated = set(re.findall(r"rate\((\w+)\{[^}]*\}\[\$__rate_interval\]\)", expression))
    counting = {name for name in metrics_of(expression) if kinds[name] in ("counter", "histogram")}
    assert rated == counting


@pytest.mark.parametrize("expression", [target["expr"] for _, target in QUERIES])
def test_every_series_is_chosen_by_a_variable(expression: str) -> None:
    selectors = re.findall(r"hubtraining_\w+(\{[^}]*\})?", expression)
    assert all("$namespace" in inside or "$operator" in inside for inside in selectors)


def test_the_numbers_of_a_session_are_all_shown() -> None:
    shown = {name for expression in EXPRESSIONS for name in metrics_of(expression)}
    assert {family.name for family in FAMILIES} - shown == set()


def test_choices_begin_with_everything() -> None:
    assert list(VARIABLES) == ["datasource", "operator", "namespace", "session"]
    for name in ("operator", "namespace", "session"):
        assert VARIABLES[name]["includeAll"] is True
        assert VARIABLES[name]["allValue"] == ".*"


def test_the_config_map_is_found_by_grafanas_sidecar_and_fits() -> None:
    config_map = rendered().one("ConfigMap", "hubtraining-dashboard")
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    text = config_map["data"]["hubtraining.json"]
    assert json.loads(text) == BOARD
    assert len(text.encode()) < 512 * 1024


def test_label_and_folder_are_yours_and_it_can_be_left_out() -> None:
    values = {"dashboard": {"labels": {"grafana_dashboard": None, "mine": "yes"}, "annotations": {"folder": "ML"}}}
    metadata = rendered(values).one("ConfigMap", "hubtraining-dashboard")["metadata"]
    assert metadata["labels"]["mine"] == "yes"
    assert "grafana_dashboard" not in metadata["labels"]
    assert metadata["annotations"] == {"folder": "ML"}
    assert rendered({"dashboard": {"enabled": False}}).of_kind("ConfigMap") == []
