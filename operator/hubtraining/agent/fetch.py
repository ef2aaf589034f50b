"""``hubtraining fetch``: bring a run's weights and data set, verified, before the trainer starts."""

import asyncio
import errno
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from hubtraining import logs
from hubtraining.agent import data_set
from hubtraining.agent.archives import NotIntact, check
from hubtraining.agent.beginning import Beginning, announce
from hubtraining.agent.connections import Connect, connect
from hubtraining.agent.data_set import BadDataSet
from hubtraining.agent.hub_side import HubSide
from hubtraining.agent.settings import AgentSettings, SettingsError
from hubtraining.domain import layout
from hubtraining.domain.layout import Input
from hubtraining.hub.client import Fence, HubClient
from hubtraining.hub.connection import Connection
from hubtraining.hub.errors import HubError
from hubtraining.hub.retry import Policy, persist

log = logging.getLogger("hubtraining.fetch")

POLICY = Policy(tries=10, seconds=6 * 3600.0)
"""The waits between ten tries sum up to some nine minutes; a large data set may take hours."""

LOOK_SECONDS = 2.0
TELL_SECONDS = 60.0
"""Between two looks for the first pod's word, and between two lines in the log of a pod that waits."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

LASTING = frozenset({"parent", "dataset"})
"""Kinds that stay the same from attempt to attempt, so one that is there need not come again."""


class Fetch:
    """Everything of one assignment. The hub's client is given."""

    def __init__(self, settings: AgentSettings, hub: HubClient, policy: Policy = POLICY) -> None:
        self._settings = settings
        self._hub = hub
        self._policy = policy
        self._model_id = settings.assignment.hub.model_id

    async def run(self) -> None:
        """Bring each input, and make the run folder ready. Raises HubError, BadDataSet or OSError."""
        for wanted in self._settings.assignment.inputs:
            if wanted.kind != "last":  # is not the user's to name: an attempt goes on from the newest, wherever it is
                await self._bring(wanted)
        folder = self._settings.in_workspace(layout.EXIT_CODES)
        side = HubSide(self._hub, self._model_id, folder)
        begun = await Beginning(self._settings, side, self._policy).prepare()
        await asyncio.to_thread(announce, self._settings, begun)

    async def _bring(self, wanted: Input) -> None:
        path = self._settings.in_workspace(wanted.path)
        if wanted.kind in LASTING and await asyncio.to_thread(is_there, wanted, path):
            log.info("the %s is there already: %s", wanted.kind, path)
            return
        await persist(self._bringing(wanted, path), self._policy)
        log.info("brought the %s: %s", wanted.kind, path)

    def _bringing(self, wanted: Input, path: Path) -> Callable[[], Awaitable[None]]:
        """One try; each asks for a fresh link, because links expire."""
        if wanted.kind == "dataset":
            return lambda: self._data_set(path)
        return lambda: self._download(wanted.kind, path)

    async def _download(self, kind: str, path: Path) -> None:
        link = await self._hub.link(self._model_id, kind)
        await self._hub.download(link, path)

    async def _data_set(self, path: Path) -> None:
        folder = path.parent / "dataset"
        archive = path.parent / "dataset.zip"
        if not await asyncio.to_thread(folder.is_dir):
            await self._download("dataset", archive)
            await asyncio.to_thread(data_set.unpack, archive, folder)
        await asyncio.to_thread(write_yaml, folder, path)
        await asyncio.to_thread(archive.unlink, missing_ok=True)


def write_yaml(folder: Path, path: Path) -> None:
    """Write the data set's yaml where the trainer expects it; that it exists says that the data set is complete."""
    source = data_set.find_yaml(folder)
    text = data_set.with_path(source.read_text(errors="replace"), source.parent)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    part.replace(path)


def is_there(wanted: Input, path: Path) -> bool:
    """Whether an input came before, whole."""
    if path.is_symlink() or not path.is_file():
        return False
    if wanted.kind == "dataset":
        return True
    try:
        with path.open("rb") as file:
            sum(check(file))
    except (NotIntact, OSError) as error:
        log.warning("%s is there but cannot be used, so it is brought again: %s", path, error)
        return False
    return True


def prepare(settings: AgentSettings) -> None:
    """Make the folders that fetch, launcher and trainer write to, for the pod's group."""
    os.umask(0o002)  # the trainer is another user of the same group: it caches labels beside the images
    for folder in (layout.INPUTS, layout.EXIT_CODES, str(Path(settings.assignment.run_folder).parent)):
        path = settings.in_workspace(folder) if folder != layout.WORKSPACE else settings.workspace
        if path.is_symlink():
            path.unlink()
        path.mkdir(parents=True, exist_ok=True)


async def fetch(settings: AgentSettings, connect: Connect = connect) -> None:
    """Prepare the workspace and bring everything, or wait until the attempt's first pod has."""
    if settings.assignment.node_index > 0:
        await wait_for_first(settings)
        return
    await asyncio.to_thread(prepare, settings)
    hub, fence = settings.assignment.hub, Fence(settings.assignment.session_uid, settings.assignment.attempt)
    async with connect(hub.ca_bundle) as http:
        client = HubClient(Connection(hub.url, settings.hub_credentials(), http)).fenced(fence)
        await Fetch(settings, client).run()


async def wait_for_first(settings: AgentSettings) -> None:
    """Return when the first pod of this attempt has made the shared workspace ready."""
    owner = settings.assignment.session_uid, settings.assignment.attempt
    path, waited = settings.in_workspace(layout.begun_file(*owner)), 0.0
    while not await asyncio.to_thread(path.is_file):
        if waited % TELL_SECONDS == 0:
            log.info("waits for the first pod of attempt %d: %d s so far", settings.assignment.attempt, waited)
        await asyncio.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
    log.info("the first pod has made everything ready")


def main(environ: Mapping[str, str]) -> int:
    """Run ``fetch``; 0, or 1 with one sentence on standard error and in the termination log, or 2 for bad settings."""
    try:
        settings = AgentSettings.from_env(environ)
    except SettingsError as error:
        print(f"fetch: {error}", file=sys.stderr)
        return 2
    logs.set_up(settings.log_level, settings.log_format)
    try:
        asyncio.run(fetch(settings))
    except (HubError, BadDataSet, OSError) as error:
        return failed(settings, in_words(error))
    return 0


def in_words(error: Exception) -> str:
    """What went wrong; where the disk is full, with the field that says how large it is."""
    if isinstance(error, OSError) and error.errno in FULL:
        return f"fetch: the workspace is full, see spec.workspace: {error.strerror}"
    return f"fetch: {error}"


def failed(settings: AgentSettings, sentence: str) -> int:
    """Say what went wrong to people and to the kubelet."""
    print(sentence, file=sys.stderr)
    try:
        settings.termination_log.write_text(sentence)
    except OSError as error:
        log.warning("the termination log cannot be written: %s", error)
    return 1
