"""Probes, and what the hub does not offer."""

from pathlib import Path

import pytest
from builders.hub import a_hub

from hubtraining.hub import wire


async def test_probes_need_no_key(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub, hub.stranger() as stranger:
        for verb in ("GET", "HEAD"):
            for path in ("/healthz", "/readyz", "/metrics"):
                assert (await stranger.request(verb, path)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{wire.model('x')}/export"),
        ("POST", "/get-export"),
        ("POST", "/v1/predict/x"),
        ("POST", f"{wire.model('x')}/train"),
        ("POST", "/model-reset"),
        ("GET", "/v1/users"),
        ("GET", "/v1/teams/x"),
        ("POST", "/v1/projects/x/upload"),
    ],
)
async def test_what_is_not_offered_is_said_to_be_so(tmp_path: Path, method: str, path: str) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.request(method, path)
    assert answer.status_code == 501
    assert answer.json()["success"] is False
    assert "does not offer" in answer.json()["message"]


async def test_the_metrics_page_is_what_prometheus_reads(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        await hub.client.post(wire.AUTH)
        answer = await hub.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'hubtraining_hub_requests_total{code="200",operation="auth"} 1.0' in answer.text
