"""The controller's own Prometheus metrics; those of sessions are in ``session_metrics``."""

import platform
from collections.abc import Callable
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from hubtraining import __version__
from hubtraining.hub.connection import Exchange

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0)


class QueueMetrics:
    """Of the work queue; the names follow client-go's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        prefix = "hubtraining_workqueue"
        self._adds = Counter(f"{prefix}_adds_total", "Keys that began to wait.", registry=registry)
        self._retries = Counter(f"{prefix}_retries_total", "Passes that failed and are tried again.", registry=registry)
        self._waited = Histogram(f"{prefix}_queue_seconds", "How long keys waited.", buckets=_SLOW, registry=registry)
        self._depth = Gauge(f"{prefix}_depth", "Keys that wait now.", registry=registry)
        self._longest = Gauge(
            f"{prefix}_longest_running_seconds", "How long the oldest unfinished pass has taken.", registry=registry
        )
        self._passes = Counter("hubtraining_reconcile_total", "Passes over sessions.", ["result"], registry=registry)
        self._worked = Histogram(
            "hubtraining_reconcile_seconds", "How long passes took.", buckets=_FAST, registry=registry
        )
        for result in ("done", "error"):
            self._passes.labels(result)

    def follow(self, depth: Callable[[], float], longest: Callable[[], float]) -> None:
        """Ask these at each scrape."""
        self._depth.set_function(depth)
        self._longest.set_function(longest)

    def added(self) -> None:
        """A key began to wait."""
        self._adds.inc()

    def started(self, waited: float) -> None:
        """Work on a key began."""
        self._waited.observe(waited)

    def ended(self, worked: float, result: str) -> None:
        """Work on a key ended."""
        self._passes.labels(result).inc()
        self._worked.observe(worked)

    def retried(self) -> None:
        """A key failed."""
        self._retries.inc()


class KubeMetrics:
    """Of requests to the API server and of the watch of pods."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "hubtraining_kube_requests_total",
            "Requests to the API server; code is `error` where no answer came.",
            ["verb", "resource", "code"],
            registry=registry,
        )
        self._seconds = Histogram(
            "hubtraining_kube_request_seconds",
            "How long requests to the API server took, until the answer began.",
            ["verb", "resource"],
            buckets=_FAST,
            registry=registry,
        )
        self._restarts = Counter(
            "hubtraining_watch_restarts_total", "How often the watch of pods began anew.", ["reason"], registry=registry
        )
        self._heard = Gauge(
            "hubtraining_watch_last_event_timestamp_seconds",
            "When the watch of pods was last heard.",
            registry=registry,
        )
        for reason in ("closed", "expired", "error"):
            self._restarts.labels(reason)

    def requested(self, verb: str, resource: str, code: str, seconds: float) -> None:
        """A request ended."""
        self._requests.labels(verb, resource, code).inc()
        self._seconds.labels(verb, resource).observe(seconds)

    def watch_ended(self, reason: str) -> None:
        """The watch begins anew."""
        self._restarts.labels(reason).inc()

    def watch_event(self) -> None:
        """The watch was heard."""
        self._heard.set_to_current_time()


class ServiceMetrics:
    """Of agents' reports and of questions to hubs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._reports = Counter(
            "hubtraining_reports_total", "Reports of agents, by how they were answered.", ["result"], registry=registry
        )
        self._hub = Counter(
            "hubtraining_hub_client_requests_total",
            "Requests of the controller to hubs; code is `error` where no answer came.",
            ["op", "code"],
            registry=registry,
        )
        self._hub_seconds = Histogram(
            "hubtraining_hub_client_request_seconds",
            "How long the controller's requests to hubs took.",
            ["op"],
            buckets=_FAST,
            registry=registry,
        )
        self._dropped = Counter(
            "hubtraining_events_dropped_total", "Events that were not posted: too many waited.", registry=registry
        )

    def reported(self, result: str) -> None:
        """A report was answered."""
        self._reports.labels(result).inc()

    def asked(self, exchange: Exchange) -> None:
        """A hub was asked."""
        self._hub.labels(exchange.op, "error" if exchange.status is None else str(exchange.status)).inc()
        self._hub_seconds.labels(exchange.op).observe(exchange.seconds)

    def dropped(self) -> None:
        """An event was dropped."""
        self._dropped.inc()


class Metrics:
    """All of them, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.queue = QueueMetrics(self.registry)
        self.kube = KubeMetrics(self.registry)
        self.service = ServiceMetrics(self.registry)
        self._leader = Gauge(
            "hubtraining_leader", "1 while this controller leads, 0 while it stands by.", registry=self.registry
        )
        Info("hubtraining_build", "What runs here.", registry=self.registry).info(
            {"version": __version__, "python": platform.python_version(), "kopf": version("kopf")}
        )

    def follow_leader(self, leads: Callable[[], bool]) -> None:
        """Ask this at each scrape."""
        self._leader.set_function(leads)
