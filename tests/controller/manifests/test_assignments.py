"""What the agent is told, and how it reaches the hub."""

from typing import Any

import pytest
from builders.attempt import MODEL_ID, an_attempt, settings
from builders.session import UID, a_spec

from hubtraining.controller.manifests import assignment, hub_access
from hubtraining.domain.arguments import Plan
from hubtraining.domain.layout import Input
from hubtraining.domain.session import parse

REF = {"name": "my-hub", "key": "api-key"}
FROM = {"secretKeyRef": {"name": "mine", "key": "identifier"}}
OWN = settings().hub_url


def test_it_says_whose_attempt_it_is() -> None:
    told = assignment(an_attempt(5))
    assert (told.namespace, told.session, told.session_uid, told.attempt) == ("team-a", "signs", UID, 5)
    assert told.reports_url == settings().reports_url
    assert told.run_folder == "/workspace/run"


def test_it_carries_the_plans_inputs_and_epochs() -> None:
    wanted = (Input("parent", "/workspace/inputs/yolo11n.pt"),)
    told = assignment(an_attempt(plan=Plan("yolo11n.pt", {}, wanted, epochs=300)))
    assert told.inputs == wanted
    assert told.epochs == 300


def test_it_carries_the_sessions_paces() -> None:
    told = assignment(an_attempt(agent={"metricsSeconds": 1, "checkpointSeconds": 2, "heartbeatSeconds": 4}))
    assert (told.metrics_seconds, told.checkpoint_seconds, told.heartbeat_seconds) == (1, 2, 4)


def test_it_says_how_attempts_begin_and_how_long_the_last_uploads_may_take() -> None:
    told = assignment(an_attempt())
    assert (told.resume, told.flush_seconds, told.final_upload_seconds) == (True, 120, 3600)
    told = assignment(an_attempt(checkpoints={"resume": "Never", "flushSeconds": 5, "finalUploadSeconds": 60}))
    assert (told.resume, told.flush_seconds, told.final_upload_seconds) == (False, 5, 60)


@pytest.mark.parametrize(("status_seconds", "report_seconds"), [(30, 10), (5, 5), (1, 1)])
def test_reports_come_often_enough_for_the_status(status_seconds: int, report_seconds: int) -> None:
    assert assignment(an_attempt(progress={"statusSeconds": status_seconds})).report_seconds == report_seconds


@pytest.mark.parametrize(
    ("stanzas", "changes", "key_in_identifier", "auth", "url"),
    [
        ({}, {}, False, "token", OWN),
        ({"hub": {"url": f"{OWN}/", "credentialsSecretRef": REF}}, {}, False, "key", OWN),
        ({"hub": {"credentialsSecretRef": REF}}, {}, False, "key", OWN),
        ({}, {"hub_auth": "key"}, False, "key", OWN),
        ({"model": None, "modelFrom": FROM}, {}, False, "token", OWN),
        ({"model": None, "modelFrom": FROM}, {}, True, "identifier", OWN),
        ({"hub": {"url": "https://a.b/", "credentialsSecretRef": REF}}, {}, False, "key", "https://a.b"),
        ({"hub": {"url": "https://a.b"}, "model": None, "modelFrom": FROM}, {}, True, "identifier", "https://a.b"),
        ({"hub": {"url": "https://a.b"}, "model": None, "modelFrom": FROM}, {}, False, "key", "https://a.b"),
        ({"hub": {"url": "https://a.b", "credentialsSecretRef": REF}}, {"hub_url": ""}, False, "key", "https://a.b"),
    ],
)
def test_the_way_to_the_hub(stanzas: Any, changes: Any, key_in_identifier: bool, auth: str, url: str) -> None:
    spec = parse(a_spec(**stanzas))
    access = hub_access(spec, settings(**changes), MODEL_ID, key_in_identifier=key_in_identifier)
    assert (access.auth, access.url, access.model_id) == (auth, url, MODEL_ID)


def test_the_hubs_certificates_are_handed_on() -> None:
    pem = "-----BEGIN CERTIFICATE-----\n"
    assert hub_access(parse(a_spec(hub={"caBundle": pem})), settings(), MODEL_ID).ca_bundle == pem
