"""The hub is killed again and again while clients write: what it acknowledged is there after each start."""

import hashlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders.hub import a_checkpoint, a_creation, a_posting
from builders.hub_process import HubProcess, a_hub_process, create_key, free_port, launch, start
from support.faults import rounds

from hubtraining.hub import wire
from hubtraining.hub.server.sweep import sweep
from hubtraining.hub.store import DATABASE
from hubtraining.hub.store.blobs import Blobs
from hubtraining.hub.store.database import prepare, transact

pytestmark = pytest.mark.faults

KILLS = rounds(few=10, full=200)
WRITERS = 2
"""Of each kind: metrics and checkpoints."""


@dataclass
class Written:
    """What one client was told to be kept, by epoch."""

    model: str = ""
    metrics: dict[int, float] = field(default_factory=dict)
    checkpoints: dict[int, str] = field(default_factory=dict)
    surprise: str = ""
    """An answer that is neither a success nor a broken connection."""


class Load:
    """Clients that write as fast as they can until the hub is gone."""

    def __init__(self, hub: HubProcess, key: str) -> None:
        self.written = [Written() for _ in range(2 * WRITERS)]
        writers: list[Callable[[httpx.Client, Written], None]] = [post_metrics, upload_checkpoints] * WRITERS
        self._threads = [
            threading.Thread(target=self._write, args=(hub.url, key, writer, written))
            for writer, written in zip(writers, self.written, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self, url: str, key: str, writer: Callable[[httpx.Client, Written], None], written: Written) -> None:
        with httpx.Client(base_url=url, headers={wire.HEADER_KEY: key}, timeout=30) as client:
            try:
                written.model = ask(client, written, wire.MODELS, json=a_creation())["id"]
                writer(client, written)
            except httpx.TransportError:
                return

    def end(self) -> list[Written]:
        """Once the hub is gone."""
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        return [written for written in self.written if written.model]


def ask(client: httpx.Client, written: Written, path: str, **options: Any) -> Any:
    """Post; anything but a success is noted and ends the client."""
    answer = client.post(path, **options)
    if answer.status_code != 200:
        written.surprise = f"{answer.status_code} {answer.text}"
        raise httpx.ReadError(written.surprise)
    return answer.json()["data"]


def post_metrics(client: httpx.Client, written: Written) -> None:
    """An epoch a post."""
    for epoch in range(1_000_000):
        value = random.random()
        ask(client, written, wire.model(written.model), json=a_posting({epoch: {"loss": value}}))
        written.metrics[epoch] = value


def upload_checkpoints(client: httpx.Client, written: Written) -> None:
    """An epoch an upload, each of another size."""
    for epoch in range(1_000_000):
        content = a_checkpoint(random.randrange(1, 3_000_000))
        form = {"epoch": str(epoch), "type": "epoch", "isBest": "False"}
        ask(client, written, wire.upload(written.model), data=form, files={"last.pt": ("last.pt", content)})
        written.checkpoints[epoch] = hashlib.sha256(content).hexdigest()


def check(client: httpx.Client, written: Written) -> None:
    """Everything that was acknowledged is there; more may be, for an answer can be lost on its way."""
    assert written.surprise == ""
    series = client.get(wire.metrics(written.model)).json()["data"]
    values = series[0]["data"] if series else {}
    assert written.metrics.items() <= {int(epoch): value for epoch, value in values.items()}.items()
    history = client.get(wire.checkpoints(written.model)).json()["data"]
    kept = {record["epoch"]: record["sha256"] for record in history}
    assert written.checkpoints.items() <= kept.items()
    assert len(kept) <= len(written.checkpoints) + 1
    if written.checkpoints:
        link = client.get(wire.model(written.model)).json()["data"]["resume"]
        newest = max(kept)
        assert hashlib.sha256(httpx.get(link, timeout=30).content).hexdigest() == kept[newest]


def kill_while_it_starts(folder: Path, port: int) -> None:
    starting = launch(folder, port)
    time.sleep(random.random())
    starting.kill()


def check_all(hub: HubProcess, key: str, written: list[Written]) -> None:
    with httpx.Client(base_url=hub.url, headers={wire.HEADER_KEY: key}, timeout=30) as client:
        for one in written:
            check(client, one)


def test_nothing_acknowledged_is_lost_however_often_the_hub_is_killed(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    random.seed(1)
    key, port = create_key(tmp_path), free_port()
    everything: list[Written] = []
    newest: list[Written] = []
    for number in range(KILLS):
        if number % 10 == 9:
            kill_while_it_starts(tmp_path, port)
        hub = start(tmp_path, port)
        check_all(hub, key, newest)
        load = Load(hub, key)
        time.sleep(random.uniform(0.05, 1.5))
        hub.kill()
        newest = load.end()
        everything.extend(newest)
    with a_hub_process(tmp_path) as hub:
        check_all(hub, key, everything)
    posts, uploads = (sum(map(len, counted)) for counted in zip(*map(acknowledged, everything), strict=True))
    tell(f"hub killed {KILLS} times: {posts} posts and {uploads} uploads acknowledged, all of them there")
    assert posts > KILLS
    assert uploads > 0
    assert_whole_and_without_orphans(tmp_path)


def acknowledged(written: Written) -> tuple[dict[int, float], dict[int, str]]:
    return written.metrics, written.checkpoints


def assert_whole_and_without_orphans(folder: Path) -> None:
    """Every file is what its name says, and what no row names goes with the next sweeps."""
    blobs = Blobs(folder, reserve=0)
    assert all(sha256 == hashlib.sha256(blobs.path(sha256).read_bytes()).hexdigest() for sha256 in blobs.names())
    connection, later = prepare(folder / DATABASE), time.time() + 1000
    for moment in (later, later + 1000):
        (gone,) = transact(connection, [lambda c, moment=moment: sweep(blobs, c, moment, 1000)])
        assert isinstance(gone, list), gone
    rows = connection.execute("SELECT sha256 FROM checkpoints JOIN models ON models.last = checkpoints.sequence")
    assert blobs.names() == {row["sha256"] for row in rows}
    connection.close()
    assert list((folder / "incoming").glob("serve-*")) == []
