"""Start weights as clients see them."""

from pathlib import Path

import pytest
from builders.hub import a_checkpoint, a_hub

from hubtraining.hub import wire


async def test_weights_are_stored_listed_replaced_and_deleted(tmp_path: Path) -> None:
    first, second = a_checkpoint(), a_checkpoint()
    async with a_hub(tmp_path) as hub:
        for content in (first, second):
            await hub.data("POST", wire.weights("yolo11n.pt"), files={"file": ("yolo11n.pt", content)})
        listed = await hub.data("GET", wire.WEIGHTS)
        one = await hub.data("GET", wire.weights("yolo11n.pt"))
        async with hub.stranger() as stranger:
            download = await stranger.get(one["url"])
        await hub.data("DELETE", wire.weights("yolo11n.pt"))
        gone = [await hub.client.request(verb, wire.weights("yolo11n.pt")) for verb in ("GET", "DELETE")]
    assert listed["results"] == [one]
    assert (one["name"], one["sizeBytes"]) == ("yolo11n.pt", len(second))
    assert download.content == second
    assert [answer.status_code for answer in gone] == [404, 404]


@pytest.mark.parametrize("name", ["yolo11n.zip", ".pt", "..pt", "a%2Fb.pt", "a b.pt", "x" * 140 + ".pt"])
async def test_a_name_that_is_no_plain_pt_file_is_refused(tmp_path: Path, name: str) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.post(wire.weights(name), files={"file": ("x.pt", a_checkpoint())})
        assert (await hub.data("GET", wire.WEIGHTS))["total"] == 0
    assert answer.status_code in (404, 422)


async def test_weights_that_are_no_checkpoint_are_refused(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        answer = await hub.client.post(wire.weights("a.pt"), files={"file": ("a.pt", b"nonsense")})
    assert answer.status_code == 422
