"""What the hub tells Prometheus of itself."""

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class HubMetrics:
    """Counters of one hub, in a registry of its own. Labels are the program's own words, never a caller's."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "hubtraining_hub_requests_total",
            "Answered requests by operation and status code.",
            ["operation", "code"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "hubtraining_hub_request_seconds",
            "Time from the end of a request's headers to its answer.",
            ["operation"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.uploaded = Counter(
            "hubtraining_hub_upload_bytes_total",
            "Bytes of files that were accepted.",
            ["kind"],
            registry=self.registry,
        )
        self.epochs = Counter(
            "hubtraining_hub_metric_epochs_total", "Epochs whose metrics were accepted.", registry=self.registry
        )
        self.batches = Histogram(
            "hubtraining_hub_write_batch",
            "Writes that shared one transaction.",
            buckets=BATCHES,
            registry=self.registry,
        )

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
