"""Every CEL rule of the CRD, on the real API server."""

import httpx
import pytest
from builders.session import Body, a_body
from support import crd
from support.api_server import Namespace
from support.rule_cases import CASES, KEY, Try

from hubtraining.domain.names import API_VERSION, GROUP, PLURAL

pytestmark = pytest.mark.integration


def sent(namespace: Namespace, wanted: Try) -> httpx.Response:
    """The API server's answer to a session, or to its change."""
    body: Body = {**a_body(wanted.name), "spec": wanted.spec}
    if wanted.spec_before is None:
        return namespace.post(PLURAL, body, group=API_VERSION, dry_run=True)
    made = namespace.post(PLURAL, {**body, "spec": wanted.spec_before}, group=API_VERSION)
    assert made.status_code == 201, made.text
    path = f"{namespace.path(PLURAL, API_VERSION)}/{wanted.name}"
    answer = namespace.api.http.put(path, json={**made.json(), "spec": wanted.spec}, params={"dryRun": "All"})
    namespace.api.http.delete(path).raise_for_status()
    return answer


def test_every_rule_that_the_api_server_holds_is_tried_both_ways(namespace: Namespace) -> None:
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{PLURAL}.{GROUP}"
    (served,) = namespace.api.http.get(path).json()["spec"]["versions"]
    held = crd.rules(served["schema"]["openAPIV3Schema"])
    assert held == crd.rules()
    assert {place for place, case in CASES.items() if case.accepted and case.refused} == held.keys()


@pytest.mark.parametrize("place", CASES)
def test_a_rule_lets_through_what_is_right(namespace: Namespace, place: str) -> None:
    for wanted in CASES[place].accepted:
        answer = sent(namespace, wanted)
        assert answer.is_success, answer.text


@pytest.mark.parametrize("place", CASES)
def test_a_rule_refuses_what_is_wrong_in_one_helpful_sentence(namespace: Namespace, place: str) -> None:
    for wanted, words in CASES[place].refused:
        answer = sent(namespace, wanted)
        assert answer.status_code == 422, answer.text
        message = answer.json()["message"]
        assert [word for word in words if word not in message] == [], message


@pytest.mark.parametrize("place", ["spec.model#0", "spec.hub.url#0"])
def test_a_key_or_password_is_never_repeated(namespace: Namespace, place: str) -> None:
    for wanted, _ in CASES[place].refused:
        text = sent(namespace, wanted).text
        assert KEY not in text
        assert "hunter2" not in text


@pytest.mark.parametrize("verb", ["apply", "create"])
def test_kubectl_does_not_repeat_a_key_either(namespace: Namespace, verb: str) -> None:
    told = namespace.refused(verb, "-f", "-", stdin=a_body(model=f"{KEY}_{'m' * 20}"))
    assert "kubectl create secret generic" in told
    assert KEY not in told


def test_a_key_cannot_be_hidden_among_other_mistakes(namespace: Namespace) -> None:
    """Every error is told at once, so each of them must keep the secret."""
    wrong = a_body(model=f"{KEY}_{'m' * 20}", hub={"url": "ftp://x"}, workspace={"sizeLimit": "big"})
    text = namespace.post(PLURAL, wrong, group=API_VERSION, dry_run=True).text
    assert "holds an API key" in text
    assert "sizeLimit is 'big'" in text
    assert KEY not in text


def test_a_key_that_is_too_long_for_the_field_is_not_repeated(namespace: Namespace) -> None:
    text = namespace.post(PLURAL, a_body(model=KEY * 30), group=API_VERSION, dry_run=True).text
    assert "Too long" in text
    assert KEY not in text
