"""Questions to hubs, asked beside the passes: an answer wakes the session, silence holds nobody up."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Self

import msgspec

from hubtraining.controller.cluster.cache import Key
from hubtraining.controller.cluster.errors import KubeError
from hubtraining.controller.hubs.access import Access, GetSecret, NoAccess, access
from hubtraining.controller.hubs.clients import HubClients
from hubtraining.controller.hubs.host import HubSpared
from hubtraining.controller.hubs.problems import PROCESSING_SECONDS, UNAVAILABLE_SECONDS, from_error, from_plan
from hubtraining.controller.rules.status import read
from hubtraining.controller.settings import ControllerSettings
from hubtraining.controller.values.messages import short
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import Asked, Prepared, Problem, Record
from hubtraining.domain.arguments import InvalidArguments, NoPlan, create_payload, plan
from hubtraining.domain.identifiers import model_url
from hubtraining.domain.session import Session, SessionSpec
from hubtraining.domain.status import ModelStatus
from hubtraining.hub import wire
from hubtraining.hub.client import Fence, HubClient
from hubtraining.hub.connection import translated
from hubtraining.hub.errors import HubError, HubNotFound, HubUnavailable

logger = logging.getLogger("hubtraining.controller.hubs")

Answer = Prepared | Record | Problem
Question = Callable[[HubClient, Access, Session, SessionSpec], Awaitable[Answer]]
QUESTION_SECONDS = 120.0
"""Of all calls that one question takes: a list may have many pages, but not for ever."""

LONGEST_SECONDS = 300.0
"""Between two questions to a hub that does not answer, or still processes."""

_DOUBLING = {Reason.HUB_UNAVAILABLE: UNAVAILABLE_SECONDS, Reason.DATASET_NOT_READY: PROCESSING_SECONDS}
"""What may last, and the wait that grows with it."""


class _Entry(msgspec.Struct):
    generation: int
    attempt: int
    asked: Asked
    task: asyncio.Task[None] | None = None
    tries: int = 0
    leave: Callable[[], None] | None = None
    """Wait for the hub no longer."""

    def drop(self) -> None:
        """Nobody wants this answer any more."""
        if self.task is not None:
            self.task.cancel()
        if self.leave is not None:
            self.leave()


class Hubs:
    """Asks, remembers the answers, and wakes whom they are for. Use with ``async with``: leaving ends what runs."""

    def __init__(
        self,
        settings: ControllerSettings,
        clients: HubClients,
        get_secret: GetSecret,
        wake: Callable[[Key], None],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._clients = clients
        self._get_secret = get_secret
        self._wake = wake
        self._now = now
        self._entries: dict[tuple[str, str], _Entry] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        running = [entry.task for entry in self._entries.values() if entry.task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def prepared(self, session: Session, attempt: int) -> Asked | None:
        """What became of :meth:`prepare` for this attempt; nothing where the spec has changed since."""
        entry = self._entries.get((session.uid, "prepare"))
        return entry.asked if entry and _fits(entry, session, attempt) else None

    def record(self, session: Session, attempt: int) -> Asked | None:
        """What became of :meth:`look_up` for this attempt."""
        entry = self._entries.get((session.uid, "record"))
        return entry.asked if entry and entry.attempt == attempt else None

    def prepare(self, session: Session, spec: SessionSpec, attempt: int) -> None:
        """Have the session's model created or loaded, claimed for this attempt, and planned."""
        self._ask("prepare", partial(prepare, attempt), session, spec, attempt)

    def look_up(self, session: Session, spec: SessionSpec, attempt: int) -> None:
        """Have the hub's record of the session's model read, for an attempt whose end nobody saw."""
        self._ask("record", look_up, session, spec, attempt)

    def forget(self, uid: str) -> None:
        """Drop a session's questions and answers."""
        for kind in ("prepare", "record"):
            entry = self._entries.pop((uid, kind), None)
            if entry is not None:
                entry.drop()

    def _ask(self, kind: str, question: Question, session: Session, spec: SessionSpec, attempt: int) -> None:
        known = self._entries.get((session.uid, kind))
        fresh = known is None or not _fits(known, session, attempt)
        if known is not None:
            if known.task is not None and not fresh:
                return
            known.drop()
        tries = 0 if known is None or fresh else known.tries
        entry = _Entry(session.generation, attempt, Asked(self._now()), tries=tries)
        self._entries[session.uid, kind] = entry
        entry.task = asyncio.create_task(self._run(entry, question, session, spec), name=f"hub {kind} {session.key}")

    async def _run(self, entry: _Entry, question: Question, session: Session, spec: SessionSpec) -> None:
        answer = await self._answer(entry, question, session, spec)
        wait = _wait(answer, entry.tries)
        due = self._now() + timedelta(seconds=wait) if wait is not None else None
        entry.asked = Asked(entry.asked.since, answer, due)
        entry.tries = entry.tries + 1 if isinstance(answer, Problem) else 0
        entry.task = None
        self._wake(session.key)

    def _due(self, entry: _Entry, key: Key) -> None:
        """A hub that did not answer may be asked again now, before its time."""
        entry.asked = msgspec.structs.replace(entry.asked, due=self._now())
        self._wake(key)

    async def _answer(self, entry: _Entry, question: Question, session: Session, spec: SessionSpec) -> Answer:
        way: Access | None = None
        try:
            way = await access(session.namespace, spec, self._settings, self._get_secret)
            async with self._clients.client(way) as client:
                with translated("ask"):
                    async with asyncio.timeout(QUESTION_SECONDS):
                        return await question(client, way, session, spec)
        except NoAccess as error:
            return error.problem
        except (NoPlan, InvalidArguments) as error:
            return from_plan(error)
        except HubError as error:
            if way is not None and _may_recover(error):
                entry.leave = self._clients.wait(way, session.uid, partial(self._due, entry, session.key))
            return from_error(error, way)
        except KubeError as error:
            return Problem(Reason.CONNECTING, f"The hub's credentials cannot be read: {error}", 5.0)
        except Exception:  # the boundary: a question without an answer would keep its session waiting for ever
            logger.exception("asking the hub of %s/%s failed", session.namespace, session.name)
            return Problem(Reason.HUB_UNAVAILABLE, "The hub could not be asked; the controller's log says why.", 5.0)


async def prepare(attempt: int, client: HubClient, way: Access, session: Session, spec: SessionSpec) -> Prepared:
    """The model, created for this session or found, and what to train with it in this attempt."""
    model, created = await _model(client, way, session, spec, attempt)
    link = model_url(way.web_url, model.id)
    first, resume = attempt == 1, spec.checkpoints.resume == "Auto"
    planned = plan(model, spec.train.args, way.identifier, link, first=first, resume=resume)
    dataset = str(spec.train.args.get("data") or (model.train_args or {}).get("data") or "")
    shown = "" if "://" in dataset and "?" in dataset else short(dataset)
    known = read(session.status).model
    resumed = planned.resumed or bool(known and known.resumed)
    status = ModelStatus(model.id, link, way.identifier.file_name, shown, resumed, planned.overridden)
    return Prepared(status, planned, created, way.identifier.api_key is not None)


async def look_up(client: HubClient, way: Access, session: Session, spec: SessionSpec) -> Record:
    """Whether the hub has a final checkpoint that this very session wrote."""
    known = read(session.status).model
    if known is None or not known.id:
        return Record(trained=False)
    model = await client.read(known.id)
    writer = model.session_uid or model.meta.get("session")
    return Record(trained=model.status == "trained" and writer == session.uid)


async def _model(
    client: HubClient, way: Access, session: Session, spec: SessionSpec, attempt: int
) -> tuple[wire.Model, bool]:
    known = read(session.status).model
    model_id = (known.id if known else "") or way.identifier.model_id
    if model_id:
        model = await client.read(model_id)
        await _claim(client, model_id, session, attempt)
        return model, bool(way.identifier.file)
    found = None if way.own else await client.find(session.uid)
    model = found or await _create(client, way, session, spec)
    await _claim(client, model.id, session, attempt)
    return model, True


async def _create(client: HubClient, way: Access, session: Session, spec: SessionSpec) -> wire.Model:
    payload = create_payload(way.identifier, spec.train.args, session.uid)
    return await client.create(payload, idempotency_key=session.uid, namespace=session.namespace)


async def _claim(client: HubClient, model_id: str, session: Session, attempt: int) -> None:
    """From now on the hub refuses what older attempts send; a hub that knows no claims is left alone."""
    try:
        await client.fenced(Fence(session.uid, attempt)).claim(model_id, namespace=session.namespace)
    except HubNotFound:
        logger.debug("the hub of %s/%s knows no claims", session.namespace, session.name)


def _may_recover(error: HubError) -> bool:
    """It has not named a time itself, so that the first answer to anybody is as good a time as any."""
    return isinstance(error, HubSpared) or (isinstance(error, HubUnavailable) and error.retry_after is None)


def _fits(entry: _Entry, session: Session, attempt: int) -> bool:
    return (entry.generation, entry.attempt) == (session.generation, attempt)


def _wait(answer: Answer, tries: int) -> float | None:
    if not isinstance(answer, Problem) or answer.retry_seconds is None:
        return None
    own = _DOUBLING.get(answer.reason, 0.0) * 2.0 ** min(tries, 10)
    return min(LONGEST_SECONDS, max(answer.retry_seconds, own))
