"""The pages in a real browser that runs no script: a person signs in, looks around, and leaves."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from builders.hub_process import HubProcess, a_hub_process, create_key
from builders.site import a_training
from support.browser import Tab, a_tab, program

from hubtraining.hub import wire

BROWSER = program()
PICTURE = os.environ.get("HUBTRAINING_PICTURE")
"""Where the page's picture for the documents goes, when it is made anew."""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


@dataclass(frozen=True)
class Site:
    """A served hub with a model in training, and a key for it."""

    hub: HubProcess
    key: str
    model: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("hub")
    key = create_key(folder)
    with (
        a_hub_process(folder) as hub,
        httpx.Client(base_url=hub.url, headers={wire.HEADER_KEY: key}, timeout=60) as client,
    ):
        a_training(client, "yolo11s-plates.pt", 40, 40, final=True)
        model = a_training(client, "yolo11n-signs.pt", 64, 100)
        a_training(client, "yolo11m-faces.yaml", 0, 300)
        yield Site(hub, key, model)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    assert BROWSER is not None
    with a_tab(BROWSER, tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab) -> Tab:
    """A browser that has been nowhere."""
    browser.forget()
    return browser


def sign_in(tab: Tab, site: Site) -> None:
    tab.type("#key", site.key)
    tab.press_enter()


def test_a_person_signs_in_and_sees_the_model(tab: Tab, site: Site) -> None:
    link = f"{site.hub.url}/models/{site.model}"
    tab.visit(link)
    assert "yolo11n-signs" not in tab.html()
    sign_in(tab, site)

    assert tab.url() == link
    text = tab.html("main")
    for part in ("yolo11n-signs", "epoch 64 of 100", "metrics/mAP50-95(B)", "hubtraining-0.1.0", "Download"):
        assert part in text
    assert len(tab.boxes("svg path.line")) >= 10
    assert all(width > 100 and height > 5 for width, height in tab.boxes("figure svg"))
    if PICTURE:
        tab.picture(Path(PICTURE))


def test_nothing_comes_from_elsewhere_and_nothing_is_blocked(tab: Tab, site: Site) -> None:
    tab.visit(f"{site.hub.url}/models/{site.model}")
    sign_in(tab, site)
    tab.click(".home")
    assert all(url.startswith((site.hub.url, "data:")) for url in tab.asked())
    assert [text for text in tab.complaints() if "Content Security Policy" in text] == []


def test_no_script_sees_the_cookie_and_no_other_site_sends_it(tab: Tab, site: Site) -> None:
    tab.visit(site.hub.url)
    sign_in(tab, site)
    (cookie,) = tab.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert site.key not in cookie["value"]


def test_the_list_leads_to_the_models_and_out_again(tab: Tab, site: Site) -> None:
    tab.visit(site.hub.url)
    sign_in(tab, site)
    assert all(name in tab.html("table") for name in ("yolo11n-signs.pt", "yolo11s-plates.pt", "yolo11m-faces.yaml"))
    tab.click(f'a[href="/models/{site.model}"]')
    assert "yolo11n-signs.pt" in tab.html("h1")
    tab.click("header button")
    assert tab.cookies() == []
    tab.visit(f"{site.hub.url}/models/{site.model}")
    assert "Sign in" in tab.html("h1")


def test_a_wrong_key_is_said_to_be_unknown(tab: Tab, site: Site) -> None:
    tab.visit(site.hub.url)
    tab.type("#key", "x" * 42)
    tab.press_enter()
    assert "not known here" in tab.html(".problem")
    assert tab.cookies() == []


def test_a_link_from_another_site_needs_no_second_sign_in(tab: Tab, site: Site, tmp_path: Path) -> None:
    tab.visit(site.hub.url)
    sign_in(tab, site)
    elsewhere = tmp_path / "elsewhere.html"
    elsewhere.write_text(f'<a href="{site.hub.url}/models/{site.model}">the model</a>')
    tab.visit(elsewhere.as_uri())
    tab.click("a", pages=2)
    assert "yolo11n-signs.pt" in tab.html("h1")


def test_a_narrow_window_scrolls_tables_and_nothing_else(tab: Tab, site: Site) -> None:
    tab.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    tab.visit(f"{site.hub.url}/models/{site.model}")
    sign_in(tab, site)
    assert tab.call("Page.getLayoutMetrics")["cssContentSize"]["width"] <= 390
