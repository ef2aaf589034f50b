"""Every form of spec.model and spec.modelFrom, from the session over the real hub to what fetch brings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders.hub import a_checkpoint
from builders.pod import PodBuilder
from builders.session import a_body
from builders.trainer import weights
from support.api_server import ApiServer, Body, Namespace, until
from support.hub_desk import Desk, a_desk
from support.installation import Installation, Member, installed
from support.little_kubelet import LittleKubelet
from support.little_pod import LittlePod
from support.scene import Scene, a_scene

from hubtraining.domain.names import API_VERSION, PLURAL, pod_name

pytestmark = pytest.mark.integration

MINE = {"volumes": [{"name": "mine", "persistentVolumeClaim": {"claimName": "mine"}}]}
AT_MNT = {"template": {"spec": {**MINE, "volumeMounts": [{"name": "mine", "mountPath": "/mnt"}]}}}
OTHERS = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1"
"""A key that no hub knows."""
TRAINED_MODEL = {"train": {"args": {}}}


@pytest.fixture(scope="module")
def shared(api_server: ApiServer) -> Iterator[Namespace]:
    with api_server.namespace() as made:
        yield made


@pytest.fixture(scope="module")
def release(shared: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(shared, tmp_path_factory.mktemp("release")) as made:
        yield made


@pytest.fixture(scope="module")
def controller(release: Installation) -> Iterator[Member]:
    with release.controller() as running:
        yield running


@pytest.fixture(scope="module")
def scene(shared: Namespace, controller: Member) -> Iterator[Scene]:
    with a_scene(shared, cpu="8", memory="16Gi", pods="110") as made:
        yield made


@pytest.fixture(scope="module")
def desk(release: Installation) -> Iterator[Desk]:
    with a_desk(release.hub) as made:
        yield made


def secret(scene: Scene, name: str, text: str) -> Body:
    """A reference to a Secret that holds the text, now or from now on."""
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"it": text}}
    scene.namespace.kubectl("apply", "-f", "-", stdin=body)
    return {"name": name, "key": "it"}


def begun(scene: Scene, name: str, folder: Path, reports: Member | None = None) -> LittlePod:
    """The pod that became of the session."""
    scene.until_pod(name)
    url = f"http://127.0.0.1:{reports.reports_port}/v1/reports" if reports else ""
    return LittlePod(scene.namespace, scene.pod(name), folder / name, url)


def trained(scene: Scene, name: str, folder: Path) -> LittlePod:
    """The same, and its inputs were brought."""
    pod = begun(scene, name, folder)
    assert pod.fetch() == 0, pod.log("fetch").read_text()
    return pod


def with_key(scene: Scene, desk: Desk, name: str) -> Body:
    """The stanza of a hub with a Secret of its own, which the agent can use, too."""
    return {"credentialsSecretRef": secret(scene, f"{name}-key", desk.new_key())}


# a model that the hub holds


def test_a_link_to_a_model_of_the_hub(scene: Scene, desk: Desk, tmp_path: Path) -> None:
    model = desk.model(epochs=7)
    scene.post("by-link", model=desk.link(model), hub=with_key(scene, desk, "by-link"), **TRAINED_MODEL)
    pod = trained(scene, "by-link", tmp_path)
    assert scene.status("by-link")["model"]["id"] == model
    assert scene.condition("by-link", "HubReady")["reason"] == "ModelLoaded"
    assert "model=yolov8n.yaml" in pod.command
    assert "epochs=7" in pod.command
    assert "data=signs.yaml" in pod.command


def test_a_bare_id(scene: Scene, desk: Desk, tmp_path: Path) -> None:
    model = desk.model(epochs=7)
    scene.post("by-id", model=model, hub=with_key(scene, desk, "by-id"), **TRAINED_MODEL)
    assert "epochs=7" in trained(scene, "by-id", tmp_path).command
    status = scene.status("by-id")["model"]
    assert (status["id"], status["url"]) == (model, desk.link(model))


@pytest.mark.parametrize("form", ["key-and-id", "link-with-key"])
def test_an_identifier_with_a_key_opens_the_hub_by_itself(scene: Scene, desk: Desk, tmp_path: Path, form: str) -> None:
    model, key = desk.model(), desk.new_key()
    text = f"{key}_{model}" if form == "key-and-id" else f"{desk.link(model)}?api_key={key}"
    scene.post(form, model=None, modelFrom={"secretKeyRef": secret(scene, form, text)}, **TRAINED_MODEL)
    pod = trained(scene, form, tmp_path)
    assert scene.status(form)["model"]["id"] == model
    assert (pod.assignment.hub.model_id, pod.assignment.hub.auth) == (model, "identifier")
    assert key not in str(scene.session(form)) + str(pod.body)


@pytest.mark.parametrize("form", ["{key}_{model}", "{link}?api_key={key}"])
def test_the_same_in_model_is_refused_with_the_command_that_makes_the_secret(
    scene: Scene, desk: Desk, form: str
) -> None:
    model, key = desk.model(), desk.new_key()
    text = form.format(key=key, model=model, link=desk.link(model))
    answer = scene.namespace.post(PLURAL, a_body("inline", model=text), group=API_VERSION)
    assert answer.status_code == 422
    assert "kubectl create secret generic" in answer.json()["message"]
    assert key not in answer.text


def test_a_model_that_goes_on_gets_the_hubs_last_weights_and_says_after_which_epoch(
    scene: Scene, desk: Desk, controller: Member, tmp_path: Path
) -> None:
    model, last = desk.model(epochs=9), weights(3, epochs=9)
    desk.upload(model, last, epoch=3)
    scene.post("going-on", model=model, hub=with_key(scene, desk, "going-on"), **TRAINED_MODEL)
    pod = begun(scene, "going-on", tmp_path, controller)
    assert scene.status("going-on")["model"]["resumed"] is True
    assert [wanted.kind for wanted in pod.assignment.inputs] == ["last"]
    assert pod.fetch() == 0, pod.log("fetch").read_text()
    assert pod.begun.resumed_epoch == 4
    assert pod.workspace("/workspace/run/weights/last.pt").read_bytes() == last
    scene.become("going-on", PodBuilder.training)
    with pod.agent():
        scene.until(
            "its epoch is told", lambda: scene.status("going-on")["attempts"][0].get("resumedEpoch") == 4, "going-on"
        )
    until("the event", lambda: "Attempt 1 goes on after epoch 4." in scene.describe("going-on"))


def test_a_model_that_is_trained_is_refused_with_its_link(scene: Scene, desk: Desk) -> None:
    model = desk.model()
    desk.upload(model, a_checkpoint(), kind="final")
    scene.post("done", model=model, **TRAINED_MODEL)
    told = scene.until_condition("done", "Succeeded", "AlreadyTrained")
    assert told["status"] == "False"
    assert desk.link(model) in told["message"]
    assert scene.status("done").get("attempts") is None


def test_whether_it_is_trained_is_asked_before_the_first_attempt_only(scene: Scene, desk: Desk) -> None:
    model = desk.model()
    retry = {"limit": 1, "backoffSeconds": 1, "maxBackoffSeconds": 1}
    scene.post("once-more", model=model, retry=retry, **TRAINED_MODEL)
    kubelet = LittleKubelet(scene.namespace, "once-more", scene.node)
    kubelet.train(pod_name("once-more", 1))
    kubelet.wait_for("Training", "True", "Training")
    desk.upload(model, a_checkpoint(), kind="final", session=kubelet.uid())
    assert desk.read(model)["status"] == "trained"
    kubelet.end(pod_name("once-more", 1), 3)
    until("the second attempt", lambda: kubelet.pod(pod_name("once-more", 2)))


def test_the_hubs_values_win_and_what_they_replaced_is_said(scene: Scene, desk: Desk, tmp_path: Path) -> None:
    scene.post("outvoted", model=desk.model(epochs=7), train={"args": {"epochs": 3, "lr0": 0.5, "data": "mine.yaml"}})
    pod = begun(scene, "outvoted", tmp_path)
    assert ("epochs=7" in pod.command, "data=signs.yaml" in pod.command, "lr0=0.5" in pod.command) == (True,) * 3
    assert scene.status("outvoted")["model"]["overridden"] == ["data", "epochs"]
    until("the event", lambda: "ArgumentsOverridden" in scene.events("outvoted"))
    assert "Warning ArgumentsOverridden" in scene.describe("outvoted")
    assert "spec.train.args, and they are used: data, epochs." in scene.describe("outvoted")


# a file to start from


def test_weights_that_the_hub_holds_are_brought(scene: Scene, desk: Desk, tmp_path: Path) -> None:
    kept = weights(-1)
    desk.keep_weights("yolo11n.pt", kept, tmp_path)
    scene.post("held", model="yolo11n.pt", hub=with_key(scene, desk, "held"))
    pod = trained(scene, "held", tmp_path)
    assert "model=/workspace/inputs/yolo11n.pt" in pod.command
    assert pod.workspace("/workspace/inputs/yolo11n.pt").read_bytes() == kept
    assert desk.read(scene.status("held")["model"]["id"])["is_pretrained"] is True


@pytest.mark.parametrize(
    ("name", "file", "more"),
    [
        ("resolved", "yolo11x.pt", {}),
        ("on-a-volume", "/mnt/weights/mine.pt", AT_MNT),
        ("architecture", "yolov8n.yaml", {}),
        ("own-architecture", "/mnt/mine.yaml", AT_MNT),
    ],
)
def test_what_the_trainer_finds_by_itself_is_named_and_not_brought(
    scene: Scene, desk: Desk, tmp_path: Path, name: str, file: str, more: Any
) -> None:
    scene.post(name, model=file, hub=with_key(scene, desk, name), **more)
    pod = trained(scene, name, tmp_path)
    assert f"model={file}" in pod.command
    assert pod.assignment.inputs == ()
    assert scene.condition(name, "HubReady")["reason"] == "ModelCreated"
    made = desk.read(scene.status(name)["model"]["id"])
    assert made["meta"] == {"name": file.rpartition("/")[2], "session": scene.session(name)["metadata"]["uid"]}


def test_a_data_set_that_is_still_processed_is_waited_for(scene: Scene, desk: Desk, tmp_path: Path) -> None:
    dataset = desk.dataset("slow-signs")
    hub = with_key(scene, desk, "waiting")
    scene.post("waiting", model="yolov8n.yaml", train={"args": {"data": "slow-signs"}}, hub=hub)
    told = scene.until_condition("waiting", "HubReady", "DatasetNotReady")
    assert "may still be processing" in told["message"]
    until("the event", lambda: "HubNotReady" in scene.events("waiting"))
    assert scene.status("waiting").get("attempts") is None
    desk.fill(dataset)
    pod = trained(scene, "waiting", tmp_path)
    assert "data=/workspace/inputs/data.yaml" in pod.command
    assert pod.workspace("/workspace/inputs/data.yaml").is_file()


# whose credentials


def test_credentials_are_the_identifiers_then_the_secrets_then_the_operators(
    scene: Scene, desk: Desk, tmp_path: Path
) -> None:
    """The first that there is is used, also where it is wrong and the next one would open the hub."""
    good, model = with_key(scene, desk, "order"), desk.model()
    wrong = secret(scene, "order-wrong", OTHERS)
    identifier = {"secretKeyRef": secret(scene, "order-good-id", f"{desk.new_key()}_{model}")}
    wrong_identifier = {"secretKeyRef": secret(scene, "order-wrong-id", f"{OTHERS}_{desk.model()}")}
    used = {
        "by-identifier": {"model": None, "modelFrom": identifier, "hub": {"credentialsSecretRef": wrong}},
        "by-secret": {"hub": good},
        "by-operator": {},
    }
    for name, stanzas in used.items():
        scene.post(name, **stanzas)
        scene.until_pod(name)
    refused = {
        "the key in the model identifier": {"model": None, "modelFrom": wrong_identifier, "hub": good},
        "the key in the Secret order-wrong (key it)": {"hub": {"credentialsSecretRef": wrong}},
    }
    for number, (whose, stanzas) in enumerate(refused.items()):
        scene.post(f"refused-{number}", **stanzas)
        told = scene.until_condition(f"refused-{number}", "HubReady", "Unauthorized")
        assert told["message"].endswith(f"It was asked with {whose}.")


def test_a_renewed_key_is_found_by_controller_and_agent_without_a_restart(
    scene: Scene, desk: Desk, tmp_path: Path
) -> None:
    old = desk.new_key()
    ref = {"credentialsSecretRef": secret(scene, "renewed", old)}
    scene.post("before", hub=ref, agent={"heartbeatSeconds": 1, "metricsSeconds": 1})
    pod = trained(scene, "before", tmp_path)
    model = pod.assignment.hub.model_id
    with pod.agent() as agent:
        trainer = pod.trainer.start()
        trainer.epoch(1)
        until("the first epoch", lambda: desk.epochs(model) == {1})
        desk.revoke(old)
        scene.post("after", hub=ref)
        scene.until_condition("after", "HubReady", "Unauthorized")
        secret(scene, "renewed", desk.new_key())
        pod.mount()
        trainer.epoch(2)
        until("the second epoch", lambda: desk.epochs(model) == {1, 2})
        scene.until_pod("after")
        assert agent.poll() is None
    assert scene.condition("after", "HubReady")["status"] == "True"


def test_a_renewed_key_of_the_operators_is_found_too(scene: Scene, desk: Desk, release: Installation) -> None:
    file = release.folder / "key"
    old = file.read_text().strip()
    desk.revoke(old)
    scene.post("locked", model="yolov8n.yaml")
    told = scene.until_condition("locked", "HubReady", "Unauthorized")
    assert "the operator's own credentials" in told["message"]
    file.write_text(desk.new_key())
    scene.until_pod("locked")


def test_nothing_of_all_this_made_the_controller_stumble(controller: Member, scene: Scene) -> None:
    """Runs last: every session above was looked at by one controller."""
    assert controller.tracebacks() == []
