"""What all endpoints have in common."""

import errno
import os
import sqlite3
from pathlib import Path

import httpx
import pytest
from builders.hub import ROOT, Clock, Hub, a_creation, a_hub
from prometheus_client.parser import text_string_to_metric_families

from hubtraining.hub import wire
from hubtraining.hub.server.endpoint import disk_is_full
from hubtraining.hub.settings import HubSettings, RateLimit


async def counted(hub: Hub, name: str, **labels: str) -> float:
    """The value of one sample at ``/metrics``."""
    text = (await hub.client.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return next((s.value for s in samples if s.name == name and s.labels == labels), 0.0)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("GET", "/v1", 404), ("PUT", wire.MODELS, 405), ("GET", wire.AUTH, 405)],
)
async def test_unknown_paths_and_methods_get_the_envelope(tmp_path: Path, method: str, path: str, status: int) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["success"] is False
    assert answer.json()["message"]


async def test_our_own_mistake_shows_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_hub(tmp_path) as hub:
        transport = httpx.ASGITransport(hub.app, raise_app_exceptions=False)
        monkeypatch.setattr("hubtraining.hub.server.models.payloads.draft", lambda _: 1 / 0)
        async with httpx.AsyncClient(transport=transport, base_url=ROOT) as client:
            answer = await client.post(wire.MODELS, json=a_creation(), headers={wire.HEADER_KEY: hub.key})
        failed = await counted(hub, "hubtraining_hub_requests_total", operation="create-model", code="500")
    assert answer.status_code == 500
    assert answer.json() == {"success": False, "message": "the hub failed; its log says why", "data": None}
    assert failed == 1


async def test_answers_are_counted_by_operation_and_code(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        await hub.post(model, {0: {"a": 1.0}, 1: {"a": 1.0}})
        await hub.client.post(wire.model(model), content=b"nonsense")
        good = await counted(hub, "hubtraining_hub_requests_total", operation="post-metrics", code="200")
        bad = await counted(hub, "hubtraining_hub_requests_total", operation="post-metrics", code="400")
        epochs = await counted(hub, "hubtraining_hub_metric_epochs_total")
        seconds = await counted(hub, "hubtraining_hub_request_seconds_count", operation="post-metrics")
    assert (good, bad, epochs, seconds) == (1, 1, 2, 2)


async def test_a_caller_over_its_limit_is_told_when_to_come_back(tmp_path: Path) -> None:
    clock = Clock(1_800_000_000.0)
    settings = HubSettings(min_free_bytes=0, rate_limit=RateLimit(2, 60))
    async with a_hub(tmp_path, settings, clock=clock) as hub:
        codes = [(await hub.client.post(wire.AUTH)).status_code for _ in range(2)]
        clock.pass_(20.5)
        refused = await hub.client.post(wire.AUTH)
        clock.pass_(39.5)
        after = await hub.client.post(wire.AUTH)
    assert codes == [200, 200]
    assert refused.status_code == 429
    assert refused.json()["success"] is False
    wanted = {
        "retry-after": "40",
        "x-ratelimit-limit": "2",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1800000060",
    }
    assert {name: refused.headers[name] for name in wanted} == wanted
    assert after.status_code == 200


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), True),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), True),
        (OSError(errno.EIO, os.strerror(errno.EIO)), False),
        (sqlite3.OperationalError("locked"), False),
    ],
)
def test_only_a_full_disk_is_a_full_disk(error: Exception, full: bool) -> None:
    assert disk_is_full(error) is full


async def test_a_disk_that_fails_in_another_way_is_our_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_hub(tmp_path) as hub:
        monkeypatch.setattr("hubtraining.hub.server.models.payloads.draft", lambda _: (tmp_path / "missing").stat())
        with pytest.raises(FileNotFoundError):
            await hub.client.post(wire.MODELS, json=a_creation())
