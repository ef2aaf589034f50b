"""A hub that answers in the shapes that were seen on the wire of the original one, and remembers what it was asked."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from hubtraining.hub.client import HubClient
from hubtraining.hub.connection import Connection, Observe
from hubtraining.hub.credentials import Provider, fixed

URL = "http://hub.test"
MODEL_ID = "Zk3n5Qw8Rt1Yb7Uc2Xm4"
KEY = "0123456789abcdef0123456789abcdef0123456789"
MODEL_PATH = f"/v1/models/{MODEL_ID}"
UPLOAD_PATH = f"{MODEL_PATH}/upload"
BEAT_PATH = f"/v1/agent/heartbeat/models/{MODEL_ID}"

Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def ok(data: Any = None, **headers: str) -> httpx.Response:
    """200 with the envelope."""
    return httpx.Response(200, json={"success": True, "message": "", "data": data}, headers=headers)


def refused(status: int, message: str = "", **headers: str) -> httpx.Response:
    """An error with the envelope; ``_`` in header names stands for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"success": False, "message": message}, headers=named)


def page(status: int = 200) -> httpx.Response:
    """What a proxy or a captive portal answers instead of the hub."""
    return httpx.Response(status, html="<html><body>Bad gateway for key 0123</body></html>")


def a_model(**fields: Any) -> dict[str, Any]:
    """The record of a model that waits to be trained."""
    return {
        "id": MODEL_ID,
        "status": "new",
        "has_last_weights": False,
        "has_best_weights": False,
        "is_pretrained": False,
        "is_custom": False,
        "cfg": "yolov8n.yaml",
        "data": None,
        "weights": None,
        "resume": None,
        "train_args": {"batch": 16, "epochs": 5, "imgsz": 64, "patience": 100, "device": "", "data": "coco8.yaml"},
        "meta": {"name": "yolov8n.yaml"},
        "dataset": {},
        "project": None,
        **fields,
    }


class RecordedHub:
    """An HTTP transport's other end. Each route answers with its replies in turn; the last one stays."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self._replies: dict[tuple[str, str], list[Reply]] = defaultdict(list)
        self.on("GET", MODEL_PATH, ok(a_model()))
        self.on("POST", MODEL_PATH, ok())
        self.on("POST", UPLOAD_PATH, ok())
        self.on("POST", BEAT_PATH, ok({"agentId": "agent-1"}))

    def on(self, method: str, path: str, *replies: Reply) -> "RecordedHub":
        """Answer a route from now on."""
        self._replies[method, path] = list(replies)
        return self

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """One exchange."""
        await request.aread()
        self.asked.append(request)
        replies = self._replies.get((request.method, request.url.path)) or [refused(404, "no such route")]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply(request) if callable(reply) else _fresh(reply)

    def requests(self, method: str, path: str) -> list[httpx.Request]:
        """What was asked of one route, in order."""
        return [request for request in self.asked if (request.method, request.url.path) == (method, path)]

    def bodies(self, method: str, path: str) -> list[Any]:
        """The JSON that was sent to one route, in order."""
        return [msgspec.json.decode(request.content) for request in self.requests(method, path)]

    def client(self, credentials: Provider | None = None, observe: Observe | None = None) -> HubClient:
        """A client whose transport is this hub."""
        http = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return HubClient(Connection(URL, credentials or fixed(KEY), http, observe=observe))


def _fresh(reply: httpx.Response) -> httpx.Response:
    """The same answer again: a response can be read only once."""
    return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
