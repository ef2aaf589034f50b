"""Tokens and the API server that knows them."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from hubtraining.domain import names
from hubtraining.hub.callers import Caller, Pod, Writer
from hubtraining.hub.refusals import Unauthorized

JSON = dict[str, Any]


def a_pod_caller(session: str = "uid-a", attempt: int = 1, namespace: str = "team") -> Caller:
    """The agent of one attempt."""
    writer = Writer(session, attempt)
    pod = Pod(namespace, f"{session}-{attempt}-0", f"pod-{session}-{attempt}", writer)
    return Caller(f"session:{session}", pod, writer, namespace)


@dataclass
class Reviews:
    """A reviewer that knows its callers by heart."""

    callers: dict[str, Caller] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def review(self, token: str) -> Caller:
        self.asked.append(token)
        if token not in self.callers:
            raise Unauthorized("unknown token")
        return self.callers[token]


def a_token(expires: float, name: str = "x") -> str:
    """A token that looks like a projected one."""
    return f"header.{coded({'exp': expires, 'sub': name})}.signature"


NOW = 1_800_000_000.0


def a_pod_token(
    pod: str = "pod-1", expires: float = NOW + 3600, audience: str = names.AUDIENCE_CONTROLLER, **more: Any
) -> str:
    """A token that says which pod it is bound to; only the API server could tell that its signature is none."""
    claims = {"aud": [audience], "exp": expires, "kubernetes.io": {"pod": {"name": "p", "uid": pod}}, **more}
    return f"header.{coded(claims)}.signature"


def coded(claims: Any) -> str:
    """JSON as it stands in a token."""
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


def a_user(namespace: str = "team", account: str = "default", pod: str = "p", uid: str = "pod-uid") -> JSON:
    """A service account's user as a TokenReview shows it."""
    extra = {"authentication.kubernetes.io/pod-name": [pod], "authentication.kubernetes.io/pod-uid": [uid]}
    return {"username": f"system:serviceaccount:{namespace}:{account}", "extra": extra if pod else {}}


def a_review(user: JSON | None = None, **status: Any) -> JSON:
    """An answered TokenReview."""
    good = {"authenticated": True, "audiences": [names.AUDIENCE_HUB], "user": user or a_user()}
    return {"kind": "TokenReview", "status": {**good, **status}}


def a_pod_body(uid: str = "pod-uid", session: str = "uid-a", attempt: str = "1", **owner: Any) -> JSON:
    """A pod of a session."""
    reference = {"apiVersion": names.API_VERSION, "kind": names.KIND, "uid": session, "controller": True, **owner}
    metadata = {"name": "p", "uid": uid, "ownerReferences": [reference], "labels": {names.LABEL_ATTEMPT: attempt}}
    return {"kind": "Pod", "metadata": metadata}


@dataclass
class ApiServer:
    """Answers TokenReviews and pods; ``calls`` holds what was asked."""

    review: JSON = field(default_factory=a_review)
    pod: JSON | None = field(default_factory=a_pod_body)
    status: int = 200
    calls: list[httpx.Request] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request)
        if self.status != 200:
            return httpx.Response(self.status, json={"kind": "Status"})
        if request.method == "POST":
            return httpx.Response(201, json=self.review)
        return httpx.Response(404) if self.pod is None else httpx.Response(200, json=self.pod)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer), base_url="https://api.test")
