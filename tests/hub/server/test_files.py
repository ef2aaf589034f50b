"""Downloads by link."""

from pathlib import Path

import pytest
from builders.hub import Clock, a_checkpoint, a_hub

from hubtraining.hub import wire
from hubtraining.hub.settings import HubSettings


async def test_a_link_needs_no_key_and_says_what_it_gives(tmp_path: Path) -> None:
    content = a_checkpoint()
    async with a_hub(tmp_path) as hub, hub.stranger() as stranger:
        model = await hub.model()
        await hub.upload(model, content)
        link = (await hub.data("GET", wire.model(model)))["resume"]
        head, answer = await stranger.head(link), await stranger.get(link)
    assert head.headers["content-length"] == str(len(content))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers[wire.HEADER_SHA256] in link
    assert answer.content == content


async def test_a_broken_download_goes_on_where_it_was(tmp_path: Path) -> None:
    content = a_checkpoint()
    async with a_hub(tmp_path) as hub, hub.stranger() as stranger:
        model = await hub.model()
        await hub.upload(model, content)
        link = (await hub.data("GET", wire.model(model)))["resume"]
        rest = await stranger.get(link, headers={"range": "bytes=100-"})
        too_far = await stranger.get(link, headers={"range": "bytes=999999-"})
    assert (rest.status_code, rest.content) == (206, content[100:])
    assert too_far.status_code == 416


async def test_a_link_is_good_for_its_time_and_no_longer(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub(tmp_path, HubSettings(min_free_bytes=0, link_seconds=1000), clock=clock) as hub:
        model = await hub.model()
        await hub.upload(model, a_checkpoint())
        link = (await hub.data("GET", wire.model(model)))["resume"]
        async with hub.stranger() as stranger:
            clock.pass_(1000)
            assert (await stranger.get(link)).status_code == 200
            clock.pass_(501)
            answer = await stranger.get(link)
    assert answer.status_code == 403
    assert answer.content == b""


@pytest.mark.parametrize(
    "path", ["0" * 64 + "/1.x/a.pt", "..%2f..%2fhub.sqlite/1.x/a.pt", "x/y/z", "0/9999999999./a.pt"]
)
async def test_a_forged_link_gives_nothing_at_all(tmp_path: Path, path: str) -> None:
    async with a_hub(tmp_path) as hub, hub.stranger() as stranger:
        answer = await stranger.get(f"{wire.FILES}/{path}")
    assert answer.status_code in (403, 404)
    assert b"<" not in answer.content


async def test_a_changed_name_or_content_breaks_the_link(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub, hub.stranger() as stranger:
        model = await hub.model()
        await hub.upload(model, a_checkpoint())
        link = (await hub.data("GET", wire.model(model)))["resume"]
        head, permit, name = link.rsplit("/", 2)
        another = f"{head[:-1]}{'1' if head.endswith('0') else '0'}"
        forged = [f"{head}/{permit}/other.pt", f"{another}/{permit}/{name}", f"{head}/9{permit}/{name}"]
        codes = [(await stranger.get(url)).status_code for url in forged]
    assert codes == [403, 403, 403]


async def test_a_file_that_was_thrown_away_is_not_found(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub, hub.stranger() as stranger:
        model = await hub.model()
        await hub.upload(model, a_checkpoint())
        link = (await hub.data("GET", wire.model(model)))["resume"]
        for file in (tmp_path / "blobs").iterdir():
            file.unlink()
        answer = await stranger.get(link)
    assert (answer.status_code, answer.content) == (404, b"")


async def test_links_begin_with_the_public_root_where_there_is_one(tmp_path: Path) -> None:
    settings = HubSettings(min_free_bytes=0, public_url="https://hub.example/base")
    async with a_hub(tmp_path, settings) as hub:
        model = await hub.model()
        await hub.upload(model, a_checkpoint())
        link = (await hub.data("GET", wire.model(model)))["resume"]
    assert link.startswith("https://hub.example/base/v1/files/")
