"""The agent's Prometheus metrics: its own process and traffic. Those of the session come from the controller."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from hubtraining import __version__
from hubtraining.agent.probe import Answer
from hubtraining.hub.connection import Exchange

SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600)


class AgentMetrics:
    """One registry for one agent."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.uploads = Counter(
            "hubtraining_agent_uploads", "Checkpoint uploads by kind and result.", ("kind", "result"), registry=registry
        )
        self.upload_bytes = Counter(
            "hubtraining_agent_upload_bytes", "Checkpoint bytes that the hub acknowledged.", registry=registry
        )
        self.upload_seconds = Histogram(
            "hubtraining_agent_upload_seconds",
            "How long acknowledged uploads took, tries and waits included.",
            buckets=SECONDS,
            registry=registry,
        )
        self.snapshots = Counter(
            "hubtraining_agent_snapshots", "Copies of checkpoints by result.", ("result",), registry=registry
        )
        self.hub_requests = Counter(
            "hubtraining_agent_hub_requests",
            "Calls to the hub; code is `error` where no answer came.",
            ("op", "code"),
            registry=registry,
        )
        self.hub_seconds = Histogram(
            "hubtraining_agent_hub_request_seconds",
            "How long calls to the hub took.",
            buckets=SECONDS,
            registry=registry,
        )
        self.reports = Counter(
            "hubtraining_agent_reports", "Reports to the controller by result.", ("result",), registry=registry
        )
        self.waiting = Gauge(
            "hubtraining_agent_journal_entries", "Epochs that the hub has not acknowledged.", registry=registry
        )
        self.restarts = Counter(
            "hubtraining_agent_task_restarts", "Tasks that failed and were started again.", ("task",), registry=registry
        )
        Gauge("hubtraining_build_info", "What runs here.", ("version",), registry=registry).labels(__version__).set(1)

    def observe(self, exchange: Exchange) -> None:
        """Count one call to the hub."""
        code = "error" if exchange.status is None else str(exchange.status)
        self.hub_requests.labels(exchange.op, code).inc()
        self.hub_seconds.observe(exchange.seconds)

    def answer(self) -> Answer:
        """What ``/metrics`` answers."""
        return Answer(body=generate_latest(self.registry), kind=CONTENT_TYPE_LATEST)
