"""Who gets in, and as whom."""

from pathlib import Path

import pytest
from builders.hub import SMALL, Clock, Hub, a_checkpoint, a_hub, session_headers
from builders.tokens import Reviews, a_pod_caller

from hubtraining.hub import wire
from hubtraining.hub.callers import Caller
from hubtraining.hub.store import keys

CONTROLLER = {"authorization": "Bearer controller"}


def reviews() -> Reviews:
    return Reviews(
        {
            "controller": Caller("controller"),
            "a1": a_pod_caller("uid-a", 1),
            "a2": a_pod_caller("uid-a", 2),
            "b1": a_pod_caller("uid-b", 1),
            "elsewhere": a_pod_caller("uid-a", 1, "other"),
        }
    )


async def a_session_model(hub: Hub, session: str = "uid-a") -> str:
    """A model that the controller made for a session."""
    headers = {**CONTROLLER, **session_headers(session, namespace="team"), wire.HEADER_IDEMPOTENCY: session}
    return await hub.model(headers)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_key_gets_in_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        good = await hub.client.post(wire.AUTH)
        bad = await hub.client.post(wire.AUTH, headers={wire.HEADER_KEY: "x" * 42})
        async with hub.stranger() as stranger:
            none = await stranger.post(wire.AUTH)
    assert (good.status_code, good.json()["success"]) == (200, True)
    assert (bad.status_code, bad.json()["success"]) == (401, False)
    assert (none.status_code, none.json()["success"]) == (401, False)
    assert "x" * 42 not in bad.text


async def test_a_revoked_key_stops_working_within_seconds(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub(tmp_path, clock=clock) as hub:
        assert (await hub.client.post(wire.AUTH)).status_code == 200
        await hub.services.database.write(lambda connection: keys.revoke(connection, "test", clock()))
        clock.pass_(5)
        assert (await hub.client.post(wire.AUTH)).status_code == 401


async def test_tokens_are_refused_without_a_cluster(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.post(wire.AUTH, headers=bearer("x"))
    assert answer.status_code == 401
    assert "API keys only" in answer.json()["message"]


async def test_a_token_wins_over_a_key(tmp_path: Path) -> None:
    async with a_hub(tmp_path, reviewer=reviews()) as hub:
        assert (await hub.client.post(wire.AUTH, headers=bearer("unknown"))).status_code == 401
        assert (await hub.client.post(wire.AUTH, headers={"authorization": "bearer controller"})).status_code == 200
        assert (await hub.client.post(wire.AUTH, headers={"authorization": "Basic eDp5"})).status_code == 200


async def test_a_pod_reads_and_writes_the_model_of_its_session(tmp_path: Path) -> None:
    async with a_hub(tmp_path, reviewer=reviews()) as hub:
        model, mine = await a_session_model(hub), bearer("a1")
        assert (await hub.client.get(wire.model(model), headers=mine)).status_code == 200
        assert await hub.post(model, {0: {"a": 1.0}}, mine) == 200
        assert (await hub.upload(model, a_checkpoint(), headers=mine)).status_code == 200
        history = await hub.data("GET", wire.checkpoints(model), headers=mine)
        await hub.data("POST", wire.heartbeat(model), json={"agent": "x"}, headers=mine)
        await hub.data("POST", wire.close(model), headers=mine)
    assert (history[0]["sessionUid"], history[0]["attempt"]) == ("uid-a", 1)


@pytest.mark.parametrize("token", ["b1", "elsewhere"])
async def test_a_pod_of_another_session_or_namespace_is_kept_out(tmp_path: Path, token: str) -> None:
    async with a_hub(tmp_path, reviewer=reviews()) as hub:
        model, theirs = await a_session_model(hub), bearer(token)
        codes = [
            (await hub.client.get(wire.model(model), headers=theirs)).status_code,
            (await hub.client.get(wire.metrics(model), headers=theirs)).status_code,
            (await hub.client.get(wire.checkpoints(model), headers=theirs)).status_code,
            (await hub.client.post(wire.close(model), headers=theirs)).status_code,
            (await hub.client.post(wire.heartbeat(model), json={"agent": "x"}, headers=theirs)).status_code,
            (await hub.upload(model, a_checkpoint(), headers=theirs)).status_code,
            await hub.post(model, {0: {"a": 1.0}}, theirs),
        ]
        assert await hub.data("GET", wire.metrics(model)) == []
    assert codes == [403] * 7


async def test_a_pod_of_an_older_attempt_is_refused_for_good(tmp_path: Path) -> None:
    async with a_hub(tmp_path, reviewer=reviews()) as hub:
        model = await a_session_model(hub)
        codes = [await hub.post(model, {0: {"a": 1.0}}, bearer(token)) for token in ("a1", "a2", "a1")]
        upload = await hub.upload(model, a_checkpoint(), headers=bearer("a1"))
        beat = await hub.client.post(wire.heartbeat(model), json={"agent": "x"}, headers=bearer("a1"))
    assert codes == [200, 200, 409]
    assert (upload.status_code, beat.status_code) == (409, 409)


async def test_a_pod_may_do_nothing_but_its_models_work(tmp_path: Path) -> None:
    async with a_hub(tmp_path, reviewer=reviews()) as hub:
        model, mine = await a_session_model(hub), bearer("a1")
        calls = [
            ("POST", wire.MODELS),
            ("GET", wire.MODELS),
            ("PATCH", wire.model(model)),
            ("DELETE", wire.model(model)),
            ("POST", wire.claim(model)),
            ("GET", wire.DATASETS),
            ("POST", wire.DATASETS),
            ("GET", wire.dataset("x")),
            ("PATCH", wire.dataset("x")),
            ("DELETE", wire.dataset("x")),
            ("POST", wire.dataset_upload("x")),
            ("GET", wire.PROJECTS),
            ("GET", wire.WEIGHTS),
            ("POST", wire.weights("a.pt")),
            ("GET", wire.weights("a.pt")),
            ("DELETE", wire.weights("a.pt")),
        ]
        for method, path in calls:
            answer = await hub.client.request(method, path, headers=mine, json=None if method == "GET" else {})
            assert answer.status_code == 403, (method, path)


async def test_the_controller_can_give_a_pod_a_model_that_was_there_before(tmp_path: Path) -> None:
    async with a_hub(tmp_path, reviewer=reviews()) as hub:
        model = await hub.model()
        assert await hub.post(model, {0: {"a": 1.0}}, bearer("b1")) == 403
        headers = {**CONTROLLER, **session_headers("uid-b", namespace="team")}
        await hub.data("POST", wire.claim(model), headers=headers)
        assert await hub.post(model, {0: {"a": 1.0}}, bearer("b1")) == 200


@pytest.mark.parametrize(
    "headers", [session_headers("uid-b"), session_headers("uid-a", 2), {wire.HEADER_NAMESPACE: "other"}]
)
async def test_headers_must_agree_with_the_token(tmp_path: Path, headers: dict[str, str]) -> None:
    async with a_hub(tmp_path, reviewer=reviews()) as hub:
        model = await a_session_model(hub)
        assert await hub.post(model, {0: {"a": 1.0}}, {**bearer("a1"), **headers}) == 403
        assert await hub.post(model, {0: {"a": 1.0}}, {**bearer("a1"), **session_headers("uid-a", 1, "team")}) == 200


@pytest.mark.parametrize(
    "headers",
    [
        session_headers("a", -1),
        {wire.HEADER_SESSION: "a", wire.HEADER_ATTEMPT: "1" * 5000},
        {wire.HEADER_SESSION: "a b"},
        {wire.HEADER_SESSION: "x" * 300},
        {wire.HEADER_NAMESPACE: "a/b"},
    ],
)
async def test_headers_that_cannot_be_read_are_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.post(wire.AUTH, headers=headers)
    assert answer.status_code == 422
    assert "x-hubtraining-" in answer.json()["message"]


async def test_a_pod_that_reads_its_model_keeps_its_claim(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub(tmp_path, SMALL, clock=clock, reviewer=reviews()) as hub:
        model = await a_session_model(hub)
        assert await hub.post(model, {0: {"a": 1.0}}, bearer("a1")) == 200
        clock.pass_(800)
        await hub.data("GET", wire.model(model), headers=bearer("a1"))
        clock.pass_(800)
        assert await hub.post(model, {0: {"a": 1.0}}, session_headers("c", 1)) == 409
