"""What a session would become, without a cluster."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from builders.attempt import an_attempt
from builders.session import a_body

from hubtraining.controller.manifests import pod
from hubtraining.domain.invalid import InlineApiKey, InvalidSpec
from hubtraining.people import manifests
from hubtraining.people.errors import PeopleError

ROOT = Path(__file__).resolve().parents[2]
ID = "modelmodelmodelmodel"
SETTINGS = manifests.settings({})


def rendered(body: Any, number: int = 1, **environ: str) -> str:
    return manifests.rendered(body, manifests.settings(environ), number, "")


def made(body: Any, number: int = 1, **environ: str) -> Any:
    return yaml.safe_load(rendered(body, number, **environ))


def test_it_is_the_pod_that_the_controller_would_make() -> None:
    body = a_body()
    body["metadata"] |= {"namespace": "team-a", "uid": manifests.UID}
    theirs = pod(an_attempt(uid=manifests.UID, controller=SETTINGS))
    ours = made(body)
    agent = ours["spec"]["initContainers"][0]["env"][0]
    agent["value"] = agent["value"].replace(manifests.MODEL_ID, ID)
    fetch = ours["spec"]["initContainers"][1]["env"][0]
    fetch["value"] = fetch["value"].replace(manifests.MODEL_ID, ID)
    command = ours["spec"]["containers"][0].pop("command")
    assert "epochs=3" in command
    theirs["spec"]["containers"][0].pop("command")
    for each in (ours, theirs):
        each["metadata"].pop("annotations")
    assert ours == theirs


def test_a_session_of_several_nodes_becomes_all_that_they_need() -> None:
    claim = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    stanzas = {"nodes": 2, "trainer": {"command": ["torchrun"]}, "workspace": {"claimTemplate": {"spec": claim}}}
    objects = list(yaml.safe_load_all(rendered(a_body(**stanzas))))
    assert [(each["kind"], each["metadata"]["name"]) for each in objects] == [
        ("PersistentVolumeClaim", "signs"),
        ("Service", "signs-nodes"),
        ("Pod", "signs-1-0"),
        ("Pod", "signs-1-1"),
    ]


def test_the_same_session_gives_the_same_text() -> None:
    assert rendered(a_body()) == rendered(a_body())


def test_what_is_assumed_is_said() -> None:
    text = " ".join(rendered(a_body()).replace("\n#", "").split())
    assert text.startswith("# What attempt 1 of session default/signs becomes. Assumed: that the hub creates model")
    assert manifests.UID in text


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("session*.yaml")), ids=lambda path: path.name)
def test_the_examples_become_pods(file: Path) -> None:
    body = yaml.safe_load(file.read_text())
    assert made(body)["metadata"]["name"] == f"{body['metadata']['name']}-1-0"


def test_the_attempt_and_the_settings_can_be_chosen() -> None:
    shown = made(a_body(), 3, HUBTRAINING_IMAGE="mine:2", HUBTRAINING_HUB_AUTH="key", HUBTRAINING_LOG_LEVEL="DEBUG")
    assert shown["metadata"]["name"] == "signs-3-0"
    assert {each["image"] for each in shown["spec"]["initContainers"]} == {"mine:2"}
    assert "DEBUG" in str(shown)


def test_a_model_of_the_hub_is_assumed_to_be_new() -> None:
    text = rendered(a_body(model=ID))
    assert "model=yolo11n.yaml" in text
    assert f"has model {ID}" in " ".join(text.replace("\n#", "").split())


def test_a_secret_identifier_is_mounted_and_not_read() -> None:
    reference = {"secretKeyRef": {"name": "mine", "key": "identifier"}}
    (credentials,) = (
        v for v in made(a_body(model=None, modelFrom=reference))["spec"]["volumes"] if v["name"] == "credentials"
    )
    assert {"name": "mine", "items": [{"key": "identifier", "path": "hub/identifier"}], "optional": True} in [
        source.get("secret") for source in credentials["projected"]["sources"]
    ]


@pytest.mark.parametrize(
    ("stanzas", "error", "words"),
    [
        ({"model": "yolo11n"}, InvalidSpec, "supported formats"),
        ({"model": f"{'k' * 42}_{ID}"}, InlineApiKey, "holds an API key"),
        ({"train": {"args": {"data": None}}}, InvalidSpec, "must name the data set"),
        ({"model": ID, "train": None}, PeopleError, "no hub is asked here"),
        ({"trainer": {"image": ""}}, InvalidSpec, "is empty"),
        ({"surprise": 1}, InvalidSpec, "unknown field `surprise`"),
    ],
)
def test_what_the_controller_would_refuse_is_refused(stanzas: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        rendered(a_body(**stanzas))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"apiVersion": "v1", "kind": "Pod"}, "this is a Pod of v1"),
        ({}, "this is something without a kind; a HubTrainingSession"),
        ({**a_body(), "metadata": {}}, "metadata.name is ''"),
        ({**a_body(), "metadata": {"name": "Signs"}}, "metadata.name is 'Signs'"),
        ({**a_body(), "spec": None}, "trainer"),
    ],
)
def test_what_is_no_session_is_refused(body: Any, words: str) -> None:
    with pytest.raises((PeopleError, InvalidSpec), match=words):
        rendered(body)


def test_wrong_settings_are_told() -> None:
    with pytest.raises(PeopleError, match="HUBTRAINING_HUB_AUTH is 'none'"):
        manifests.settings({"HUBTRAINING_HUB_AUTH": "none"})


def test_the_settings_are_those_of_the_chart() -> None:
    documents = [
        document
        for file in sorted((ROOT / "deploy").rglob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text())
        if document and document.get("kind") == "Deployment"
    ]
    (controller,) = documents
    env = {each["name"]: each.get("value") for each in controller["spec"]["template"]["spec"]["containers"][0]["env"]}
    same = {
        name: value
        for name, value in manifests.SETTINGS.items()
        if name not in ("HUBTRAINING_NAMESPACE", "HUBTRAINING_IMAGE")
    }
    assert {name: env[name] for name in same} == same
    assert controller["metadata"]["namespace"] == manifests.SETTINGS["HUBTRAINING_NAMESPACE"]
