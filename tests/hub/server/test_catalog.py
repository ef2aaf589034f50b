"""Data sets and projects as clients see them."""

import hashlib
from pathlib import Path

import pytest
from builders.hub import a_dataset, a_hub, a_zip

from hubtraining.hub import wire

KINDS = [wire.DATASETS, wire.PROJECTS]


@pytest.mark.parametrize("root", KINDS)
async def test_an_item_can_be_created_read_changed_listed_and_deleted(tmp_path: Path, root: str) -> None:
    async with a_hub(tmp_path) as hub:
        item = (await hub.data("POST", root, json={"meta": {"name": "signs"}, "colour": "red"}))["id"]
        created = await hub.data("GET", f"{root}/{item}")
        await hub.data("PATCH", f"{root}/{item}", json={"meta": {"name": "cars"}})
        changed = await hub.data("GET", f"{root}/{item}")
        listed = await hub.data("GET", root, params={"query": "car"})
        await hub.data("DELETE", f"{root}/{item}", params={"hard": "True"})
        gone = await hub.client.get(f"{root}/{item}")
    assert (created["id"], created["meta"]["name"], created["colour"]) == (item, "signs", "red")
    assert (changed["meta"]["name"], changed["colour"]) == ("cars", "red")
    assert ([row["id"] for row in listed["results"]], listed["total"]) == ([item], 1)
    assert gone.status_code == 404


@pytest.mark.parametrize("root", KINDS)
async def test_creation_can_be_repeated(tmp_path: Path, root: str) -> None:
    async with a_hub(tmp_path) as hub:
        headers = {wire.HEADER_IDEMPOTENCY: "once"}
        ids = {(await hub.data("POST", root, json={"name": "x"}, headers=headers))["id"] for _ in range(2)}
        assert (await hub.data("GET", root))["total"] == 1
        assert (await hub.data("GET", root, params={"public": "True"}))["total"] == 0
    assert len(ids) == 1


async def test_kinds_do_not_mix(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        project = (await hub.data("POST", wire.PROJECTS, json={"meta": {"name": "x"}}))["id"]
        answer = await hub.client.get(wire.dataset(project))
    assert answer.status_code == 404
    assert answer.json()["message"] == "there is no data set of this id"


async def test_a_data_sets_link_leads_to_its_zip(tmp_path: Path) -> None:
    content = a_dataset()
    async with a_hub(tmp_path) as hub:
        item = (await hub.data("POST", wire.DATASETS, json={"meta": {"name": "Signs & more.zip"}}))["id"]
        before = await hub.data("GET", wire.dataset(item))
        await hub.data("POST", wire.dataset_upload(item), files={"a.zip": ("a.zip", content)})
        after = await hub.data("GET", wire.dataset(item))
        async with hub.stranger() as stranger:
            download = await stranger.get(after["url"])
    assert before["url"] is None
    assert after["url"].endswith("/Signs-more.zip")
    assert (after["sha256"], after["sizeBytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert after["fileName"] == "a.zip"
    assert download.content == content


async def test_a_second_zip_replaces_the_first(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        item = (await hub.data("POST", wire.DATASETS, json={"meta": {"name": "signs"}}))["id"]
        urls = []
        for _ in range(2):
            answer = await hub.data("POST", wire.dataset_upload(item), files={"a.zip": ("a.zip", a_dataset())})
            urls.append(answer["url"])
    assert urls[0] != urls[1]


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/passwd", "a/../../b", "..\\outside.txt"])
async def test_a_data_set_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    async with a_hub(tmp_path) as hub:
        item = (await hub.data("POST", wire.DATASETS, json={"meta": {"name": "signs"}}))["id"]
        files = {"a.zip": ("a.zip", a_zip({name: b"x"}))}
        answer = await hub.client.post(wire.dataset_upload(item), files=files)
        assert (await hub.data("GET", wire.dataset(item)))["url"] is None
    assert answer.status_code == 422
    assert "out of its folder" in answer.json()["message"]


async def test_a_zip_for_an_unknown_data_set_is_refused(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.post(wire.dataset_upload("x" * 20), files={"a.zip": ("a.zip", a_dataset())})
    assert answer.status_code == 404


@pytest.mark.parametrize("body", [{}, {"meta": {}}, {"meta": {"name": ""}}, {"name": 5}, {"meta": {"name": "x" * 300}}])
async def test_an_item_needs_a_name(tmp_path: Path, body: dict[str, object]) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.post(wire.DATASETS, json=body)
    assert answer.status_code == 422
    assert "meta.name" in answer.json()["message"]


async def test_of_two_data_sets_of_one_name_the_one_with_a_file_counts(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        full = (await hub.data("POST", wire.DATASETS, json={"meta": {"name": "signs"}}))["id"]
        await hub.data("POST", wire.dataset_upload(full), files={"a.zip": ("a.zip", a_dataset())})
        await hub.data("POST", wire.DATASETS, json={"meta": {"name": "signs"}})
        model = await hub.data("GET", wire.model(await hub.model(dataset={"name": "signs"})))
    assert model["data"].endswith("/signs.zip")
