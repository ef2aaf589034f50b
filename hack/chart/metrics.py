"""The Prometheus metrics of each program as a table, read from the registries that the programs serve."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from hubtraining.agent.metrics import AgentMetrics
from hubtraining.controller.metrics import Metrics
from hubtraining.controller.session_metrics import SessionCollector
from hubtraining.hub.server.metrics import HubMetrics

SERVED = {"counter": ("_total", "counter"), "info": ("_info", "gauge")}
"""What the library adds to a name, and the type that it serves, where it is not as it was written down."""


class Family(NamedTuple):
    """One row."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str

    def row(self) -> str:
        """In Markdown."""
        labels = ", ".join(f"`{label}`" for label in self.labels)
        meaning = self.meaning.replace("|", "\\|")
        return f"| `{self.name}` | {self.type} | {labels} | {meaning} |"


def tables() -> dict[str, str]:
    """A table of Markdown for each part that exports metrics."""
    return {part: table(families(collectors)) for part, collectors in parts().items()}


def parts() -> dict[str, Iterable[Collector]]:
    """Everything that is scraped, by where it comes from."""
    return {
        "controller": registered(Metrics().registry),
        "sessions": [SessionCollector(list, lambda uid: None)],
        "agent": registered(AgentMetrics().registry),
        "hub": registered(HubMetrics().registry),
    }


def registered(registry: CollectorRegistry) -> Iterable[Collector]:
    """What a registry asks at a scrape, in the order in which it was made."""
    return registry._collector_to_names  # noqa: SLF001 - a metric without samples shows its labels nowhere else


def families(collectors: Iterable[Collector]) -> Iterator[Family]:
    """The metrics of collectors, as they are served."""
    for collector in collectors:
        for metric in collector.collect():
            yield family(metric, collector if isinstance(collector, MetricWrapperBase) else metric)


def family(metric: Metric, labelled: Collector | Metric) -> Family:
    """One metric; ``labelled`` knows its labels, but for those of an info, which are its content."""
    suffix, kind = SERVED.get(metric.type, ("", metric.type))
    labels = metric.samples[0].labels if metric.type == "info" else getattr(labelled, "_labelnames", ())
    return Family(metric.name + suffix, kind, tuple(labels), metric.documentation)


def table(rows: Iterable[Family]) -> str:
    """In Markdown."""
    return "\n".join(["| metric | type | labels | meaning |", "|---|---|---|---|", *(each.row() for each in rows), ""])
