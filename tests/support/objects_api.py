"""The part of an API server that commands for people use, in memory and on a real socket, with faults on demand."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from builders.served import served as on_a_socket
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

Body = dict[str, Any]


class ObjectsApi:
    """Objects by plural and name, in one namespace."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Body] = {}
        self.logs: dict[tuple[str, str], str] = {}
        self.requests: list[str] = []
        self.faults: dict[str, list[int]] = {}
        """Statuses to answer with, instead of doing what is asked, by method and plural: ``POST secrets``."""
        self.lost: set[str] = set()
        """Whose requests are done but not answered."""
        self._numbers = itertools.count(1)

    def put(self, plural: str, body: Body) -> Body:
        """There is such an object."""
        number = next(self._numbers)
        metadata = {"uid": f"uid-{number}", **body["metadata"], "resourceVersion": str(number)}
        stored = {**body, "metadata": metadata}
        self.objects[plural, metadata["name"]] = stored
        return stored

    def get(self, plural: str, name: str) -> Body | None:
        return self.objects.get((plural, name))

    def secret(self, name: str, key: str = "identifier") -> str:
        return base64.b64decode(self.objects["secrets", name]["data"][key]).decode()

    def app(self) -> Starlette:
        routes = [
            Route(f"{root}/namespaces/{{namespace}}/{path}", self._serve, methods=["GET", "POST", "PATCH", "DELETE"])
            for root in ("/api/v1", "/apis/hubtraining.dev/v1alpha1")
            for path in ("{plural}", "{plural}/{name}", "{plural}/{name}/{part}")
        ]
        return Starlette(routes=routes)

    async def _serve(self, request: Request) -> Response:
        plural, name = request.path_params["plural"], request.path_params.get("name", "")
        asked = f"{request.method} {plural}" + (" dry run" if "dryRun" in request.query_params else "")
        self.requests.append(asked)
        if self.faults.get(asked):
            return refusal(self.faults[asked].pop(0))
        if request.path_params.get("part") == "log":
            return PlainTextResponse(self.logs[name, request.query_params["container"]])
        answer = await self._do(request, plural, name)
        return refusal(504) if asked in self.lost else answer

    async def _do(self, request: Request, plural: str, name: str) -> Response:
        if request.method == "POST":
            return self._create(plural, json.loads(await request.body()), "dryRun" in request.query_params)
        if not name and "watch" in request.query_params:
            return StreamingResponse(self._watch(plural), media_type="application/json")
        if not name:
            items = [body for (kind, _), body in self.objects.items() if kind == plural]
            wanted = request.query_params.get("fieldSelector", "").removeprefix("metadata.name=")
            found = [
                body for body in items if plural != "hubtrainingsessions" or wanted in ("", body["metadata"]["name"])
            ]
            return JSONResponse({"items": found, "metadata": {"resourceVersion": str(next(self._numbers))}})
        return self._one(request.method, plural, name, json.loads(await request.body() or b"{}"))

    def _create(self, plural: str, body: Body, dry_run: bool) -> Response:
        if (plural, body["metadata"]["name"]) in self.objects:
            return refusal(409, "AlreadyExists")
        return JSONResponse(body if dry_run else self.put(plural, body), 201)

    def _one(self, method: str, plural: str, name: str, sent: Mapping[str, Any]) -> Response:
        known = self.get(plural, name)
        if known is None:
            return refusal(404, "NotFound")
        if method == "DELETE":
            assert sent["preconditions"]["uid"] == known["metadata"]["uid"]
            del self.objects[plural, name]
        if method == "PATCH":
            known["metadata"] = {**known["metadata"], **sent["metadata"]}
        return JSONResponse(known)

    async def _watch(self, plural: str) -> AsyncIterator[str]:
        """Whatever is replaced is told."""
        told = dict(self.objects)
        while True:
            for key, body in list(self.objects.items()):
                if key[0] == plural and told.get(key) is not body:
                    told[key] = body
                    yield json.dumps({"type": "MODIFIED", "object": body}) + "\n"
            await asyncio.sleep(0.01)


def refusal(code: int, reason: str = "Because") -> Response:
    """A ``metav1.Status``."""
    return JSONResponse({"kind": "Status", "message": f"refused with {code}", "reason": reason}, code)


@asynccontextmanager
async def served(api: ObjectsApi, folder: Path) -> AsyncIterator[str]:
    """Its kubeconfig, while it is served."""
    async with on_a_socket(api.app()) as url:
        file = folder / "kubeconfig"
        file.write_text(json.dumps(_kubeconfig(url)))
        yield str(file)


def _kubeconfig(url: str) -> Body:
    return {
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "token"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}}],
    }
