"""Hubs that tenants name and that misbehave: what becomes of their sessions, and of everybody else's."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import strange_hubs as strange
from support.api_server import ApiServer, Body, Namespace, until
from support.authority import an_authority
from support.hub_desk import Desk, a_desk
from support.installation import Installation, Member, installed
from support.little_pod import LittlePod
from support.scene import Scene, a_scene
from support.strange_hubs import Behaviour, StrangeHub, StrangeHubs, outward_address

from hubtraining.controller.hubs.clients import CALLS

pytestmark = pytest.mark.integration

KEY = "s7R4nG3hUbK3yTh4tN0b0dYm4yS33s7R4nG3hUbK3y"
REF = {"name": "strange", "key": "api-key"}
MEMORY_MIB = 400
"""What a controller may take; its limit in the chart is 512 MiB."""
SESSIONS = 12
HOSTILE: dict[str, tuple[Behaviour, str, str]] = {
    "endless": (strange.endless, "HubRefused", "the answer is longer than"),
    "dribbling": (strange.dribbling, "HubUnavailable", "no answer from the hub in time"),
    "garbage": (strange.garbage, "HubUnavailable", "the hub broke off its answer"),
    "bomb": (strange.bomb, "HubRefused", "the answer is longer than"),
    "nested-bomb": (strange.nested_bomb, "HubRefused", "the answer cannot be read"),
    "abyss": (strange.abyss, "HubRefused", "no hub answers there"),
}


@pytest.fixture(scope="module")
def shared(api_server: ApiServer) -> Iterator[Namespace]:
    with api_server.namespace() as made:
        made.kubectl("create", "secret", "generic", REF["name"], f"--from-literal=api-key={KEY}")
        yield made


@pytest.fixture(scope="module")
def release(shared: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(shared, tmp_path_factory.mktemp("release")) as made:
        yield made


@pytest.fixture(scope="module")
def controller(release: Installation) -> Iterator[Member]:
    """With one worker: a pass that waited for a hub would hold up all others."""
    with release.controller(HUBTRAINING_WORKERS="1") as running:
        yield running


@pytest.fixture(scope="module")
def scene(shared: Namespace, controller: Member) -> Iterator[Scene]:
    with a_scene(shared, cpu="8", memory="16Gi", pods="110") as made:
        yield made


@pytest.fixture(scope="module")
def hubs() -> Iterator[StrangeHubs]:
    with strange.strange_hubs() as made:
        yield made


@pytest.fixture(scope="module")
def desk(release: Installation) -> Iterator[Desk]:
    with a_desk(release.hub) as made:
        yield made


def at(hub: StrangeHub, **more: str) -> Body:
    """A session's hub."""
    return {"url": hub.url, "credentialsSecretRef": REF, **more}


def most_memory_mib(controller: Member) -> float:
    """The most that it ever took."""
    status = Path(f"/proc/{controller.process.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def test_sessions_of_a_good_hub_do_not_wait_for_those_of_hubs_that_never_answer(
    scene: Scene, hubs: StrangeHubs
) -> None:
    """Each call that hangs lasts ten seconds: one after the other they would last longer than anybody waits here."""
    crowded = hubs.open(strange.silent)
    each = [hubs.open(strange.silent) for _ in range(SESSIONS)]
    for number in range(2 * CALLS):
        scene.post(f"crowd-{number}", hub=at(crowded))
    for number, hub in enumerate(each):
        scene.post(f"hung-{number}", hub=at(hub))
    until("they all were asked", lambda: len(crowded.heads) >= CALLS and all(hub.heads for hub in each))
    for number in range(SESSIONS):
        scene.post(f"good-{number}")
    for number in range(SESSIONS):
        scene.until_pod(f"good-{number}")
    made = {name.partition("-")[0] for name in scene.pods()}
    assert made == {"good"}
    for number in range(SESSIONS):
        told = scene.until_condition(f"hung-{number}", "HubReady", "HubUnavailable")
        assert "no answer from the hub in time" in told["message"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_hub_is_told_in_a_sentence(scene: Scene, hubs: StrangeHubs, name: str) -> None:
    behaviour, reason, words = HOSTILE[name]
    scene.post(name, hub=at(hubs.open(behaviour)))
    told = scene.until_condition(name, "HubReady", reason)
    assert words in told["message"]
    assert KEY not in told["message"]


def test_no_redirect_is_followed_and_nobody_else_gets_the_key(scene: Scene, hubs: StrangeHubs) -> None:
    trap = hubs.open(strange.garbage)
    redirecting = hubs.open(strange.redirecting(f"{trap.url}/v1/models"))
    scene.post("redirected", hub=at(redirecting))
    told = scene.until_condition("redirected", "HubReady", "HubRefused")
    assert "307" in told["message"]
    assert (len(redirecting.heads) > 0, trap.heads) == (True, [])


def test_many_bombs_at_once_do_not_fill_the_controllers_memory(
    scene: Scene, hubs: StrangeHubs, controller: Member
) -> None:
    bombs = [hubs.open(behaviour) for behaviour in (strange.bomb, strange.endless)]
    for hub in bombs:
        for number in range(CALLS):
            scene.post(f"bomb-{bombs.index(hub)}-{number}", hub=at(hub))
    for index in range(len(bombs)):
        for number in range(CALLS):
            scene.until_condition(f"bomb-{index}-{number}", "HubReady", "HubRefused")
    assert most_memory_mib(controller) < MEMORY_MIB


def test_a_hub_with_a_certificate_of_its_own_is_trusted_where_the_session_says_so(
    scene: Scene, hubs: StrangeHubs, desk: Desk, tmp_path: Path
) -> None:
    authority = an_authority(tmp_path / "ca", outward_address())
    hub = hubs.open(strange.forwarding(desk.hub.port), authority.serving())
    scene.namespace.kubectl("create", "secret", "generic", "good", f"--from-literal=api-key={desk.new_key()}")
    ref = {"credentialsSecretRef": {"name": "good", "key": "api-key"}}
    scene.post("trusting", model="yolov8n.yaml", hub=at(hub, caBundle=authority.pem) | ref)
    scene.until_pod("trusting")
    pod = LittlePod(scene.namespace, scene.pod("trusting"), tmp_path / "pod")
    assert pod.fetch() == 0, pod.log("fetch").read_text()
    with pod.agent():
        pod.trainer.start().epoch(1)
        until("the first epoch", lambda: desk.epochs(pod.assignment.hub.model_id) == {1})


@pytest.mark.parametrize("bundle", ["none", "of-another"])
def test_without_that_it_is_said_where_to_name_the_authority(
    scene: Scene, hubs: StrangeHubs, desk: Desk, tmp_path: Path, bundle: str
) -> None:
    authority, another = (an_authority(tmp_path / name, outward_address()) for name in ("ca", "another"))
    hub = hubs.open(strange.forwarding(desk.hub.port), authority.serving())
    more = {"caBundle": another.pem} if bundle == "of-another" else {}
    scene.post(f"trust-{bundle}", hub=at(hub, **more))
    told = scene.until_condition(f"trust-{bundle}", "HubReady", "HubUnavailable")
    assert "the certificate is not trusted" in told["message"]
    assert told["message"].endswith("in spec.hub.caBundle of a new session.")
    assert hub.heads == [], "nothing was sent to somebody who is not trusted"


def test_nothing_of_all_this_made_the_controller_stumble(controller: Member, scene: Scene) -> None:
    """Runs last: every session above was looked at by one controller."""
    assert controller.tracebacks() == []
    assert KEY not in controller.log.read_text()
    assert most_memory_mib(controller) < MEMORY_MIB
