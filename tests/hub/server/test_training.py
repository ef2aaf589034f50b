"""Metrics, heartbeats and checkpoints as clients send them."""

import hashlib
import json
from pathlib import Path

import pytest
from builders.hub import Clock, a_checkpoint, a_hub, a_posting, a_zip, session_headers

from hubtraining.hub import wire
from hubtraining.hub.settings import HubSettings


async def test_metrics_are_read_back_by_name_and_epoch(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        assert await hub.post(model, {0: {"train/box_loss": 1.0}, 1: {"train/box_loss": 0.5, "lr/pg0": 0.01}}) == 200
        assert await hub.data("GET", wire.metrics(model)) == [
            {"meta": {"name": "train/box_loss"}, "data": {"0": 1.0, "1": 0.5}},
            {"meta": {"name": "lr/pg0"}, "data": {"1": 0.01}},
        ]
        assert (await hub.data("GET", wire.model(model)))["status"] == "training"


async def test_epochs_that_are_sent_again_overwrite(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        await hub.post(model, {0: {"a": 1.0, "b": 1.0}})
        await hub.post(model, {0: {"a": 2.0}})
        series = await hub.data("GET", wire.metrics(model))
    assert {item["meta"]["name"]: item["data"]["0"] for item in series} == {"a": 2.0, "b": 1.0}


async def test_values_that_are_not_finite_become_null(tmp_path: Path) -> None:
    inner = '{"nan": NaN, "inf": Infinity, "minus": -Infinity, "huge": 1e999, "text": "0.5", "flag": true, "no": null}'
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        answer = await hub.client.post(wire.model(model), json={"metrics": {"0": inner}, "type": "metrics"})
        series = await hub.data("GET", wire.metrics(model))
    assert answer.status_code == 200
    values = {item["meta"]["name"]: item["data"]["0"] for item in series}
    assert values == {"nan": None, "inf": None, "minus": None, "huge": None, "text": 0.5, "flag": 1, "no": None}


async def test_metrics_may_also_be_plain_objects(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        assert (await hub.client.post(wire.model(model), json={"metrics": {"3": {"a": 1}}})).status_code == 200
        assert await hub.data("GET", wire.metrics(model)) == [{"meta": {"name": "a"}, "data": {"3": 1}}]


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        (b"nonsense", 400, "not JSON"),
        (b'{"type": "metrics"}', 422, "metrics"),
        (b'{"metrics": {}, "type": "images"}', 422, "type is 'images'"),
        (b'{"metrics": {"-1": "{}"}}', 422, "metrics is '-1'"),
        (b'{"metrics": {"one": "{}"}}', 422, "metrics is 'one'"),
        (b'{"metrics": {"99999999999": "{}"}}', 422, "99999999999"),
        (b'{"metrics": {"0": "{"}}', 422, "metrics[0] is '{'"),
        (b'{"metrics": {"0": "[1]"}}', 422, "metrics[0]"),
        (b'{"metrics": {"0": 5}}', 422, "metrics[0] is 5"),
        (b'{"metrics": {"0": {"a": []}}}', 422, "metrics[0].'a' is []"),
        (b'{"metrics": {"0": {"a": "high"}}}', 422, "metrics[0].'a' is 'high'"),
        (b'{"metrics": {"0": "{\\"\\\\ud800\\": 1}"}}', 422, "printable"),
        (b'{"metrics": {"0": "' + b"[" * 100_000 + b'"}}', 422, "metrics[0]"),
        (b'{"metrics": ' + b'{"0":' * 100_000, 400, "not JSON"),
        (b'{"metrics": {"0": "{\\"a\\": ' + b"1" * 5000 + b'}"}}', 422, "metrics[0]"),
    ],
)
async def test_bad_metrics_write_nothing(tmp_path: Path, body: bytes, status: int, part: str) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        answer = await hub.client.post(wire.model(model), content=body)
        assert await hub.data("GET", wire.metrics(model)) == []
    assert answer.status_code == status
    assert part in answer.json()["message"]


async def test_integers_beyond_json_are_kept_as_numbers(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        body = {"metrics": {"0": '{"big": ' + "9" * 30 + ', "bigger": ' + "9" * 400 + "}"}}
        assert (await hub.client.post(wire.model(model), json=body)).status_code == 200
        series = await hub.data("GET", wire.metrics(model))
    assert {item["meta"]["name"]: item["data"]["0"] for item in series} == {"big": 1e30, "bigger": None}


async def test_a_heartbeat_gives_the_agent_an_id_that_it_keeps(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        path = wire.heartbeat(await hub.model())
        first = await hub.data("POST", path, json={"agent": "python-3.11-local", "agentId": None})
        again = await hub.data("POST", path, json={"agent": "python-3.11-local", "agentId": first["agentId"]})
        other = await hub.data("POST", path, json={"agent": "python-3.11-local", "agentId": None})
    assert first["agentId"] == again["agentId"] != other["agentId"]


async def test_a_heartbeat_that_is_sent_twice_by_one_attempt_makes_one_agent(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        path, headers = wire.heartbeat(await hub.model()), session_headers("a", 1)
        ids = {(await hub.data("POST", path, json={"agent": "x"}, headers=headers))["agentId"] for _ in range(2)}
        newer = await hub.data("POST", path, json={"agent": "x"}, headers=session_headers("a", 2))
        older = await hub.client.post(path, json={"agent": "x"}, headers=headers)
    assert len(ids) == 1
    assert newer["agentId"] not in ids
    assert older.status_code == 409


async def test_an_agent_id_that_nobody_gave_is_replaced(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        beat = {"agent": "x", "agentId": "made up"}
        assert (await hub.data("POST", wire.heartbeat(await hub.model()), json=beat))["agentId"] != "made up"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"agent": 5}', b'{"agent": "x", "agentId": 5}'])
async def test_a_bad_heartbeat_is_refused(tmp_path: Path, body: bytes) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.post(wire.heartbeat(await hub.model()), content=body)
    assert answer.status_code in (400, 422)


async def test_a_heartbeat_says_when_the_model_was_last_seen(tmp_path: Path) -> None:
    clock = Clock(1_800_000_000.0)
    async with a_hub(tmp_path, clock=clock) as hub:
        model = await hub.model()
        await hub.data("POST", wire.heartbeat(model), json={"agent": "x"}, headers=session_headers("a", 3))
        data = await hub.data("GET", wire.model(model))
    assert data["last_seen"] == "2027-01-15T08:00:00.000Z"
    assert (data["session_uid"], data["attempt"]) == ("a", 3)


async def test_an_epochs_checkpoint_can_be_resumed_from(tmp_path: Path) -> None:
    content = a_checkpoint()
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        answer = await hub.upload(model, content, epoch=4)
        data = await hub.data("GET", wire.model(model))
        async with hub.stranger() as stranger:
            download = await stranger.get(data["resume"])
    assert answer.json()["data"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert (data["status"], data["has_last_weights"], data["has_best_weights"]) == ("training", True, False)
    assert data["resume"].endswith(f"/{model}-epoch-4.pt")
    assert download.content == content


async def test_the_final_checkpoint_makes_the_model_trained(tmp_path: Path) -> None:
    last, best = a_checkpoint(), a_checkpoint()
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        await hub.upload(model, last, epoch=1, isBest=True)
        await hub.upload(model, best, name="best.pt", type="final", epoch=2, map=0.5)
        data = await hub.data("GET", wire.model(model))
        history = await hub.data("GET", wire.checkpoints(model))
        async with hub.stranger() as stranger:
            download = await stranger.get(data["weights"])
    assert data["status"] == "trained"
    assert data["weights"].endswith(f"/{model}-best.pt")
    assert download.content == best
    assert [(item["type"], item["epoch"], item["map"]) for item in history] == [("final", 2, 0.5), ("epoch", 1, None)]


async def test_beats_metrics_and_epochs_after_the_final_do_not_untrain(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model, best = await hub.model(), a_checkpoint()
        await hub.upload(model, best, name="best.pt", type="final", epoch=2)
        await hub.data("POST", wire.heartbeat(model), json={"agent": "x"})
        await hub.post(model, {3: {"a": 1.0}})
        await hub.upload(model, a_checkpoint(), epoch=3, isBest=True)
        data = await hub.data("GET", wire.model(model))
    assert data["status"] == "trained"
    assert hashlib.sha256(best).hexdigest() in data["weights"]


async def test_uploading_the_same_bytes_again_changes_nothing(tmp_path: Path) -> None:
    content = a_checkpoint()
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        answers = [await hub.upload(model, content, epoch=1, headers=session_headers("a", 1)) for _ in range(3)]
        assert len(await hub.data("GET", wire.checkpoints(model))) == 1
    assert len({answer.text for answer in answers}) == 1


async def test_a_late_retry_of_an_older_epoch_does_not_replace_the_newest(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model, headers = await hub.model(), session_headers("a", 1)
        await hub.upload(model, a_checkpoint(), epoch=5, headers=headers)
        await hub.upload(model, a_checkpoint(), epoch=3, headers=headers)
        assert "epoch-5.pt" in (await hub.data("GET", wire.model(model)))["resume"]


async def test_a_newer_attempt_that_begins_again_replaces_the_newest(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        await hub.upload(model, a_checkpoint(), epoch=5, headers=session_headers("a", 1))
        await hub.upload(model, a_checkpoint(), epoch=0, headers=session_headers("a", 2))
        assert "epoch-0.pt" in (await hub.data("GET", wire.model(model)))["resume"]
        refused = await hub.upload(model, a_checkpoint(), epoch=6, headers=session_headers("a", 1))
        assert await hub.post(model, {6: {"a": 1.0}}, session_headers("a", 1)) == 409
    assert refused.status_code == 409
    assert "attempt 1 is over" in refused.json()["message"]


async def test_a_best_file_that_is_no_final_is_best_but_not_last(tmp_path: Path) -> None:
    best = a_checkpoint()
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        await hub.upload(model, best, name="best.pt", epoch=1)
        data = await hub.data("GET", wire.model(model))
    assert (data["has_last_weights"], data["has_best_weights"]) == (False, True)
    assert hashlib.sha256(best).hexdigest() in data["weights"]


async def test_a_part_may_have_any_name_and_no_type(tmp_path: Path) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="epoch"\r\n\r\n7\r\n'
        b'--b\r\nContent-Disposition: form-data; name="last.pt"; filename="last.pt"\r\n\r\n' + a_checkpoint() + b"\r\n"
        b'--b\r\nContent-Disposition: form-data; name="isBest"\r\n\r\nTrue\r\n--b--\r\n'
    )
    async with a_hub(tmp_path) as hub:
        headers = {"content-type": "multipart/form-data; boundary=b"}
        answer = await hub.client.post(wire.upload(await hub.model()), content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["data"]["epoch"] == 7
    assert answer.json()["data"]["isBest"] is True


TORN = a_checkpoint(5000)[:-100]


@pytest.mark.parametrize(
    ("content", "fields", "part"),
    [
        (TORN, {}, "torn"),
        (b"", {}, "torn"),
        (b"<html>not a checkpoint</html>", {}, "torn"),
        (a_zip({"x/readme.txt": b"hello"}), {}, "data.pkl"),
        (a_checkpoint(), {"epoch": "-1"}, "epoch is '-1'"),
        (a_checkpoint(), {"epoch": ""}, "epoch is ''"),
        (a_checkpoint(), {"type": "middle"}, "type is 'middle'"),
        (a_checkpoint(), {"isBest": "perhaps"}, "isBest is 'perhaps'"),
        (a_checkpoint(), {"type": "final", "map": "high"}, "map is 'high'"),
    ],
)
async def test_a_bad_upload_leaves_no_trace(tmp_path: Path, content: bytes, fields: dict[str, str], part: str) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        answer = await hub.upload(model, content, **fields)
        assert await hub.data("GET", wire.checkpoints(model)) == []
        assert (await hub.data("GET", wire.model(model)))["has_last_weights"] is False
    assert answer.status_code == 422
    assert part in answer.json()["message"]
    assert list((tmp_path / "incoming").iterdir()) == []


async def test_a_damaged_member_is_found(tmp_path: Path) -> None:
    content = bytearray(a_checkpoint(5000, seed=7))
    content[content.index(bytes([7]) * 100) + 50] ^= 1
    async with a_hub(tmp_path) as hub:
        answer = await hub.upload(await hub.model(), bytes(content))
    assert answer.status_code == 422
    assert "checksum" in answer.json()["message"]


async def test_a_file_that_is_not_what_its_sender_hashed_is_refused(tmp_path: Path) -> None:
    content = a_checkpoint()
    good, bad = hashlib.sha256(content).hexdigest().upper(), "0" * 64
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        answers = [
            await hub.upload(model, content, headers={wire.HEADER_SHA256: value}) for value in (bad, "short", good)
        ]
    assert [answer.status_code for answer in answers] == [422, 422, 200]


async def test_an_upload_that_may_not_be_written_is_refused_before_its_body_is_read(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        await hub.post(model, {0: {"a": 1.0}}, session_headers("a", 1))
        assert (await hub.upload(model, TORN, headers=session_headers("b", 1))).status_code == 409
        assert (await hub.upload("x" * 20, TORN)).status_code == 404


async def test_bodies_over_their_limit_are_refused(tmp_path: Path) -> None:
    settings = HubSettings(min_free_bytes=0, max_json_bytes=1000, max_upload_bytes=2000)
    async with a_hub(tmp_path, settings) as hub:
        model = await hub.model()
        posted = await hub.client.post(
            wire.model(model), json=a_posting({0: {"a" * 100: 1.0}, **{n: {} for n in range(200)}})
        )
        uploaded = await hub.upload(model, a_checkpoint(3000))
        assert (await hub.upload(model, a_checkpoint(500))).status_code == 200
    assert [posted.status_code, uploaded.status_code] == [413, 413]
    assert json.loads(uploaded.text)["message"] == "the body is too large: at most 2000 bytes are allowed"


async def test_a_disk_without_room_refuses_files_but_not_metrics(tmp_path: Path) -> None:
    async with a_hub(tmp_path, HubSettings(min_free_bytes=1 << 60)) as hub:
        model = await hub.model()
        answer = await hub.upload(model, a_checkpoint())
        assert await hub.post(model, {0: {"a": 1.0}}) == 200
    assert answer.status_code == 507
    assert "nothing that was accepted before is lost" in answer.json()["message"]
    assert list((tmp_path / "incoming").iterdir()) == []


async def test_a_full_database_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        await hub.post(model, {0: {"a": 1.0}})
        await hub.services.database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
        many = {epoch: {"metric " + "x" * 200: 1.0} for epoch in range(1, 500)}
        assert await hub.post(model, many) == 507
        assert await hub.data("GET", wire.metrics(model)) == [{"meta": {"name": "a"}, "data": {"0": 1.0}}]


async def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    content = a_checkpoint()
    async with a_hub(tmp_path) as hub:
        model, key = await hub.model(), hub.key
        await hub.post(model, {0: {"a": 1.0}})
        await hub.upload(model, content, epoch=0, headers=session_headers("a", 2))
        link = (await hub.data("GET", wire.model(model)))["resume"]
    async with a_hub(tmp_path) as hub, hub.stranger({wire.HEADER_KEY: key}) as client:
        assert (await client.get(wire.model(model))).json()["data"]["has_last_weights"] is True
        assert (await client.get(link)).content == content
        assert await hub.post(model, {1: {"a": 1.0}}, session_headers("a", 1)) == 409
