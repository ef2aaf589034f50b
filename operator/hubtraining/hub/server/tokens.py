"""Projected service-account tokens, checked by the API server and bound to the pod's session."""

from typing import Any, Protocol

import httpx
import msgspec

from hubtraining.domain import names
from hubtraining.hub.callers import Caller, Pod, Writer
from hubtraining.hub.refusals import Forbidden, Later, Unauthorized

EXTRA_POD = "authentication.kubernetes.io/pod-name"
EXTRA_POD_UID = "authentication.kubernetes.io/pod-uid"
USER_PREFIX = "system:serviceaccount:"

JSON = dict[str, Any]


class Reviewer(Protocol):
    """Who stands behind a token? Raises Unauthorized, Forbidden or Later."""

    async def review(self, token: str) -> Caller:
        """The caller that this token stands for."""
        ...


class TokenReviewer:
    """Asks the API server: TokenReview for the token, then the pod for its session.

    ``api`` is a client of the API server that authenticates itself; ``controller`` is ``namespace/name`` of the
    service account that acts for every session.
    """

    def __init__(self, api: httpx.AsyncClient, controller: str) -> None:
        self._api = api
        self._controller = controller

    async def review(self, token: str) -> Caller:
        """The controller, or the pod that the token is bound to."""
        spec = {"token": token, "audiences": [names.AUDIENCE_HUB]}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        answer = await self._call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", json=body)
        user = authenticated_user(answer)
        account = service_account(user)
        if f"{account[0]}/{account[1]}" == self._controller:
            return Caller(name=f"controller:{self._controller}")
        return await self._pod_caller(account[0], user)

    async def _pod_caller(self, namespace: str, user: JSON) -> Caller:
        extra = user.get("extra") or {}
        name, uid = ((extra.get(key) or [""])[0] for key in (EXTRA_POD, EXTRA_POD_UID))
        if not name or not uid:
            raise Forbidden("this token is bound to no pod, and its service account is not the controller's")
        body = await self._call("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")
        pod = session_pod(body, namespace, uid)
        return Caller(name=f"session:{pod.writer.session_uid}", pod=pod, writer=pod.writer, namespace=namespace)

    async def _call(self, verb: str, path: str, **body: Any) -> JSON:
        try:
            answer = await self._api.request(verb, path, **body)
        except (httpx.TransportError, OSError) as error:
            raise _no_answer(type(error).__name__) from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise Unauthorized("the pod of this token is gone")
        if not answer.is_success:
            raise _no_answer(f"it answered {answer.status_code}")
        return msgspec.json.decode(answer.content, type=dict[str, Any])


def _no_answer(why: str) -> Later:
    return Later(f"the cluster's API server cannot check the token now ({why})", headers={"retry-after": "5"})


def authenticated_user(review: JSON) -> JSON:
    """The user of a TokenReview for our audience; raises Unauthorized."""
    status = review.get("status") or {}
    if not status.get("authenticated") or names.AUDIENCE_HUB not in (status.get("audiences") or []):
        raise Unauthorized(f"this is no valid token for the audience {names.AUDIENCE_HUB}")
    user: JSON = status.get("user") or {}
    return user


def service_account(user: JSON) -> tuple[str, str]:
    """Namespace and name of the account; raises Forbidden for any other kind of user."""
    parts = str(user.get("username", "")).removeprefix(USER_PREFIX).split(":")
    if not str(user.get("username", "")).startswith(USER_PREFIX) or len(parts) != 2:
        raise Forbidden("only service accounts have a place here")
    return parts[0], parts[1]


def session_pod(body: JSON, namespace: str, uid: str) -> Pod:
    """The pod with the session that controls it; raises Unauthorized or Forbidden."""
    metadata = body.get("metadata") or {}
    if metadata.get("uid") != uid:
        raise Unauthorized("the pod of this token is gone")
    owners = [owner for owner in metadata.get("ownerReferences") or [] if owner.get("controller")]
    ours = [o for o in owners if o.get("kind") == names.KIND and str(o.get("apiVersion")).startswith(f"{names.GROUP}/")]
    attempt = (metadata.get("labels") or {}).get(names.LABEL_ATTEMPT, "")
    if not ours or not attempt.isdigit():
        raise Forbidden(f"the pod of this token belongs to no {names.KIND}")
    return Pod(namespace, str(metadata.get("name")), uid, Writer(str(ours[0]["uid"]), int(attempt)))
