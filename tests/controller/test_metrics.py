"""The controller's own metrics: what happens is counted under the name that dashboards and alerts use."""

from prometheus_client import generate_latest

from hubtraining import __version__
from hubtraining.controller.metrics import Metrics
from hubtraining.hub.connection import Exchange


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_the_queue_counts_under_client_gos_names() -> None:
    metrics = Metrics()
    metrics.queue.follow(lambda: 7, lambda: 1.5)
    metrics.queue.added()
    metrics.queue.started(0.2)
    metrics.queue.ended(0.03, "error")
    metrics.queue.retried()
    assert sample(metrics, "hubtraining_workqueue_adds_total") == 1
    assert sample(metrics, "hubtraining_workqueue_retries_total") == 1
    assert sample(metrics, "hubtraining_workqueue_depth") == 7
    assert sample(metrics, "hubtraining_workqueue_longest_running_seconds") == 1.5
    assert sample(metrics, "hubtraining_workqueue_queue_seconds_sum") == 0.2
    assert sample(metrics, "hubtraining_reconcile_total", result="error") == 1
    assert sample(metrics, "hubtraining_reconcile_total", result="done") == 0
    assert sample(metrics, "hubtraining_reconcile_seconds_bucket", le="0.05") == 1


def test_requests_to_the_api_server_count_by_verb_resource_and_code() -> None:
    metrics = Metrics()
    metrics.kube.requested("create", "pods", "201", 0.004)
    metrics.kube.requested("create", "pods", "error", 15.0)
    assert sample(metrics, "hubtraining_kube_requests_total", verb="create", resource="pods", code="201") == 1
    assert sample(metrics, "hubtraining_kube_requests_total", verb="create", resource="pods", code="error") == 1
    assert sample(metrics, "hubtraining_kube_request_seconds_count", verb="create", resource="pods") == 2


def test_a_watch_says_why_it_began_anew_and_when_it_was_heard() -> None:
    metrics = Metrics()
    assert sample(metrics, "hubtraining_watch_last_event_timestamp_seconds") == 0
    metrics.kube.watch_ended("expired")
    metrics.kube.watch_event()
    assert sample(metrics, "hubtraining_watch_restarts_total", reason="expired") == 1
    assert sample(metrics, "hubtraining_watch_restarts_total", reason="error") == 0
    assert (sample(metrics, "hubtraining_watch_last_event_timestamp_seconds") or 0) > 0


def test_reports_hubs_and_events_are_counted() -> None:
    metrics = Metrics()
    metrics.service.reported("taken")
    metrics.service.asked(Exchange("read", 200, 0.1))
    metrics.service.asked(Exchange("read", None, 10.0))
    metrics.service.dropped()
    assert sample(metrics, "hubtraining_reports_total", result="taken") == 1
    assert sample(metrics, "hubtraining_hub_client_requests_total", op="read", code="200") == 1
    assert sample(metrics, "hubtraining_hub_client_requests_total", op="read", code="error") == 1
    assert sample(metrics, "hubtraining_hub_client_request_seconds_count", op="read") == 2
    assert sample(metrics, "hubtraining_events_dropped_total") == 1


def test_the_build_is_told() -> None:
    text = generate_latest(Metrics().registry).decode()
    (line,) = [line for line in text.splitlines() if line.startswith("hubtraining_build_info{")]
    assert f'version="{__version__}"' in line
    assert "kopf=" in line


def test_two_controllers_in_one_process_do_not_share_their_counts() -> None:
    one, other = Metrics(), Metrics()
    one.queue.added()
    assert sample(other, "hubtraining_workqueue_adds_total") == 0
