"""Tokens, the API server's answer, and the caller that comes of it."""

import json

import httpx
import pytest
from builders.tokens import ApiServer, a_pod_body, a_review, a_user

from hubtraining.domain import names
from hubtraining.hub.callers import Caller, Pod, Writer
from hubtraining.hub.refusals import Forbidden, Later, Unauthorized
from hubtraining.hub.server.tokens import TokenReviewer

CONTROLLER = "system/controller"


async def review(api: ApiServer) -> Caller:
    async with api.client() as client:
        return await TokenReviewer(client, CONTROLLER).review("S3CRET")


async def test_a_pods_token_stands_for_its_session_and_attempt() -> None:
    api = ApiServer(a_review(a_user("team")), a_pod_body(session="uid-a", attempt="3"))
    caller = await review(api)
    assert caller.pod == Pod("team", "p", "pod-uid", Writer("uid-a", 3))
    assert caller.writer == Writer("uid-a", 3)
    assert caller.namespace == "team"


async def test_the_api_server_is_asked_for_our_audience_and_the_pod() -> None:
    api = ApiServer()
    await review(api)
    assert [call.url.path for call in api.calls] == [
        "/apis/authentication.k8s.io/v1/tokenreviews",
        "/api/v1/namespaces/team/pods/p",
    ]
    assert json.loads(api.calls[0].content)["spec"] == {"token": "S3CRET", "audiences": [names.AUDIENCE_HUB]}


async def test_the_controllers_account_acts_for_everything() -> None:
    api = ApiServer(a_review(a_user("system", "controller", pod="controller-0")))
    caller = await review(api)
    assert caller.pod is None
    assert len(api.calls) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (a_review(authenticated=False), Unauthorized),
        (a_review(audiences=["https://kubernetes.default.svc"]), Unauthorized),
        (a_review(audiences=None), Unauthorized),
        ({"kind": "TokenReview"}, Unauthorized),
        (a_review({"username": "kubernetes-admin"}), Forbidden),
        (a_review({"username": "system:serviceaccount:only"}), Forbidden),
        (a_review(a_user(pod="")), Forbidden),
        (a_review(a_user("system", "other", pod="")), Forbidden),
    ],
)
async def test_a_token_that_is_not_for_us_is_refused(answer: dict[str, object], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await review(ApiServer(answer))


@pytest.mark.parametrize(
    ("pod", "kind"),
    [
        (None, Unauthorized),
        (a_pod_body(uid="another"), Unauthorized),
        (a_pod_body(controller=False), Forbidden),
        (a_pod_body(kind="Job"), Forbidden),
        (a_pod_body(apiVersion="other.dev/v1"), Forbidden),
        (a_pod_body(attempt=""), Forbidden),
        (a_pod_body(attempt="two"), Forbidden),
        ({"metadata": {"uid": "pod-uid"}}, Forbidden),
    ],
)
async def test_a_pod_that_is_gone_or_no_sessions_is_refused(
    pod: dict[str, object] | None, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await review(ApiServer(pod=pod))


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_an_api_server_that_fails_means_later(status: int) -> None:
    with pytest.raises(Later) as caught:
        await review(ApiServer(status=status))
    assert caught.value.headers == {"retry-after": "5"}
    assert "S3CRET" not in caught.value.message


async def test_an_api_server_that_does_not_answer_means_later() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("no answer to S3CRET", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(fail), base_url="https://api.test") as client:
        with pytest.raises(Later, match="ConnectTimeout"):
            await TokenReviewer(client, CONTROLLER).review("x")
