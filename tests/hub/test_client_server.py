"""Our client against our hub: over its ASGI app, and over a real socket where bytes and time matter."""

import asyncio
import zipfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders.checkpoints import a_checkpoint, an_upload, digest, tear
from builders.hub import ROOT, Clock, Hub, a_hub
from builders.served_hub import a_served_hub

from hubtraining.domain import layout
from hubtraining.domain.arguments import AlreadyTrained, create_payload
from hubtraining.domain.identifiers import parse
from hubtraining.domain.layout import Input
from hubtraining.hub.client import Fence, HubClient
from hubtraining.hub.connection import Connection
from hubtraining.hub.credentials import fixed, from_file
from hubtraining.hub.errors import HubConflict, HubNotFound, HubNotReady, HubRefused, HubUnauthorized, HubUnavailable
from hubtraining.hub.session import HubTrainingSession
from hubtraining.hub.uploads import CheckpointUpload

ARGS = {"data": "coco8.yaml", "epochs": 3, "imgsz": 64, "batch": 2}
YAML = parse("yolov8n.yaml")


def a_client(hub: Hub, key: str = "") -> HubClient:
    http = httpx.AsyncClient(transport=httpx.ASGITransport(hub.app))
    return HubClient(Connection(ROOT, fixed(key or hub.key), http))


@asynccontextmanager
async def client_and_model(folder: Path, **options: Any) -> AsyncIterator[tuple[HubClient, str]]:
    async with a_hub(folder, **options) as hub:
        client = a_client(hub)
        yield client, (await client.create(create_payload(YAML, ARGS, "uid-1"))).id


async def test_a_key_is_known_or_not(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        await a_client(hub).auth()
        with pytest.raises(HubUnauthorized):
            await a_client(hub, "x" * 42).auth()


async def test_a_created_model_can_be_planned(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        session = HubTrainingSession(a_client(hub), web_url="https://hub.example")

        model = await session.create_model(YAML, ARGS, session_uid="uid-1")
        planned = session.plan(model, YAML, ARGS)

    assert planned.model == "yolov8n.yaml"
    assert planned.arguments == {**ARGS, "patience": 100, "cache": "ram"}
    assert (planned.epochs, planned.overridden, planned.inputs) == (3, (), ())


async def test_a_model_that_the_hub_held_is_planned_with_its_own_arguments(tmp_path: Path) -> None:
    async with client_and_model(tmp_path) as (client, model_id):
        session = HubTrainingSession(client)
        model = await session.load_model(model_id)
        planned = session.plan(model, parse(model_id), {"epochs": 9, "lr0": 0.1})

    assert (planned.epochs, planned.overridden) == (3, ("epochs",))
    assert planned.arguments["lr0"] == 0.1


async def test_the_same_key_creates_one_model(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        payload = create_payload(YAML, ARGS, "uid-1")
        ids = {(await a_client(hub).create(payload, idempotency_key="uid-1")).id for _ in range(3)}

    assert len(ids) == 1


async def test_a_model_is_found_by_its_session(tmp_path: Path) -> None:
    async with client_and_model(tmp_path) as (client, model_id):
        for _ in range(3):
            await client.create(create_payload(YAML, ARGS))
        found = await client.find("uid-1")

        assert found is not None
        assert found.id == model_id
        assert await client.find("uid-2") is None


async def test_more_models_than_a_page_holds_are_walked(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        client = a_client(hub)
        made = {(await client.create(create_payload(YAML, ARGS))).id for _ in range(105)}
        found = [model.id async for model in client.models()]

    assert len(found) == len(set(found)) == 105
    assert set(found) == made


async def test_a_model_is_changed_and_deleted(tmp_path: Path) -> None:
    async with client_and_model(tmp_path) as (client, model_id):
        await client.update(model_id, {"meta": {"name": "new name"}})
        assert (await client.read(model_id)).meta["name"] == "new name"

        await client.delete(model_id, hard=True)
        with pytest.raises(HubNotFound):
            await client.read(model_id)


async def test_heartbeats_name_the_agent(tmp_path: Path) -> None:
    async with client_and_model(tmp_path) as (client, model_id):
        first = await client.heartbeat(model_id, "test", None)

        assert first
        assert await client.heartbeat(model_id, "test", first) == first


async def test_metrics_come_back_as_they_went(tmp_path: Path) -> None:
    sent = {1: {"loss": 1.5, "metrics/mAP50(B)": None}, 2: {"loss": 0.25, "metrics/mAP50(B)": 0.5}}

    async with client_and_model(tmp_path) as (client, model_id):
        await client.send_metrics(model_id, {1: {"loss": 99.0}})
        await client.send_metrics(model_id, sent)

        assert await client.metrics(model_id) == sent


async def test_checkpoints_come_back_with_the_same_bytes(tmp_path: Path) -> None:
    async with client_and_model(tmp_path / "hub") as (client, model_id):
        last, best, final = (a_checkpoint(tmp_path / name, seed=i) for i, name in enumerate(("1.pt", "2.pt", "3.pt")))
        await client.upload_checkpoint(model_id, CheckpointUpload(best, 1, is_best=True))
        await client.upload_checkpoint(model_id, CheckpointUpload(last, 2))
        got_last = await client.download(await client.link(model_id, "last"), tmp_path / "got-last.pt")
        got_best = await client.download(await client.link(model_id, "best"), tmp_path / "got-best.pt")
        await client.upload_checkpoint(model_id, CheckpointUpload(final, 3, "final", map=0.5))
        got_final = await client.download(await client.link(model_id, "best"), tmp_path / "got-final.pt")
        history = await client.checkpoints(model_id)

    assert [got.sha256 for got in (got_last, got_best, got_final)] == [digest(last), digest(best), digest(final)]
    assert [(one.epoch, one.type, one.is_best) for one in history] == [
        (2, "final", True), (1, "epoch", False), (0, "epoch", True),
    ]  # fmt: skip


async def test_a_started_model_resumes_and_a_trained_one_is_refused(tmp_path: Path) -> None:
    async with client_and_model(tmp_path / "hub") as (client, model_id):
        session = HubTrainingSession(client)
        await session.load_model(model_id)
        await session.upload_model(an_upload(tmp_path / "1.pt", 1))
        resumed = session.plan(await session.load_model(model_id), YAML, ARGS)

        await session.upload_model(an_upload(tmp_path / "2.pt", 3, final=True))
        trained = await session.load_model(model_id)
        with pytest.raises(AlreadyTrained):
            session.plan(trained, YAML, ARGS)

    assert resumed.inputs == (Input("last", layout.weights_file("last.pt")),)
    assert resumed.resumed


async def test_a_torn_checkpoint_is_refused_with_the_hubs_words(tmp_path: Path) -> None:
    async with client_and_model(tmp_path / "hub") as (client, model_id):
        torn = CheckpointUpload(tear(a_checkpoint(tmp_path / "last.pt")), 1)

        with pytest.raises(HubRefused, match="not a whole zip file"):
            await client.upload_checkpoint(model_id, torn)
        assert await client.checkpoints(model_id) == []


async def test_a_repeated_upload_changes_nothing(tmp_path: Path) -> None:
    async with client_and_model(tmp_path / "hub") as (client, model_id):
        for _ in range(3):
            await client.upload_checkpoint(model_id, an_upload(tmp_path / "last.pt"))

        assert len(await client.checkpoints(model_id)) == 1


async def test_start_weights_become_the_parent(tmp_path: Path) -> None:
    identifier = parse("yolo11n.pt")

    async with a_hub(tmp_path / "hub") as hub:
        client, path = a_client(hub), a_checkpoint(tmp_path / "yolo11n.pt")
        await client.upload_weights("yolo11n.pt", path)
        session = HubTrainingSession(client)
        model = await session.create_model(identifier, ARGS)
        planned = session.plan(model, identifier, ARGS)
        got = await client.download(await client.link(model.id, "parent"), tmp_path / "got.pt")

    assert planned.inputs == (Input("parent", layout.weights_file("yolo11n.pt")),)
    assert got.sha256 == digest(path)


async def test_a_data_set_is_uploaded_found_by_its_name_and_brought(tmp_path: Path) -> None:
    path = tmp_path / "signs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("signs/data.yaml", "nc: 1\n")

    async with a_hub(tmp_path / "hub") as hub:
        client = a_client(hub)
        dataset_id = await client.create_dataset("signs")
        await client.upload_dataset(dataset_id, path)
        session = HubTrainingSession(client)
        model = await session.create_model(YAML, {**ARGS, "data": "signs"})
        planned = session.plan(model, YAML, {**ARGS, "data": "signs"})
        by_model = await client.download(await client.link(model.id, "dataset"), tmp_path / "1.zip")
        by_id = await client.download(await client.dataset_link(dataset_id), tmp_path / "2.zip")
        listed = [record["id"] async for record in client.datasets(query="signs")]

    assert planned.arguments["data"] == layout.INPUT_DATA_YAML
    assert planned.inputs == (Input("dataset", layout.INPUT_DATA_YAML),)
    assert by_model.sha256 == by_id.sha256 == digest(path)
    assert listed == [dataset_id]


async def test_a_data_set_that_is_still_processing_is_not_ready(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        client = a_client(hub)
        await client.create_dataset("signs")

        with pytest.raises(HubNotReady, match="may still be processing"):
            await client.create(create_payload(YAML, {**ARGS, "data": "signs"}))


async def test_an_older_attempt_and_another_session_are_refused(tmp_path: Path) -> None:
    async with client_and_model(tmp_path) as (client, model_id):
        await client.fenced(Fence("uid-1", 2)).send_metrics(model_id, {1: {"loss": 1.0}})

        with pytest.raises(HubConflict):
            await client.fenced(Fence("uid-1", 1)).send_metrics(model_id, {1: {"loss": 2.0}})
        with pytest.raises(HubConflict):
            await client.fenced(Fence("uid-2", 1)).send_metrics(model_id, {1: {"loss": 3.0}})
        assert await client.metrics(model_id) == {1: {"loss": 1.0}}


async def test_a_closed_claim_lets_the_next_session_in(tmp_path: Path) -> None:
    async with client_and_model(tmp_path) as (client, model_id):
        first, second = client.fenced(Fence("uid-1", 1)), client.fenced(Fence("uid-2", 1))
        await first.heartbeat(model_id, "a", None)
        with pytest.raises(HubConflict):
            await second.claim(model_id, "team-a")

        await first.close(model_id)
        await second.claim(model_id, "team-a")


@pytest.mark.looptime
async def test_a_whole_session_in_virtual_time(tmp_path: Path) -> None:
    clock = Clock()

    async with client_and_model(tmp_path / "hub", clock=clock, threaded=False) as (client, model_id):
        session = HubTrainingSession(client)
        await session.load_model(model_id)
        async with session:
            for epoch in range(1, 31):
                session.add_metrics(epoch, {"loss": 1 / epoch})
                if session.checkpoint_due():
                    await session.upload_model(an_upload(tmp_path / f"{epoch}.pt", epoch))
                await asyncio.sleep(60)
        await session.upload_model(an_upload(tmp_path / "best.pt", 30, final=True))

        assert await client.metrics(model_id) == {epoch: {"loss": 1 / epoch} for epoch in range(1, 31)}
        assert [one.epoch + 1 for one in await client.checkpoints(model_id)] == [30, 16, 1]
        assert (await client.read(model_id)).status == "trained"


# over a real socket


async def test_a_large_checkpoint_streams_over_a_socket(tmp_path: Path) -> None:
    path = a_checkpoint(tmp_path / "large.pt", size=20_000_000)

    async with a_served_hub(tmp_path / "hub") as (hub, url), HubClient.open(url, fixed(hub.key)) as client:
        model = await client.create(create_payload(YAML, ARGS))
        await client.upload_checkpoint(model.id, CheckpointUpload(path, 1))
        got = await client.download(await client.link(model.id, "last"), tmp_path / "got.pt")

    assert got.sha256 == digest(path)


async def test_an_upload_with_a_wrong_key_is_refused_though_the_body_was_not_read(tmp_path: Path) -> None:
    path = a_checkpoint(tmp_path / "large.pt", size=20_000_000)

    async with a_served_hub(tmp_path / "hub") as (_, url), HubClient.open(url, fixed("x" * 42)) as client:
        with pytest.raises(HubUnauthorized):
            await client.upload_checkpoint("Zk3n5Qw8Rt1Yb7Uc2Xm4", CheckpointUpload(path, 1))


async def test_a_key_that_changes_in_its_file_is_used_at_once(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("x" * 42)

    async with a_served_hub(tmp_path / "hub") as (hub, url), HubClient.open(url, from_file(key)) as client:
        with pytest.raises(HubUnauthorized):
            await client.auth()
        key.write_text(hub.key)

        await client.auth()


async def test_a_hub_that_restarts_is_reached_again_and_has_everything(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with a_served_hub(tmp_path / "hub") as (hub, url):
            client = await stack.enter_async_context(HubClient.open(url, fixed(hub.key)))
            model = await client.create(create_payload(YAML, ARGS))
            await client.send_metrics(model.id, {1: {"loss": 1.0}})

        with pytest.raises(HubUnavailable, match="no connection to the hub: Connect"):
            await client.auth()

        async with a_served_hub(tmp_path / "hub", int(url.rpartition(":")[2])):
            assert await client.metrics(model.id) == {1: {"loss": 1.0}}
