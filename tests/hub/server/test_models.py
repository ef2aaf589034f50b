"""``/v1/models`` as clients see it."""

from pathlib import Path

import pytest
from builders.hub import ROOT, Clock, a_checkpoint, a_creation, a_dataset, a_hub, session_headers

from hubtraining.hub import wire


async def test_a_created_model_has_an_id_that_old_clients_can_carry(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
    assert len(model) == wire.MODEL_ID_LENGTH
    assert model.isalnum()


async def test_a_new_model_reads_as_clients_expect(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        data = await hub.data("GET", wire.model(model))
    assert data["id"] == model
    assert data["status"] == "new"
    assert data["has_last_weights"] is data["has_best_weights"] is data["is_pretrained"] is False
    assert data["cfg"] == "yolov8n.yaml"
    assert data["data"] == "coco8.yaml"
    assert data["weights"] is data["resume"] is None
    assert data["train_args"] == {
        "batch": -1,
        "epochs": 300,
        "imgsz": 640,
        "patience": 100,
        "device": "",
        "cache": "ram",
        "data": "coco8.yaml",
    }
    assert data["meta"] == {"name": "yolov8n.yaml"}
    assert {"dataset", "project", "batch_size", "imgsz"} <= data.keys()


async def test_numbers_may_come_as_text_and_words_in_pythons_spelling(tmp_path: Path) -> None:
    config = {"batchSize": "16", "epochs": "5", "imageSize": "640", "patience": "5", "device": "None", "cache": "True"}
    async with a_hub(tmp_path) as hub:
        data = await hub.data("GET", wire.model(await hub.model(config=config)))
    assert data["train_args"]["batch"] == 16
    assert data["train_args"]["epochs"] == 5
    assert data["train_args"]["device"] is None
    assert data["train_args"]["cache"] is True


async def test_the_same_idempotency_key_gives_the_same_model(tmp_path: Path) -> None:
    headers = {wire.HEADER_IDEMPOTENCY: "uid-1"}
    async with a_hub(tmp_path) as hub:
        first, again = await hub.model(headers), await hub.model(headers, meta={"name": "other"})
        other = await hub.model({wire.HEADER_IDEMPOTENCY: "uid-2"})
    assert first == again != other


async def test_a_deleted_models_idempotency_key_makes_a_new_one(tmp_path: Path) -> None:
    headers = {wire.HEADER_IDEMPOTENCY: "uid-1"}
    async with a_hub(tmp_path) as hub:
        first = await hub.model(headers)
        await hub.data("DELETE", wire.model(first))
        assert await hub.model(headers) != first


async def test_a_hub_data_set_is_given_as_a_link_to_its_zip(tmp_path: Path) -> None:
    content = a_dataset()
    async with a_hub(tmp_path) as hub:
        dataset = await hub.data("POST", wire.DATASETS, json={"meta": {"name": "signs"}})
        await hub.data("POST", wire.dataset_upload(dataset["id"]), files={"signs.zip": ("signs.zip", content)})
        data = await hub.data("GET", wire.model(await hub.model(dataset={"name": "signs"})))
        async with hub.stranger() as stranger:
            answer = await stranger.get(data["data"])
    assert data["train_args"]["data"] == data["data"]
    assert data["data"].startswith(f"{ROOT}/")
    assert data["data"].endswith("/signs.zip")
    assert answer.content == content


@pytest.mark.parametrize("reference", [{"dataset": {"name": "signs"}}, {"datasetId": "the id", "dataset": {}}])
async def test_a_data_set_without_its_zip_makes_the_model_wait(tmp_path: Path, reference: dict[str, object]) -> None:
    async with a_hub(tmp_path) as hub:
        dataset = await hub.data("POST", wire.DATASETS, json={"meta": {"name": "signs"}})
        if "datasetId" in reference:
            reference = {**reference, "datasetId": dataset["id"]}
        answer = await hub.client.get(wire.model(await hub.model(**reference)))
    assert answer.status_code == 409
    assert "may still be processing" in answer.json()["message"]


async def test_a_model_without_any_data_set_is_refused_when_it_is_read(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.get(wire.model(await hub.model(dataset={"name": None})))
        listed = await hub.data("GET", wire.MODELS)
    assert answer.status_code == 409
    assert "names no data set" in answer.json()["message"]
    assert listed["results"][0]["train_args"] is None


async def test_an_unknown_data_set_id_creates_nothing(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.post(wire.MODELS, json=a_creation(datasetId="x" * 20))
        assert (await hub.data("GET", wire.MODELS))["total"] == 0
    assert answer.status_code == 404


async def test_a_parent_that_the_hub_holds_is_served(tmp_path: Path) -> None:
    content = a_checkpoint()
    lineage = {"architecture": {"name": "yolo11n"}, "parent": {"name": "yolo11n.pt"}}
    async with a_hub(tmp_path) as hub:
        model = await hub.model(lineage=lineage)
        before = await hub.data("GET", wire.model(model))
        await hub.data("POST", wire.weights("yolo11n.pt"), files={"file": ("yolo11n.pt", content)})
        after = await hub.data("GET", wire.model(model))
        async with hub.stranger() as stranger:
            answer = await stranger.get(after["weights"])
    assert (before["is_pretrained"], before["cfg"], before["weights"]) == (False, "yolo11n.pt", None)
    assert (after["is_pretrained"], after["cfg"]) == (True, "yolo11n.yaml")
    assert after["weights"].endswith("/yolo11n.pt")
    assert answer.content == content


async def test_a_trained_model_is_read_though_its_data_set_is_gone(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        dataset = await hub.data("POST", wire.DATASETS, json={"meta": {"name": "signs"}})
        model = await hub.model(datasetId=dataset["id"])
        assert (await hub.upload(model, a_checkpoint(), name="best.pt", type="final", epoch=2)).status_code == 200
        await hub.data("DELETE", wire.dataset(dataset["id"]))
        data = await hub.data("GET", wire.model(model))
    assert data["status"] == "trained"
    assert data["train_args"] is None


async def test_fields_can_be_changed_one_by_one(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        changes = {"meta": {"name": "new name"}, "config": {"epochs": 7}, "projectId": "p" * 20}
        await hub.data("PATCH", wire.model(model), json=changes)
        data = await hub.data("GET", wire.model(model))
    assert data["meta"]["name"] == "new name"
    assert data["train_args"]["epochs"] == 7
    assert data["train_args"]["imgsz"] == 640
    assert data["project"] == {"id": "p" * 20}


@pytest.mark.parametrize("hard", ["True", "False"])
async def test_a_deleted_model_is_gone(tmp_path: Path, hard: str) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        await hub.post(model, {0: {"a": 1.0}})
        await hub.data("DELETE", wire.model(model), params={"hard": hard})
        answers = [await hub.client.get(path) for path in (wire.model(model), wire.metrics(model))]
        assert (await hub.data("GET", wire.MODELS))["total"] == 0
    assert [answer.status_code for answer in answers] == [404, 404]


async def test_lists_come_in_pages_that_neither_repeat_nor_skip(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        made = [await hub.model(meta={"name": f"run {number}"}) for number in range(5)]
        seen, after = [], None
        while True:
            page = await hub.data("GET", wire.MODELS, params={"limit": 2, **({"last_doc_id": after} if after else {})})
            assert page["total"] == 5
            if not page["results"]:
                break
            seen += [item["id"] for item in page["results"]]
            after = page["lastRecordId"]
    assert seen == made[::-1]


async def test_lists_can_be_searched_by_name_and_hold_nothing_public(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        wanted = await hub.model(meta={"name": "Signs 100%"})
        await hub.model(meta={"name": "cars"})
        found = await hub.data("GET", wire.MODELS, params={"query": "signs 100%", "perPage": "10"})
        public = await hub.data("GET", wire.MODELS, params={"public": "True"})
    assert [item["id"] for item in found["results"]] == [wanted]
    assert public == {"results": [], "total": 0, "lastRecordId": None}


async def test_a_claim_keeps_other_sessions_out_until_it_is_closed(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        mine, theirs = session_headers("a", namespace="ns"), session_headers("b", namespace="ns")
        await hub.data("POST", wire.claim(model), headers=mine)
        refused = await hub.client.post(wire.claim(model), headers=theirs)
        await hub.data("POST", wire.close(model), headers=mine)
        await hub.data("POST", wire.claim(model), headers=theirs)
    assert refused.status_code == 409
    assert "another session" in refused.json()["message"]


async def test_a_claim_ends_when_its_session_is_silent(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub(tmp_path, clock=clock) as hub:
        model = await hub.model()
        assert await hub.post(model, {0: {"a": 1.0}}, session_headers("a", 1)) == 200
        clock.pass_(899)
        assert await hub.post(model, {0: {"a": 1.0}}, session_headers("b", 1)) == 409
        clock.pass_(1)
        assert await hub.post(model, {0: {"a": 1.0}}, session_headers("b", 1)) == 200
        assert await hub.post(model, {0: {"a": 1.0}}, session_headers("a", 1)) == 409


async def test_a_claim_of_another_namespace_is_refused(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model(session_headers("a", namespace="one"))
        answer = await hub.client.post(wire.claim(model), headers=session_headers("b", namespace="two"))
        missing = await hub.client.post(wire.claim(model), headers=session_headers("b"))
    assert answer.status_code == 403
    assert missing.status_code == 422
    assert wire.HEADER_NAMESPACE in missing.json()["message"]


async def test_claiming_again_without_an_attempt_keeps_the_newest_one(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        assert await hub.post(model, {0: {"a": 1.0}}, session_headers("a", 2)) == 200
        await hub.data("POST", wire.claim(model), headers=session_headers("a", namespace="ns"))
        assert await hub.post(model, {0: {"a": 1.0}}, session_headers("a", 1)) == 409


async def test_an_unknown_model_is_said_to_be_unknown(tmp_path: Path) -> None:
    unknown = "x" * 20
    async with a_hub(tmp_path) as hub:
        for method, path in [
            ("GET", wire.model(unknown)),
            ("PATCH", wire.model(unknown)),
            ("DELETE", wire.model(unknown)),
            ("GET", wire.metrics(unknown)),
            ("GET", wire.checkpoints(unknown)),
            ("POST", wire.close(unknown)),
        ]:
            answer = await hub.client.request(method, path, json={} if method == "PATCH" else None)
            assert answer.status_code == 404, path
            assert answer.json() == {"success": False, "message": "there is no model of this id", "data": None}


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"[]", 422, "Expected `object`"),
        (b'{"config": []}', 422, "$.config"),
        (b'{"config": {"epochs": "many"}}', 422, "config.epochs is 'many': a number is allowed"),
        (b'{"config": {"epochs": [1]}}', 422, "config.epochs is [1]"),
        (b'{"meta": {"name": 5}}', 422, "meta.name is 5"),
        (b'{"lineage": {"architecture": "x"}}', 422, "$.lineage.architecture"),
        (b'{"dataset": {"name": ["x"]}}', 422, "dataset.name"),
        (b'{"meta": {"name": "' + b"x" * 300 + b'"}}', 422, "at most 256"),
    ],
)
async def test_a_bad_creation_is_refused_with_the_fields_name(
    tmp_path: Path, body: bytes, status: int, part: str
) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.post(wire.MODELS, content=body)
        assert (await hub.data("GET", wire.MODELS))["total"] == 0
    assert answer.status_code == status
    assert answer.json()["success"] is False
    assert part in answer.json()["message"]


@pytest.mark.parametrize("query", ["limit=x", "limit=0", "limit=-1", "public=maybe"])
async def test_a_bad_query_is_refused(tmp_path: Path, query: str) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.get(f"{wire.MODELS}?{query}")
    assert answer.status_code == 422
    assert query.split("=", maxsplit=1)[0] in answer.json()["message"]


async def test_an_empty_idempotency_key_is_refused(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.post(wire.MODELS, json=a_creation(), headers={wire.HEADER_IDEMPOTENCY: ""})
    assert answer.status_code == 422
