"""An API key is in its Secret, in the agent's mounted file and in requests to its hub, and nowhere else.

The keys are played through everything that goes well and much that goes wrong, with logs as loud as they can be; then
every place is searched that somebody without a right to the Secret could look at.
"""

import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from builders.pod import PodBuilder
from builders.session import a_body
from builders.trainer import weights
from support import strange_hubs as strange
from support.api_server import ApiServer, Body, Namespace, until
from support.hub_desk import Desk, a_desk
from support.installation import Installation, Member, installed
from support.little_pod import LittlePod
from support.scene import Scene, a_scene
from support.strange_hubs import Gossip, StrangeHub

from hubtraining.domain.names import API_VERSION, PLURAL

pytestmark = pytest.mark.integration

START = "yolo11n.pt"
ID = "m0D3lM0d3lm0D3lM0d3l"
CANARY = "c4N4ryC4N4ryC4N4ryC4N4ryC4N4ryC4N4ryC4N4r"
"""41 characters; each mistyped key begins with it."""

MISTYPED = {
    "a-key-alone": f"{CANARY}1",
    "a-short-id": f"{CANARY}2_{ID[:-1]}",
    "a-short-key": f"{CANARY}_{ID}",
    "a-dash": f"{CANARY}4-{ID}",
    "a-space": f"{CANARY}5_ {ID}",
    "two-lines": f"{CANARY}6_\n{ID}",
    "another-parameter": f"http://127.0.0.1/models/{ID}?key={CANARY}7",
    "another-site": f"https://elsewhere.example/models/{ID}#{CANARY}8",
    "a-user": f"https://{CANARY}9@hub.example/models/{ID}",
}
"""What does not look like an identifier with a key, so that the API server takes it in spec.model, too."""
ONLY_BY_SECRET = {
    "a-long-id": f"{CANARY}3_{ID}x",
    "twice": f"{CANARY}A_{ID}_{CANARY}A_{ID}",
    "two-keys": f"https://hub.example/models/{ID}?api_key={CANARY}B&api_key={CANARY}C",
    "no-id": f"https://hub.example/models/?api_key={CANARY}D",
    "a-file": f"{CANARY}E_{ID}.pt",
}
"""What does: these the API server refuses."""
NO_KEYS = {
    "two-words": f"{CANARY}F {CANARY}G",
    "accents": f"{CANARY}é",
    "with-header": f"{CANARY}H\r\nx-evil: {CANARY}I",
}
"""Values of a key's Secret that cannot be sent."""


@dataclass
class Played:
    """All that came of it."""

    scene: Scene
    release: Installation
    controller: Member
    gossip: StrangeHub
    keys: dict[str, str]
    pods: list[LittlePod] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """What the API server and kubectl said."""
    processes: str = ""
    """Command lines and environments of ours, while they ran."""
    metrics: str = ""

    def found_in(self, text: str | bytes) -> list[str]:
        """Which of them a text holds, in any of the ways in which texts are written."""
        data = text.encode() if isinstance(text, str) else text
        forms = {name: {key, json.dumps(key)[1:-1], urllib.parse.quote(key)} for name, key in self.keys.items()}
        forms["mistyped"] = {CANARY}
        return sorted(name for name, texts in forms.items() if any(each.encode() in data for each in texts))

    def items(self, plural: str, group: str = "") -> list[Body]:
        path = self.scene.namespace.path(plural, group)
        return list(self.scene.namespace.api.http.get(path).raise_for_status().json()["items"])


@pytest.fixture(scope="module")
def shared(api_server: ApiServer) -> Iterator[Namespace]:
    with api_server.namespace() as made:
        yield made


@pytest.fixture(scope="module")
def release(shared: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Everything of it is as loud as it can be."""
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("HUBTRAINING_LOG_LEVEL", "DEBUG")
        with installed(shared, tmp_path_factory.mktemp("release")) as made:
            yield made


@pytest.fixture(scope="module")
def played(release: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with (
        strange.strange_hubs() as hubs,
        a_desk(release.hub) as desk,
        a_scene(release.namespace, cpu="8", memory="16Gi", pods="110") as scene,
        release.controller(HUBTRAINING_LOG_LEVEL="DEBUG") as controller,
    ):
        gossip = Gossip(release.hub.port)
        keys = {name: desk.new_key() for name in ("secret", "identifier", "link", "inline")}
        keys["operator"] = (release.folder / "key").read_text().strip()
        played = Played(scene, release, controller, hubs.open(gossip), keys)
        write_wrongly(played)
        train(played, desk, gossip, tmp_path_factory.mktemp("pods"))
        break_the_controller(played, gossip)
        yield played


def secret(scene: Scene, name: str, text: str) -> Body:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"it": text}}
    scene.namespace.kubectl("apply", "--server-side", "-f", "-", stdin=body)
    return {"name": name, "key": "it"}


def write_wrongly(played: Played) -> None:
    """Identifiers and keys that nobody can use, in every place where they might be written."""
    scene = played.scene
    for name, text in MISTYPED.items():
        scene.post(f"model-{name}", model=text)
    for name, text in {**MISTYPED, **ONLY_BY_SECRET}.items():
        scene.post(f"from-{name}", model=None, modelFrom={"secretKeyRef": secret(scene, f"from-{name}", text)})
    for name, text in NO_KEYS.items():
        scene.post(f"key-{name}", hub={"credentialsSecretRef": secret(scene, f"key-{name}", text)})
    for text in (
        f"{played.keys['inline']}_{ID}",
        f"{played.release.hub.url}/models/{ID}?api_key={played.keys['inline']}",
    ):
        wrong = scene.namespace.post(PLURAL, a_body("inline", model=text), group=API_VERSION)
        assert wrong.status_code == 422
        played.refusals.append(wrong.text)
        played.refusals.append(scene.namespace.refused("create", "-f", "-", stdin=a_body("inline", model=text)))
    for name in (*(f"model-{name}" for name in MISTYPED), *(f"from-{name}" for name in (*MISTYPED, *ONLY_BY_SECRET))):
        scene.until_condition(name, "Accepted", "InvalidSpec")
    for name in NO_KEYS:
        scene.until_condition(f"key-{name}", "HubReady", "Unauthorized")


def train(played: Played, desk: Desk, gossip: Gossip, folder: Path) -> None:
    """Three sessions with good keys, whose hub turns into a gossip while they train."""
    scene, url = played.scene, played.gossip.url
    desk.keep_weights(START, weights(-1), folder)
    models = [desk.model(parent=START) for _ in range(2)]
    by_secret = {"url": url, "credentialsSecretRef": secret(scene, "good", played.keys["secret"])}
    stanzas = {
        "by-secret": {"model": START, "hub": by_secret},
        "by-id": by_identifier(scene, "by-id", f"{played.keys['identifier']}_{models[0]}", url),
        "by-link": by_identifier(scene, "by-link", f"{url}/models/{models[1]}?api_key={played.keys['link']}", url),
    }
    for name, stanza in stanzas.items():
        scene.post(name, agent={"heartbeatSeconds": 1, "metricsSeconds": 1, "checkpointSeconds": 1}, **stanza)
    for name in stanzas:
        train_one(played, desk, gossip, name, folder / name)


def by_identifier(scene: Scene, name: str, text: str, url: str) -> Body:
    hub = {"url": url, "webURL": url}
    return {"model": None, "modelFrom": {"secretKeyRef": secret(scene, f"{name}-id", text)}, "hub": hub}


def train_one(played: Played, desk: Desk, gossip: Gossip, name: str, folder: Path) -> None:
    scene = played.scene
    scene.until_pod(name)
    reports = f"http://127.0.0.1:{played.controller.reports_port}/v1/reports"
    pod = LittlePod(scene.namespace, scene.pod(name), folder, reports)
    played.pods.append(pod)
    gossip.talks = True
    assert pod.fetch() == 1
    gossip.talks = False
    assert pod.fetch() == 0, pod.log("fetch").read_text()
    scene.become(name, PodBuilder.training)
    model = pod.assignment.hub.model_id
    with pod.agent() as agent:
        pod.trainer.start().epoch(1)
        until("the first epoch", lambda: desk.epochs(model) == {1})
        gossip.talks, before = True, gossip.told
        pod.trainer.epoch(2)
        until("the agent heard it", lambda: gossip.told > before + 2)
        gossip.talks = False
        until("the second epoch", lambda: desk.epochs(model) == {1, 2})
        scene.until("the agent is heard", lambda: scene.status(name)["progress"].get("epoch") == 2, name)
        played.metrics += httpx.get(f"http://127.0.0.1:{pod.port}/metrics").text
        played.processes += what_is_seen_of(agent.pid)
    scene.become(name, lambda built: built.ended(code=1, words=f"died with x-api-key: {played.keys['secret']}"))


def what_is_seen_of(pid: int) -> str:
    return "".join((Path("/proc") / str(pid) / name).read_text() for name in ("cmdline", "environ"))


def break_the_controller(played: Played, gossip: Gossip) -> None:
    """The gossip talks to the controller, too, and an already trained model, a wrong site and a cut end in errors."""
    gossip.talks, before = True, gossip.told
    ref = {"name": "good", "key": "it"}
    for number in range(3):
        played.scene.post(f"gossip-{number}", hub={"url": played.gossip.url, "credentialsSecretRef": ref})
    for number in range(3):
        name = f"gossip-{number}"
        played.scene.until(
            "its condition", lambda name=name: played.scene.condition(name, "HubReady").get("status") == "False", name
        )
    assert gossip.told > before
    played.metrics += played.controller.get("/metrics").text
    played.metrics += httpx.get(f"{played.release.hub.url}/metrics").text
    played.processes += what_is_seen_of(played.controller.process.process.pid)
    played.processes += what_is_seen_of(played.release.hub.process.pid)


# that it was looked for


def test_the_keys_are_where_they_must_be(played: Played) -> None:
    """So that what is searched for below could be found."""
    secrets = played.items("secrets")
    texts = {item["metadata"]["name"]: item["data"]["it"] for item in secrets if "it" in item.get("data", {})}
    assert len(texts) == len(MISTYPED) + len(ONLY_BY_SECRET) + len(NO_KEYS) + 3
    for pod, name in zip(played.pods, ("secret", "identifier", "link"), strict=True):
        (mounted,) = (pod.folder / "secrets/hub").iterdir()
        assert played.found_in(mounted.read_text()) == [name]
    assert played.found_in(b"".join(played.gossip.heads)) == ["identifier", "link", "secret"]


def test_logs_were_as_loud_as_they_can_be(played: Played) -> None:
    for log in (played.controller.log, *(pod.log("agent") for pod in played.pods)):
        assert log.read_text().count("\n") > 0
    environ = {each["name"]: each["value"] for each in played.pods[0].body["spec"]["initContainers"][0]["env"]}
    assert environ["HUBTRAINING_LOG_LEVEL"] == "DEBUG"


# where it must not be


def test_no_key_is_in_the_logs(played: Played) -> None:
    logs = [played.controller.log, played.release.hub.log]
    logs += [pod.log(name) for pod in played.pods for name in ("fetch", "agent")]
    assert {str(log): found for log in logs if (found := played.found_in(log.read_bytes()))} == {}


def test_no_key_is_in_an_event(played: Played) -> None:
    events = played.items("events")
    assert {event["reason"] for event in events} >= {"InvalidSpec", "HubNotReady", "HubUnavailable", "RetryScheduled"}
    assert [event for event in events if played.found_in(json.dumps(event))] == []


def test_no_key_is_in_a_status_or_in_the_spec_of_a_session_that_names_a_secret(played: Played) -> None:
    sessions = played.items(PLURAL, API_VERSION)
    assert [each["metadata"]["name"] for each in sessions if played.found_in(json.dumps(each["status"]))] == []
    named = [each for each in sessions if not each["metadata"]["name"].startswith("model-")]
    assert len(named) > len(MISTYPED)
    assert [each["metadata"]["name"] for each in named if played.found_in(json.dumps(each))] == []


@pytest.mark.parametrize("plural", ["pods", "services", "configmaps", "persistentvolumeclaims", "serviceaccounts"])
def test_no_key_is_in_any_other_object(played: Played, plural: str) -> None:
    assert [each["metadata"]["name"] for each in played.items(plural) if played.found_in(json.dumps(each))] == []


def test_no_key_is_in_what_the_api_server_and_kubectl_say(played: Played) -> None:
    names = [each["metadata"]["name"] for each in played.items(PLURAL, API_VERSION)]
    described = [played.scene.describe(name) for name in names if not name.startswith("model-")]
    assert played.found_in("".join([*played.refusals, *described])) == []


def test_no_key_is_in_metrics(played: Played) -> None:
    assert all(each in played.metrics for each in ("hubtraining_reconcile", "hubtraining_agent", "hubtraining_hub"))
    assert played.found_in(played.metrics) == []


def test_no_key_is_in_a_command_line_or_an_environment(played: Played) -> None:
    assert "HUBTRAINING_ASSIGNMENT" in played.processes
    assert played.found_in(played.processes) == []


def test_no_key_is_in_what_fetch_and_agent_leave(played: Played) -> None:
    """Workspace, journal and last words; the workspace is the trainer's, too."""
    files = [path for pod in played.pods for path in pod.folder.rglob("*") if path.is_file()]
    ours = [path for path in files if "secrets" not in path.relative_to(path.parents[-2]).parts]
    assert {path.name for path in ours} >= {"fetch.termination", "last.pt"}
    assert [path for path in ours if played.found_in(path.read_bytes())] == []


def test_no_key_of_the_hubs_is_in_its_data(played: Played) -> None:
    files = [path for path in played.release.hub.folder.rglob("*") if path.is_file()]
    assert any(path.read_bytes().startswith(b"SQLite format 3") for path in files)
    assert [path for path in files if played.found_in(path.read_bytes())] == []


def test_nobody_stumbled(played: Played) -> None:
    """Runs last: tracebacks are where keys are shown that nobody meant to show."""
    assert played.controller.tracebacks() == []
    assert [pod for pod in played.pods if "Traceback" in pod.log("agent").read_text()] == []
