"""``hubtraining agent``: builds the agent from its settings and runs it until it is asked to leave."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

import httpx
import prometheus_client

from hubtraining import logs
from hubtraining.agent.begun import begun
from hubtraining.agent.checkpoints import Checkpoints
from hubtraining.agent.connections import Connect, connect
from hubtraining.agent.follow import Follower
from hubtraining.agent.journal import Journal
from hubtraining.agent.ledger import Begun, Ledger
from hubtraining.agent.metrics import AgentMetrics
from hubtraining.agent.mirror import Mirror
from hubtraining.agent.probe import Answer, Probe, Route
from hubtraining.agent.reporter import Reporter
from hubtraining.agent.run import Agent, Signals
from hubtraining.agent.run_folder import Workspace
from hubtraining.agent.settings import AgentSettings, SettingsError
from hubtraining.agent.snapshots import Snapshots
from hubtraining.agent.state import Board, RunState
from hubtraining.agent.traffic import Traffic
from hubtraining.agent.uploads import Uploads
from hubtraining.agent.watch import Pulse, Watch
from hubtraining.domain import layout
from hubtraining.domain.layout import Assignment
from hubtraining.domain.progress import Planned, Progress
from hubtraining.hub import credentials
from hubtraining.hub.client import Fence, HubClient
from hubtraining.hub.connection import Connection
from hubtraining.hub.outbox import Outbox
from hubtraining.hub.pace import RateLimits
from hubtraining.hub.session import HubTrainingSession
from hubtraining.hub.state import SessionState

STUCK = 120.0
"""Seconds without a look at the run folder after which the agent says that it is not well."""


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


async def run(settings: AgentSettings, signals: Signals, connect: Connect = connect) -> None:
    """Put the agent together and let it live. The probe answers before anything else is tried."""
    metrics, pulse = AgentMetrics(), Pulse()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(Probe(routes(signals, metrics, pulse)).serving("", settings.port))
        hub = await stack.enter_async_context(connect(settings.assignment.hub.ca_bundle))
        controller = await stack.enter_async_context(connect(""))
        journal = Journal(settings.journal, Begun(settings.assignment.session_uid, settings.assignment.attempt))
        await journal.open()
        traffic = Traffic(metrics)
        session = hub_session(settings, journal.ledger, traffic, hub)
        await assemble(settings, signals, metrics, pulse, journal, session, traffic, controller).run()


def assemble(
    settings: AgentSettings,
    signals: Signals,
    metrics: AgentMetrics,
    pulse: Pulse,
    journal: Journal,
    session: HubTrainingSession,
    traffic: Traffic,
    controller: httpx.AsyncClient,
) -> Agent:
    """Every part, given to the parts that need it."""
    assignment = settings.assignment
    board = Board(remembered(journal.ledger, assignment))
    workspace, run_folder = Workspace(settings.workspace), settings.inside(assignment.run_folder)
    owner = assignment.session_uid, assignment.attempt
    follower = Follower(workspace, run_folder, settings.inside(layout.exit_file(*owner)))
    word = partial(begun, workspace, settings.inside(layout.begun_file(*owner)))
    watch = Watch(follower, session, journal, board, pulse, word)
    snapshots = Snapshots(workspace, settings.journal / "snapshots")
    uploads = Uploads(session, snapshots, journal, board, metrics, traffic, watch, now)
    checkpoints = Checkpoints(snapshots, uploads, board, metrics)
    mirror = Mirror(session, uploads, journal, board, metrics)
    token = credentials.from_file(settings.secret(layout.TOKEN_CONTROLLER), "token")
    reporter = Reporter(assignment, board, token, controller, metrics, now)
    return Agent(settings, board, session, watch, checkpoints, mirror, reporter, metrics, signals)


def hub_session(
    settings: AgentSettings, ledger: Ledger, traffic: Traffic, http: httpx.AsyncClient
) -> HubTrainingSession:
    """The session with the hub, going on from what the journal remembers."""
    assignment, hub = settings.assignment, settings.assignment.hub
    connection = Connection(hub.url, settings.hub_credentials(), http, observe=traffic.ended)
    client = HubClient(connection).fenced(Fence(assignment.session_uid, assignment.attempt))
    limits = RateLimits(assignment.metrics_seconds, assignment.checkpoint_seconds, assignment.heartbeat_seconds)
    state = SessionState(hub.model_id, ledger.agent_id, Outbox(ledger.metrics()))
    return HubTrainingSession(client, limits=limits, state=state, clock=now)


def remembered(ledger: Ledger, assignment: Assignment) -> RunState:
    """Where an earlier process of this attempt left off."""
    return RunState(
        progress=Progress(planned=Planned(epochs=assignment.epochs)),
        latest=ledger.uploads.get("latest"),
        best=ledger.uploads.get("best"),
        final=ledger.uploads.get("final"),
        uploaded=ledger.uploaded,
    )


def routes(signals: Signals, metrics: AgentMetrics, pulse: Pulse) -> dict[str, Route]:
    """What the probe serves."""

    def flush() -> Answer:
        signals.flush.set()
        return Answer(body=b"flushing\n")

    def health() -> Answer:
        return Answer() if pulse.quiet() < STUCK else Answer(503, b"the run folder does not answer\n")

    return {"/startup": Answer, "/healthz": health, "/flush": flush, "/metrics": metrics.answer}


async def live(settings: AgentSettings) -> None:
    """Run with the process's signals."""
    signals = Signals(asyncio.Event(), asyncio.Event())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.term.set)
    await run(settings, signals)


def main(environ: Mapping[str, str]) -> int:
    """Run the agent; 0 after it was asked to leave, 2 for bad settings."""
    try:
        settings = AgentSettings.from_env(environ)
    except SettingsError as error:
        print(f"agent: {error}", file=sys.stderr)
        return 2
    logs.set_up(settings.log_level, settings.log_format)
    prometheus_client.disable_created_metrics()
    asyncio.run(live(settings))
    return 0
