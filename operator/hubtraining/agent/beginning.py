"""How an attempt begins: from the newest checkpoint that is whole, or afresh. Leaves word for agent and launcher."""

import asyncio
import logging
from functools import partial

import msgspec

from hubtraining.agent import candidates, run_files, tables
from hubtraining.agent.candidates import Candidate
from hubtraining.agent.hub_side import FILE, HubSide
from hubtraining.agent.run_folder import Workspace
from hubtraining.agent.settings import AgentSettings
from hubtraining.agent.tables import RunTable
from hubtraining.domain import layout
from hubtraining.domain.layout import Begun
from hubtraining.hub.errors import HubError
from hubtraining.hub.retry import Policy, persist

log = logging.getLogger("hubtraining.fetch")


class Beginning:
    """The beginning of one attempt. ``policy`` is for the hub's checkpoint where nothing else can be gone on from."""

    def __init__(self, settings: AgentSettings, hub: HubSide, policy: Policy) -> None:
        self._settings = settings
        self._hub = hub
        self._policy = policy
        self._workspace = Workspace(settings.workspace)
        self._run = settings.inside(settings.assignment.run_folder)
        self._folder = settings.in_workspace(settings.assignment.run_folder)

    async def prepare(self) -> Begun:
        """Make the run folder what training begins with. Raises HubError, OSError."""
        await asyncio.to_thread(run_files.forget, self._settings)
        chosen = await self._chosen() if wanted(self._settings.assignment) else None
        begun = await self._restored(chosen) if chosen else await self._afresh()
        await self._hub.clear()
        return begun

    async def _afresh(self) -> Begun:
        await asyncio.to_thread(run_files.put_away, self._folder, self._settings.assignment.attempt)
        return Begun()

    async def _chosen(self) -> Candidate | None:
        """The workspace's, unless the hub's is newer."""
        left = await asyncio.to_thread(candidates.in_workspace, self._workspace, self._settings.workspace, self._run)
        newest = partial(self._hub.last, left.epoch if left else 0)
        try:
            return await persist(newest, FILE if left else self._policy) or left
        except HubError as error:
            if left is None:
                raise
            log.warning("goes on from the workspace without asking the hub: %s", error)
            return left

    async def _restored(self, chosen: Candidate) -> Begun:
        log.info("goes on after epoch %d, from the %s", chosen.epoch, chosen.source)
        table, held = await self._table(chosen), await self._hub.held()
        if chosen.source == "hub":  # what an older attempt left is older than this
            await asyncio.to_thread(run_files.put_away, self._folder, self._settings.assignment.attempt)
        sha256 = await asyncio.to_thread(
            run_files.place_last, chosen, self._folder, self._settings.assignment.run_folder
        )
        best = await self._restored_best()
        await asyncio.to_thread(run_files.place_table, table, self._folder)
        uploaded = {sha256} if chosen.source == "hub" or chosen.sha256 in held else set()
        return Begun(
            resumed_epoch=chosen.epoch,
            sha256=sha256,
            source=chosen.source,
            uploaded=tuple(sorted(uploaded | ({best} & held if best else set()))),
        )

    async def _restored_best(self) -> str | None:
        """SHA-256 of the best checkpoint so far: the run folder's own if it is whole, else the hub's."""
        own = await asyncio.to_thread(run_files.whole_best, self._folder)
        if own is not None:
            return own
        best = await self._hub.best()
        if best is None:
            return None
        await asyncio.to_thread(run_files.place_best, best.path, self._folder)
        return best.sha256

    async def _table(self, chosen: Candidate) -> RunTable | None:
        """The longest of what is known until that epoch: the workspace's, the checkpoint's own, the hub's."""
        left = await asyncio.to_thread(tables.find, self._workspace, self._run)
        epoch, ultralytics = chosen.epoch, chosen.record.trainer
        known = [left.until(epoch)] if left else []
        if ultralytics:
            known.append(tables.from_columns(chosen.record.results, epoch))
        if max((len(table.rows) for table in known), default=0) < epoch:
            known.append(tables.from_metrics(await self._hub.metrics(), epoch, ultralytics=ultralytics))
        return max(known, key=lambda table: len(table.rows), default=None)


def wanted(assignment: layout.Assignment) -> bool:
    """Whether to look for something to go on from."""
    planned = any(given.kind == "last" for given in assignment.inputs)
    return assignment.resume and (assignment.attempt > 1 or planned)


def announce(settings: AgentSettings, begun: Begun) -> None:
    """Leave the launcher's marker and then, as the last of all, the word that the attempt has begun. Blocks."""
    owner = settings.assignment.session_uid, settings.assignment.attempt
    if begun.source is not None:
        settings.in_workspace(layout.resume_marker(*owner)).touch()
    path = settings.in_workspace(layout.begun_file(*owner))
    run_files.write(path, msgspec.json.encode(begun))
