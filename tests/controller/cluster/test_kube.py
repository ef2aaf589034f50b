"""The calls to the API server, over real HTTP: what is sent for each, and what it gives back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from builders.session import a_session
from starlette.responses import JSONResponse, Response
from support.recorded_api import Asked, Body, Meter, RecordedApi, a_client

from hubtraining.controller.cluster import kube as kube_module
from hubtraining.controller.cluster.errors import KubeNotFound
from hubtraining.controller.cluster.kube import CALLS, Kube

PODS = "/api/v1/namespaces/team-a/pods"
POD = f"{PODS}/signs-1-0"
SESSION = "/apis/hubtraining.dev/v1alpha1/namespaces/team-a/hubtrainingsessions/signs"
A_POD: Body = {"metadata": {"namespace": "team-a", "name": "signs-1-0", "uid": "pod-1"}}
Ask = Callable[[Kube], Awaitable[Any]]


@asynccontextmanager
async def serving(api: RecordedApi) -> AsyncIterator[Kube]:
    async with api.served() as url, a_client(url) as client:
        yield Kube(client, Meter())


async def asked(ask: Ask, path: str, answer: Response | None = None) -> tuple[Any, Asked]:
    """What came back, and the one request that was sent for it."""
    api = RecordedApi().on(path, answer or JSONResponse(A_POD))
    async with serving(api) as kube:
        result = await ask(kube)
    (request,) = api.asked
    return result, request


def get_pod(kube: Kube) -> Awaitable[Any]:
    return kube.get_pod("team-a", "signs-1-0")


async def test_a_pod_is_posted_as_it_was_built_and_comes_back_as_it_was_stored() -> None:
    manifest = {"metadata": {"namespace": "team-a", "name": "signs-1-0"}, "spec": {"aFieldOfTomorrow": [1]}}
    stored, request = await asked(lambda kube: kube.create_pod(manifest), PODS, JSONResponse(A_POD, 201))
    assert stored == A_POD
    assert (request.method, request.body) == ("POST", manifest)
    assert request.headers["authorization"] == "Bearer the-token"
    assert request.headers["content-type"] == "application/json"


async def test_a_pod_is_read() -> None:
    found, request = await asked(get_pod, POD)
    assert found == A_POD
    assert (request.method, request.body) == ("GET", None)


async def test_this_very_pod_is_deleted_and_no_other_of_its_name() -> None:
    _, request = await asked(lambda kube: kube.delete_pod("team-a", "signs-1-0", "pod-1"), POD)
    assert request.method == "DELETE"
    assert request.body["preconditions"] == {"uid": "pod-1"}


async def test_a_secret_gives_its_values_still_coded() -> None:
    secret = JSONResponse({"data": {"api-key": "a2V5"}})
    path = "/api/v1/namespaces/team-a/secrets/hub"
    assert (await asked(lambda kube: kube.get_secret("team-a", "hub"), path, secret))[0] == {"api-key": "a2V5"}
    assert (await asked(lambda kube: kube.get_secret("team-a", "hub"), path, JSONResponse({})))[0] == {}


async def test_a_status_is_applied_by_one_manager_to_the_version_that_was_read() -> None:
    written, request = await asked(
        lambda kube: kube.write_status(a_session(), {"phase": "Training"}), f"{SESSION}/status", JSONResponse({"a": 1})
    )
    assert written == {"a": 1}
    assert request.method == "PATCH"
    assert request.headers["content-type"] == "application/apply-patch+yaml; charset=utf-8"
    assert request.query == {"fieldManager": "hubtraining", "force": "true"}
    assert request.body == {
        "apiVersion": "hubtraining.dev/v1alpha1",
        "kind": "HubTrainingSession",
        "metadata": {"name": "signs", "namespace": "team-a", "uid": a_session().uid, "resourceVersion": "50"},
        "status": {"phase": "Training"},
    }


async def test_an_event_goes_into_its_namespace() -> None:
    event = {"metadata": {"namespace": "team-a", "name": "e"}, "reason": "Failed"}
    _, request = await asked(lambda kube: kube.create_event(event), "/api/v1/namespaces/team-a/events")
    assert (request.method, request.body) == ("POST", event)


async def test_a_token_is_reviewed_for_its_audience() -> None:
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    answer = JSONResponse({"status": {"authenticated": True}}, 201)
    status, request = await asked(lambda kube: kube.review_token("abc", "hubtraining-hub"), path, answer)
    assert status == {"authenticated": True}
    assert request.body["spec"] == {"token": "abc", "audiences": ["hubtraining-hub"]}


async def test_a_name_cannot_lead_elsewhere() -> None:
    api = RecordedApi()
    async with serving(api) as kube:
        with pytest.raises(KubeNotFound):
            await kube.get_secret("team-a", "../../../pods/x?y=z")
    assert api.asked[0].path.startswith("/api/v1/namespaces/team-a/secrets/")
    assert api.asked[0].query == {}


def test_every_call_is_in_the_list_that_rbac_is_compared_with() -> None:
    named = [value for value in vars(kube_module).values() if isinstance(value, kube_module.Call)]
    assert set(named) == set(CALLS)
    assert len({(call.verb, call.group, call.resource) for call in CALLS}) == len(CALLS)


def test_no_call_lists_or_writes_secrets() -> None:
    assert [call.verb for call in CALLS if call.resource == "secrets"] == ["get"]
