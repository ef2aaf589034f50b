"""What probes and Prometheus get to see."""

from collections.abc import Callable

import httpx
from prometheus_client import CollectorRegistry, Gauge

from hubtraining.controller.observability import STUCK_SECONDS, create_app


async def get(
    path: str,
    registry: CollectorRegistry | None = None,
    longest: float = 0.0,
    ready: Callable[[], bool] = lambda: True,
) -> httpx.Response:
    app = create_app(registry or CollectorRegistry(), lambda: longest, ready)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://controller") as client:
        return await client.get(path)


async def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Gauge("answer", "To all.", registry=registry).set(42)
    answer = await get("/metrics", registry)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "answer 42.0" in answer.text.splitlines()


async def test_the_controller_lives_as_long_as_no_pass_is_stuck() -> None:
    assert (await get("/healthz", longest=STUCK_SECONDS)).status_code == 200
    stuck = await get("/healthz", longest=STUCK_SECONDS + 1)
    assert (stuck.status_code, stuck.text) == (500, "a pass is stuck\n")


async def test_the_controller_is_ready_when_it_knows_what_there_is() -> None:
    assert (await get("/readyz")).status_code == 200
    waiting = await get("/readyz", ready=lambda: False)
    assert (waiting.status_code, waiting.text) == (503, "the caches are not filled yet\n")
