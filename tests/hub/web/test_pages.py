"""The pages as HTML: who may see them, what they show, and what they never do."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders.hub import SMALL, Clock, Hub, a_checkpoint, a_hub, session_headers

from hubtraining.hub import wire
from hubtraining.hub.settings import HubSettings
from hubtraining.hub.store import keys
from hubtraining.hub.web.cookies import NAME, SECONDS

HOSTILE = "<script>alert(1)</script>\"'&"


@asynccontextmanager
async def a_person(hub: Hub, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has signed in."""
    async with hub.stranger(headers) as person:
        answer = await person.post("/sign-in", data={"key": hub.key})
        assert answer.status_code == 303, answer.text
        yield person


@pytest.mark.parametrize("path", ["/", "/?query=signs", "/models/{model}", "/models/aaaaaaaaaaaaaaaaaaaa"])
async def test_no_page_is_open_and_none_says_what_there_is(tmp_path: Path, path: str) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model(meta={"name": "secret-signs"})
        async with hub.stranger() as stranger:
            answer = await stranger.get(path.format(model=model))
    assert answer.status_code == 401
    assert "secret-signs" not in answer.text
    assert 'name="key"' in answer.text


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}])
async def test_a_key_lets_in_and_leads_to_where_one_wanted_to_go(tmp_path: Path, headers: dict[str, str]) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        async with hub.stranger(headers) as person:
            answer = await person.post("/sign-in", data={"key": f" {hub.key} ", "next": f"/models/{model}"})
            assert (answer.status_code, answer.headers["location"]) == (303, f"/models/{model}")
            cookie = answer.headers["set-cookie"]
            assert (await person.get(f"/models/{model}")).status_code == 200
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert f"Max-Age={SECONDS}" in cookie
    assert hub.key not in cookie


async def test_a_wrong_key_lets_nobody_in(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub, hub.stranger() as stranger:
        for form in ({"key": "x" * 42}, {"key": ""}, {}, {"key": HOSTILE}):
            answer = await stranger.post("/sign-in", data=form)
            assert answer.status_code == 401
            assert "not known here" in answer.text
            assert "set-cookie" not in answer.headers
            assert "<script" not in answer.text


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/models/../../x", "/sign-out", "javascript:alert(1)", HOSTILE],
)
async def test_a_sign_in_leads_nowhere_but_to_our_pages(tmp_path: Path, target: str) -> None:
    async with a_hub(tmp_path) as hub, hub.stranger() as stranger:
        answer = await stranger.post("/sign-in", data={"key": hub.key, "next": target})
        form = await stranger.post("/sign-in", data={"key": "wrong", "next": target})
    assert answer.headers["location"] == "/"
    assert 'name="next" type="hidden" value="/"' in form.text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_sites_form_signs_nobody_in(tmp_path: Path, site: str) -> None:
    async with a_hub(tmp_path) as hub, hub.stranger({"sec-fetch-site": site}) as stranger:
        answer = await stranger.post("/sign-in", data={"key": hub.key})
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers


async def test_a_link_from_elsewhere_loads_itself_once_more_and_only_then(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub, hub.stranger() as stranger:
        first = await stranger.get("/", headers={"sec-fetch-site": "cross-site"})
        second = await stranger.get("/", headers={"sec-fetch-site": "same-origin"})
    assert 'http-equiv="refresh"' in first.text
    assert 'http-equiv="refresh"' not in second.text


async def test_a_revoked_key_shows_nothing_any_more(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub, a_person(hub) as person:
        assert (await person.get("/")).status_code == 200
        await hub.services.database.write(lambda connection: keys.revoke(connection, "test", 0))
        assert (await person.get("/")).status_code == 401


async def test_a_sign_in_ends_by_itself_and_by_signing_out(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub(tmp_path, clock=clock) as hub:
        async with a_person(hub) as person:
            clock.pass_(SECONDS - 1)
            assert (await person.get("/")).status_code == 200
            clock.pass_(1)
            assert (await person.get("/")).status_code == 401
        async with a_person(hub) as person:
            assert (await person.post("/sign-out")).headers["location"] == "/"
            assert person.cookies.get(NAME) in (None, "", '""')
            assert (await person.get("/")).status_code == 401


async def test_a_sign_in_survives_a_restart(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub, a_person(hub) as person:
        cookie = person.cookies[NAME]
    async with a_hub(tmp_path) as hub, hub.stranger({"cookie": f"{NAME}={cookie}"}) as person:
        assert (await person.get("/")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/models/{model}", "/models/none", "/style.css"])
async def test_every_page_forbids_scripts_frames_and_foreign_things(tmp_path: Path, path: str) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model()
        async with a_person(hub) as person, hub.stranger() as stranger:
            answers = [await who.get(path.format(model=model)) for who in (person, stranger)]
    for answer in answers:
        if path != "/style.css":
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script|javascript:| on\w+=| style=|src=|https?://", answer.text)


async def test_what_others_named_is_shown_as_text(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        named: dict[str, Any] = {"meta": {"name": HOSTILE}, "dataset": {"name": HOSTILE}}
        model = await hub.model(**named, lineage={"architecture": {"name": HOSTILE}, "parent": {"name": HOSTILE}})
        await hub.data("POST", wire.heartbeat(model), json={"agent": HOSTILE, "agentId": None})
        await hub.post(model, {0: {f"metrics/{HOSTILE}": 1.0, f"train/{HOSTILE}loss": 0.5}})
        await hub.upload(model, a_checkpoint())
        async with a_person(hub) as person:
            pages = [await person.get(path) for path in ("/", f"/models/{model}", f"/?query={HOSTILE}")]
    for page in pages:
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "&lt;script&gt;" in page.text


async def test_a_models_page_tells_where_it_stands(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub(tmp_path, clock=clock) as hub:
        model = await hub.model(headers=session_headers("s-1", namespace="team"))
        writer = session_headers("s-1", 3, "team")
        await hub.data("POST", wire.heartbeat(model), json={"agent": "agent-x", "agentId": None}, headers=writer)
        await hub.post(model, {0: {"metrics/mAP50(B)": 0.25}, 1: {"metrics/mAP50(B)": 0.5}}, headers=writer)
        for epoch in range(3):
            await hub.upload(model, a_checkpoint(), epoch=epoch, isBest=epoch == 1, headers=writer)
        async with a_person(hub) as person:
            page = (await person.get(f"/models/{model}")).text
            links = re.findall(r'href="(/v1/files/[^"]+)"', page)
            files = [(await person.get(link)).status_code for link in links]
            clock.pass_(700)
            later = (await person.get(f"/models/{model}")).text
    for part in ("epoch 2 of 300", "coco8.yaml", "s-1", "agent-x", ">last<", ">best<", "<b>0.5</b>", "<svg"):
        assert part in page, part
    assert files == [200, 200]
    assert "agent-x" not in later
    assert "None was heard of" in later


async def test_a_model_that_nothing_was_heard_of_has_a_page_too(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        model = await hub.model(dataset={}, meta={}, lineage={}, config={})
        async with a_person(hub) as person:
            page = await person.get(f"/models/{model}")
    assert page.status_code == 200
    assert page.text.count("None yet") == 2
    assert "<svg" not in page.text


async def test_an_unknown_model_is_a_page_that_says_so(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub, a_person(hub) as person:
        answer = await person.get("/models/aaaaaaaaaaaaaaaaaaaa")
    assert answer.status_code == 404
    assert "There is no model of this id." in answer.text
    assert answer.headers["content-type"].startswith("text/html")


async def test_the_list_is_searched_and_paged(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        for number in range(30):
            await hub.model(meta={"name": f"signs & {number}"})
        async with a_person(hub) as person:
            first = (await person.get("/?query=signs+%26")).text
            older = re.search(r'href="([^"]*last_doc_id[^"]*)"', first)
            assert older
            second = (await person.get(older[1].replace("&amp;", "&"))).text
            empty = (await person.get("/?query=nothing")).text
            bad = await person.get("/?limit=x")
    assert (first.count("<tr>"), second.count("<tr>")) == (26, 6)
    assert "30 models" in first
    assert "No model has" in empty
    assert (bad.status_code, "limit is" in bad.text.lower()) == (422, True)


async def test_behind_a_prefix_and_tls_links_and_cookie_know_it(tmp_path: Path) -> None:
    settings = HubSettings(min_free_bytes=0, public_url="https://hub.example/training")
    async with a_hub(tmp_path, settings) as hub:
        model = await hub.model()
        await hub.upload(model, a_checkpoint())
        async with hub.stranger() as stranger:
            answer = await stranger.post("/sign-in", data={"key": hub.key, "next": f"/models/{model}"})
        cookie = answer.headers["set-cookie"]
        async with hub.stranger({"cookie": cookie.partition(";")[0]}) as person:
            page = (await person.get(f"/models/{model}")).text
    assert answer.headers["location"] == f"/training/models/{model}"
    assert "Secure" in cookie
    assert "Path=/training/" in cookie
    assert all(link.startswith(("/training/", "data:")) for link in re.findall(r'(?:href|action)="([^"]*)"', page))


async def test_pages_are_counted_and_their_bodies_limited(tmp_path: Path) -> None:
    async with a_hub(tmp_path, SMALL) as hub, a_person(hub) as person:
        await person.get("/")
        assert (await person.post("/sign-in", content=b"key=" + b"x" * 10_000)).status_code == 413
        counted = (await person.get("/metrics")).text
    assert 'operation="page-models"' in counted
