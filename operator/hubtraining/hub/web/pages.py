"""The pages: a list of models, one model, and the form that lets people in with an API key."""

import re
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hubtraining.domain.epochs import from_wire
from hubtraining.hub.callers import Caller
from hubtraining.hub.refusals import Invalid, Refusal, Unauthorized
from hubtraining.hub.server import bodies, queries
from hubtraining.hub.server.endpoint import measured
from hubtraining.hub.server.services import Services
from hubtraining.hub.store import agents, checkpoints, facts, keys, metrics, models, pages
from hubtraining.hub.web import cookies, views
from hubtraining.hub.web.charts import Points
from hubtraining.hub.web.templates import STYLE, html

PERSON = Caller(name="page")
"""Who has signed in sees what a key sees: a hub is one account."""
LOCAL = re.compile(r"/(models/[A-Za-z0-9]{1,64})?")
"""Where a sign-in may lead: nowhere but to our own pages."""
MAX_FORM = 4096
FIRST_ROWS = 100
"""Checkpoints on a page; the history by API has more."""

Show = Callable[[Request], Awaitable[Response]]


class Pages:
    """Endpoints for browsers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/", self._page("page-models", self.models), methods=["GET"]),
            Route("/models/{model}", self._page("page-model", self.model), methods=["GET"]),
            Route("/sign-in", self._page("sign-in", self.sign_in, guarded=False), methods=["POST"]),
            Route("/sign-out", self._page("sign-out", self.sign_out, guarded=False), methods=["POST"]),
            Route("/style.css", self.style, methods=["GET"]),
        ]

    def _page(self, operation: str, show: Show, *, guarded: bool = True) -> Show:
        async def answer(request: Request) -> Response:
            return await measured(self._services, operation, lambda: self._shown(request, show, guarded))

        return answer

    async def _shown(self, request: Request, show: Show, guarded: bool) -> Response:
        """A page or, where it is refused, a page that says why."""
        try:
            if guarded and not await self._signed_in(request):
                return self._form(request, request.url.path)
            return await show(request)
        except Refusal as refusal:
            return html("refused.html", refusal.status, root=self._root(), message=refusal.message)

    async def models(self, request: Request) -> Response:
        """All models, the newest first."""
        ask, now = queries.page(request.query_params), self._services.clock()

        def work(connection: sqlite3.Connection) -> pages.Page[views.Summary]:
            def row(found: sqlite3.Row) -> views.Summary:
                model = models.decode(found)
                return views.summary(model, metrics.newest(connection, model.id), now)

            return pages.models(connection, ask, row)

        page = await self._services.database.read(work)
        more = page.last_id if len(page.rows) == ask.limit else None
        return html("models.html", root=self._root(), page=page, query=ask.query, after=ask.after, more=more)

    async def model(self, request: Request) -> Response:
        """One model: where it stands, its curves, its checkpoints, and who is at work on it."""
        model, now, links = request.path_params["model"], self._services.clock(), self._services.links
        root = self._root()

        def work(connection: sqlite3.Connection) -> views.Page:
            known = facts.gather(connection, model, PERSON)
            series = {item["meta"]["name"]: _by_epoch(item["data"]) for item in metrics.series(connection, model)}
            history = checkpoints.history(connection, model, FIRST_ROWS)
            heard = agents.heard_since(connection, model, now - views.ALIVE_SECONDS)
            return views.page(known, series, history, heard, lambda sha, name: root + links.path(sha, name, now), now)

        page = await self._services.database.read(work)
        return html("model.html", root=root, page=page)

    async def sign_in(self, request: Request) -> Response:
        """Let somebody in who knows a key."""
        if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise Invalid("another site's page cannot sign you in here")
        body = await bodies.read(request, MAX_FORM, self._services.settings.body_seconds)
        form = {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
        target = form.get("next", "/")
        known = keys.key_hash(form.get("key", "").strip())
        if await self._services.database.read(lambda c: keys.holder_of_hash(c, known)) is None:
            return self._form(request, target, message="This API key is not known here.")
        response = RedirectResponse(self._root() + (target if LOCAL.fullmatch(target) else "/"), 303)
        self._set(request, response, self._services.sign_ins.cookie(known, self._services.clock()), cookies.SECONDS)
        return response

    async def sign_out(self, request: Request) -> Response:
        """Forget who it is."""
        response = RedirectResponse(f"{self._root()}/", 303)
        self._set(request, response, "", 0)
        return response

    async def style(self, request: Request) -> Response:
        """The one style sheet; the only thing that anybody may see."""
        return Response(STYLE, media_type="text/css", headers={"cache-control": "public, max-age=300"})

    async def _signed_in(self, request: Request) -> bool:
        known = self._services.sign_ins.read(request.cookies.get(cookies.NAME, ""), self._services.clock())
        if known is None:
            return False
        return await self._services.database.read(lambda c: keys.holder_of_hash(c, known)) is not None

    def _form(self, request: Request, target: str, message: str = "") -> Response:
        """The form. A link from another site brings no strict cookie along, so the page then loads itself once more."""
        again = request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site"
        target = target if LOCAL.fullmatch(target) else "/"
        return html("sign_in.html", Unauthorized.status, root=self._root(), next=target, message=message, again=again)

    def _set(self, request: Request, response: Response, value: str, seconds: int) -> None:
        public = self._services.settings.public_url or str(request.base_url)
        response.set_cookie(
            cookies.NAME,
            value,
            max_age=seconds,
            path=f"{self._root()}/",
            secure=public.startswith("https:"),
            httponly=True,
            samesite="strict",
        )

    def _root(self) -> str:
        """What stands before every path, where the hub's public root has one."""
        return urlsplit(self._services.settings.public_url).path.rstrip("/")


def _by_epoch(data: dict[str, Any]) -> Points:
    return {from_wire(int(epoch)): value for epoch, value in data.items()}
