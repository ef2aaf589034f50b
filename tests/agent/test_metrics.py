"""The agent's own metrics, and the traffic that they count."""

from hubtraining.agent.metrics import AgentMetrics
from hubtraining.agent.traffic import UPLOAD, Traffic
from hubtraining.hub.connection import Exchange


def test_calls_are_counted_by_operation_and_status() -> None:
    metrics = AgentMetrics()
    traffic = Traffic(metrics)
    traffic.ended(Exchange("heartbeat", 200, 0.2))
    traffic.ended(Exchange("heartbeat", None, 10.0))
    value = metrics.registry.get_sample_value
    assert value("hubtraining_agent_hub_requests_total", {"op": "heartbeat", "code": "200"}) == 1
    assert value("hubtraining_agent_hub_requests_total", {"op": "heartbeat", "code": "error"}) == 1
    assert value("hubtraining_agent_hub_request_seconds_sum") == 10.2


def test_an_upload_waits_from_the_end_of_a_try_until_the_next_has_begun() -> None:
    traffic = Traffic(AgentMetrics())
    assert not traffic.waiting
    traffic.ended(Exchange("metrics", None, 1.0))
    assert not traffic.waiting
    traffic.ended(Exchange(UPLOAD, 503, 1.0))
    assert traffic.waiting
    traffic.sent(10, 100)
    assert not traffic.waiting


def test_what_prometheus_scrapes_is_text_and_tells_the_process() -> None:
    answer = AgentMetrics().answer()
    assert answer.kind.startswith("text/plain")
    assert b"process_resident_memory_bytes" in answer.body
    assert b"hubtraining_build_info{version=" in answer.body
