"""The hub on a file system that is really full: it says 507, keeps what it has, and goes on when there is space."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders.hub import a_checkpoint, a_creation, a_posting
from builders.hub_process import a_hub_process, create_key

from hubtraining.hub import wire

MIB = 1 << 20
SIZE = 32 * MIB
RESERVE = 4 * MIB
ENVIRON = {"HUBTRAINING_HUB_MIN_FREE_BYTES": str(RESERVE)}

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount a small disk"),
]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def a_client(folder: Path) -> Iterator[httpx.Client]:
    """A served hub on ``folder`` and its user."""
    key = create_key(folder / "hub")
    with (
        a_hub_process(folder / "hub", ENVIRON) as hub,
        httpx.Client(base_url=hub.url, headers={wire.HEADER_KEY: key}, timeout=30) as client,
    ):
        yield client


def a_model(client: httpx.Client) -> str:
    return str(client.post(wire.MODELS, json=a_creation()).json()["data"]["id"])


def upload(client: httpx.Client, model: str, epoch: int, content: bytes) -> httpx.Response:
    form = {"epoch": str(epoch), "type": "epoch"}
    return client.post(wire.upload(model), data=form, files={"last.pt": ("last.pt", content)})


def post(client: httpx.Client, model: str, epoch: int) -> httpx.Response:
    return client.post(wire.model(model), json=a_posting({epoch: {"loss": float(epoch)}}))


def kept(client: httpx.Client, model: str) -> tuple[dict[str, float], list[int], bytes]:
    """Metrics, epochs of checkpoints, and the newest checkpoint's bytes."""
    series: list[Any] = client.get(wire.metrics(model)).json()["data"]
    history = [record["epoch"] for record in client.get(wire.checkpoints(model)).json()["data"]]
    return series[0]["data"], history, httpx.get(client.get(wire.model(model)).json()["data"]["resume"]).content


def fill(disk: Path, leave: int) -> Path:
    """A file that takes all the space but so much."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        while (free := os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - leave) > 0:
            file.write(bytes(min(free, MIB)))
            file.flush()
    return ballast


def assert_full(answer: httpx.Response) -> None:
    assert answer.status_code == 507, answer.text
    assert answer.json()["success"] is False
    assert "nothing that was accepted before is lost" in answer.json()["message"]


def test_uploads_end_at_the_reserve_and_metrics_go_on(disk: Path) -> None:
    with a_client(disk) as client:
        model, accepted = a_model(client), []
        for epoch in range(20):
            accepted.append(a_checkpoint(5 * MIB))
            answer = upload(client, model, epoch, accepted[-1])
            if answer.status_code != 200:
                break
        assert_full(answer)
        assert 3 <= epoch <= 5
        assert [post(client, model, number).status_code for number in range(50)] == [200] * 50
        assert list((disk / "hub" / "incoming").iterdir()) == []
        before = kept(client, model)
        assert before[1:] == (list(reversed(range(epoch))), accepted[epoch - 1])
    with a_client(disk) as client:
        assert kept(client, model) == before


def test_a_disk_that_others_fill_during_an_upload_ends_that_upload_alone(disk: Path) -> None:
    with a_client(disk) as client:
        model, content = a_model(client), a_checkpoint(10 * MIB)
        assert upload(client, model, 1, content).status_code == 200
        assert post(client, model, 1).status_code == 200

        def body() -> Iterator[bytes]:
            """Says no length, so that the hub cannot refuse it beforehand; the disk is filled in the middle of it."""
            yield b'--x\r\nContent-Disposition: form-data; name="last.pt"; filename="last.pt"\r\n\r\n'
            yield bytes(2 * MIB)
            fill(disk, leave=RESERVE + MIB)
            yield from (bytes(MIB) for _ in range(4))
            yield b"\r\n--x--\r\n"

        kind = {"content-type": "multipart/form-data; boundary=x"}
        assert_full(client.post(wire.upload(model), content=body(), headers=kind))
        assert list((disk / "hub" / "incoming").iterdir()) == []
        assert kept(client, model)[1:] == ([1], content)


def test_a_disk_without_a_byte_left_refuses_all_writes_and_loses_none(disk: Path) -> None:
    with a_client(disk) as client:
        model, content = a_model(client), a_checkpoint(MIB)
        upload(client, model, 0, content)
        assert [post(client, model, epoch).status_code for epoch in range(10)] == [200] * 10
        ballast = fill(disk, leave=0)
        for epoch in range(10, 2000):
            answer = post(client, model, epoch)
            if answer.status_code != 200:
                break
        assert_full(answer)
        for path, body in ((wire.MODELS, a_creation()), (wire.heartbeat(model), {"agent": "a", "agentId": None})):
            assert client.post(path, json=body).status_code in (200, 507)
        before = kept(client, model)
        assert before == ({str(number): float(number) for number in range(epoch)}, [0], content)

        ballast.unlink()
        assert post(client, model, epoch).status_code == 200
        assert upload(client, model, 1, content).status_code == 200
    with a_client(disk) as client:
        assert len(kept(client, model)[0]) == epoch + 1
