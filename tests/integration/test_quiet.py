"""What the controller writes while sessions run, as the API server's own audit log has it."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from builders.pod import PodBuilder
from builders.world import an_outcome
from support.api_server import Namespace, until
from support.installation import Installation, Member, installed
from support.scene import Scene, a_scene

from hubtraining.controller.rules.status import SPREAD
from hubtraining.domain.report import HubState, Metric, Report, Stage

pytestmark = pytest.mark.integration

AGENTS = 5
FINISHED = 20
EVERY_SECONDS = 3.0
STATUS_SECONDS = 15
SECONDS = 90
BEHIND = STATUS_SECONDS * (1 + SPREAD) / EVERY_SECONDS + 1
"""Epochs that a status may lack."""


@pytest.fixture
def release(namespace: Namespace, tmp_path: Path) -> Iterator[Installation]:
    with installed(namespace, tmp_path) as made:
        yield made


@pytest.fixture
def scene(namespace: Namespace) -> Iterator[Scene]:
    with a_scene(namespace) as made:
        yield made


@dataclass
class Agent:
    """Tells something new every three seconds, with the token that its pod would have."""

    session: str
    uid: str
    token: str
    url: str
    epoch: int = 0
    beat: datetime = field(default_factory=lambda: datetime.now(UTC))
    answers: Counter[int] = field(default_factory=Counter)

    def tell(self, http: httpx.Client) -> None:
        self.epoch += 1
        loss = 1 / self.epoch
        report = Report(
            session_uid=self.uid,
            attempt=1,
            sequence=self.epoch,
            stage=Stage.TRAINING,
            time=datetime.now(UTC),
            epoch=self.epoch,
            epochs=300,
            seconds_per_epoch=EVERY_SECONDS,
            estimated_remaining_seconds=EVERY_SECONDS * (300 - self.epoch),
            metrics=(Metric("train/box_loss", loss, loss, self.epoch),),
            hub=HubState("agent", self.beat),
        )
        headers = {"authorization": f"Bearer {self.token}"}
        answer = http.post(self.url, content=msgspec.json.encode(report), headers=headers)
        self.answers[answer.status_code] += 1


@contextmanager
def talking(agents: list[Agent]) -> Iterator[None]:
    """They report while the context lasts."""
    over = threading.Event()

    def run() -> None:
        with httpx.Client(timeout=10) as http:
            while not over.wait(EVERY_SECONDS):
                for agent in agents:
                    agent.tell(http)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def begin(scene: Scene, controller: Member, *names: str) -> list[Agent]:
    """Sessions whose trainers run, with their agents."""
    for name in names:
        scene.post(name, progress={"statusSeconds": STATUS_SECONDS})
    for name in names:
        scene.until_pod(name)
        scene.become(name, PodBuilder.training)
    for name in names:
        scene.until_phase(name, "Training")
    url = f"http://127.0.0.1:{controller.reports_port}/v1/reports"
    return [Agent(name, scene.session(name)["metadata"]["uid"], scene.token(name), url) for name in names]


def finish(scene: Scene, *names: str) -> None:
    for name in names:
        scene.post(name)
    for name in names:
        scene.until_pod(name)
        scene.become(name, lambda pod: pod.ended(outcome=an_outcome()))
    for name in names:
        scene.until_phase(name, "Succeeded")


def written(controller: Member, since: int) -> Counter[tuple[str, str, str]]:
    """Verb, resource and name of each write after the first ``since``."""
    made = [event["objectRef"] | {"verb": event["verb"]} for event in controller.writes()[since:]]
    return Counter(
        (each["verb"], f"{each['resource']}/{each.get('subresource', '')}".rstrip("/"), each["name"]) for each in made
    )


@pytest.mark.slow
def test_reports_cost_no_more_status_writes_than_were_asked_for_and_the_finished_none(
    release: Installation, scene: Scene, namespace: Namespace
) -> None:
    running, over = [f"run-{n}" for n in range(AGENTS)], [f"over-{n}" for n in range(FINISHED)]
    with release.controller() as controller:
        finish(scene, *over)
        agents = begin(scene, controller, *running)
        with talking(agents):
            for name in running:
                scene.until_condition(name, "AgentReporting", "Reporting")
            until("the first numbers", lambda: all("progress" in scene.status(name) for name in running))
            before = len(controller.writes())
            time.sleep(SECONDS)
            made = written(controller, before)
        assert controller.tracebacks() == []
    assert {code for agent in agents for code in agent.answers} == {204}
    assert min(agent.answers[204] for agent in agents) >= SECONDS / EVERY_SECONDS * 0.8, "they did talk"
    assert {what[:2] for what in made} == {("patch", "hubtrainingsessions/status")}
    assert {name for _, _, name in made} == set(running)
    most, least = SECONDS // STATUS_SECONDS + 1, SECONDS // (STATUS_SECONDS * (1 + SPREAD)) - 1
    assert all(least <= count <= most for count in made.values()), made
    for agent in agents:
        assert scene.status(agent.session)["progress"]["epoch"] >= agent.epoch - BEHIND
    asked = Counter((event.get("objectRef") or {}).get("resource") for event in controller.requests())
    assert asked["tokenreviews"] == AGENTS, "each token is asked for once"


def test_a_session_that_says_nothing_new_costs_nothing(release: Installation, scene: Scene) -> None:
    with release.controller() as controller:
        (agent,) = begin(scene, controller, "signs")
        with httpx.Client() as http:
            agent.tell(http)
            scene.until_condition("signs", "AgentReporting", "Reporting")
            until("its numbers", lambda: scene.status("signs").get("progress", {}).get("epoch") == 1)
            before = len(controller.writes())
            for _ in range(5):
                agent.epoch = 0
                agent.tell(http)
                time.sleep(1)
        time.sleep(STATUS_SECONDS * (1 + SPREAD) + 1)
        assert written(controller, before) == {}
