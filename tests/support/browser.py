"""A real browser without a window: headless Chromium, spoken to over a pipe."""

import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
    "--window-size=1180,900", "--disable-background-networking",
    "--disable-component-update", "--remote-debugging-pipe",
)  # fmt: skip
AT_3_AND_4 = "import os, sys; [os.dup2(int(sys.argv[n]), n + 2) for n in (1, 2)]; os.execv(sys.argv[3], sys.argv[3:])"
"""Where the browser looks for its pipe."""

JSON = dict[str, Any]


def program() -> str | None:
    """The browser of this machine."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Tab:
    """One page. What the browser tells meanwhile is kept in ``events``."""

    def __init__(self, writing: int, reading: int) -> None:
        self._writing = os.fdopen(writing, "wb", buffering=0)
        self._reading = os.fdopen(reading, "rb", buffering=0)
        self._received = b""
        self._number = 0
        self._session: JSON = {}
        self.events: list[JSON] = []

    def open(self) -> None:
        """Begin: a tab that runs no script of any page."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Network", "Log", "DOM"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setScriptExecutionDisabled", value=True)

    def close(self) -> None:
        """The browser ends when its pipe is closed."""
        self._writing.close()
        self._reading.close()

    def call(self, method: str, **params: Any) -> JSON:
        """Ask the browser; its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, **self._session}
        self._writing.write(json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def goes(self, method: str, pages: int = 1, **params: Any) -> None:
        """Do what loads a page, or several one after the other, and wait until they have loaded."""
        wanted = self._loads() + pages
        self.call(method, **params)
        while self._loads() < wanted:
            self.events.append(self._next())

    def forget(self) -> None:
        """Where it has been, and who it is."""
        self.call("Network.clearBrowserCookies")
        self.call("Emulation.clearDeviceMetricsOverride")
        self.visit("about:blank")
        self.events.clear()

    def visit(self, url: str) -> None:
        self.goes("Page.navigate", url=url)

    def type(self, selector: str, text: str) -> None:
        """Into a field."""
        self.call("DOM.focus", nodeId=self._node(selector))
        self.call("Input.insertText", text=text)

    def press_enter(self) -> None:
        """In the field that has the focus; loads the next page."""
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        self.goes("Input.dispatchKeyEvent", type="keyDown", **key)

    def click(self, selector: str, pages: int = 1) -> None:
        """In the middle of something that leads to a page."""
        self.call("DOM.scrollIntoViewIfNeeded", nodeId=self._node(selector))
        x0, y0, _, _, x1, y1, _, _ = self.call("DOM.getBoxModel", nodeId=self._node(selector))["model"]["content"]
        where = {"x": (x0 + x1) / 2, "y": (y0 + y1) / 2, "button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", **where)
        self.goes("Input.dispatchMouseEvent", pages, type="mouseReleased", **where)

    def html(self, selector: str = "html") -> str:
        return str(self.call("DOM.getOuterHTML", nodeId=self._node(selector))["outerHTML"])

    def url(self) -> str:
        history = self.call("Page.getNavigationHistory")
        return str(history["entries"][history["currentIndex"]]["url"])

    def cookies(self) -> list[JSON]:
        return list(self.call("Network.getCookies")["cookies"])

    def asked(self) -> list[str]:
        """Every address that was asked for."""
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """What the browser wrote into its console: blocked styles and scripts among it."""
        return [e["params"]["entry"]["text"] for e in self.events if e["method"] == "Log.entryAdded"]

    def boxes(self, selector: str) -> list[tuple[float, float]]:
        """Width and height of everything that the selector names, as it is drawn."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        nodes = self.call("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"]
        models = [self.call("DOM.getBoxModel", nodeId=node)["model"] for node in nodes]
        return [(model["width"], model["height"]) for model in models]

    def picture(self, file: Path) -> None:
        """The whole page as PNG."""
        content = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": content["width"], "height": content["height"], "scale": 1}
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        file.write_bytes(b64decode(shot["data"]))

    def _node(self, selector: str) -> int:
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = int(self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"])
        assert node, f"nothing on the page is {selector!r}"
        return node

    def _loads(self) -> int:
        return sum(event["method"] == "Page.loadEventFired" for event in self.events)

    def _next(self) -> JSON:
        while b"\0" not in self._received:
            piece = self._reading.read(1 << 20)
            assert piece, "the browser has ended"
            self._received += piece
        message, _, self._received = self._received.partition(b"\0")
        return dict(json.loads(message))


@contextmanager
def a_tab(path: str, folder: Path) -> Iterator[Tab]:
    """A browser with a profile of its own and one tab, while the context lasts."""
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    command = [
        sys.executable,
        "-c",
        AT_3_AND_4,
        str(theirs_in),
        str(theirs_out),
        path,
        *FLAGS,
        f"--user-data-dir={folder}",
    ]
    browser = subprocess.Popen(
        command, pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(theirs_in)
    os.close(theirs_out)
    tab = Tab(ours_out, ours_in)
    try:
        tab.open()
        yield tab
    finally:
        tab.close()
        browser.terminate()
        browser.wait()
