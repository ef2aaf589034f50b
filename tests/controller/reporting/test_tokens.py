"""Whose token is it: the API server says so, and only when it is worth asking."""

import asyncio
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from builders.pod import a_pod
from builders.tokens import NOW, a_pod_token, coded
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.cluster.cache import PodCache
from hubtraining.controller.cluster.errors import KubeUnavailable
from hubtraining.controller.reporting.tokens import REVIEWS, Claims, TokenRefused, Tokens, read
from hubtraining.domain.names import AUDIENCE_CONTROLLER, AUDIENCE_HUB

Body = dict[str, Any]


@dataclass
class Cluster:
    """An API server that vouches for every token of a pod, a cache of pods, and a clock."""

    now: float = NOW
    pod: str = "pod-1"
    answer: Body = field(default_factory=dict)
    failure: Exception | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    busy: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        self.pods = PodCache()
        self.pods.put(a_pod().view())
        self.tokens = Tokens(self.review, self.pods, lambda: self.now)

    async def review(self, token: str, audience: str) -> Body:
        self.asked.append((token, audience))
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(0)
        self.busy -= 1
        if self.failure:
            raise self.failure
        user = {"extra": {"authentication.kubernetes.io/pod-uid": [self.pod]}}
        return {"authenticated": True, "audiences": [audience], "user": user, **self.answer}

    async def refusal(self, token: str) -> str:
        with pytest.raises(TokenRefused) as refused:
            await self.tokens.pod(token)
        assert token not in str(refused.value)
        return str(refused.value)


async def test_a_good_token_speaks_for_its_pod() -> None:
    cluster = Cluster()
    assert (await cluster.tokens.pod(a_pod_token())).uid == "pod-1"
    assert cluster.asked == [(a_pod_token(), AUDIENCE_CONTROLLER)]


async def test_a_token_that_is_known_is_not_asked_for_again() -> None:
    cluster = Cluster()
    for _ in range(5):
        await cluster.tokens.pod(a_pod_token())
    assert len(cluster.asked) == 1


async def test_a_known_token_is_believed_until_it_expires() -> None:
    cluster = Cluster()
    await cluster.tokens.pod(a_pod_token(expires=NOW + 60))
    cluster.now += 60
    assert await cluster.refusal(a_pod_token(expires=NOW + 60)) == "the token has expired"


async def test_a_known_token_is_believed_no_longer_than_its_pod_is_there() -> None:
    cluster = Cluster()
    await cluster.tokens.pod(a_pod_token())
    cluster.pods.remove("pod-1")
    assert await cluster.refusal(a_pod_token()) == "the token's pod is no training pod, or is gone"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (a_pod_token(pod="stranger"), "no training pod"),
        (a_pod_token(audience=AUDIENCE_HUB), "for another audience"),
        (a_pod_token(**{"kubernetes.io": {}}), "not bound to a pod"),
        ("opaque", "no service account token"),
        ("a.b.c", "no service account token"),
        (f"a.{coded({})}.c", "no service account token"),
        (f"a.{coded([])}.c", "no service account token"),
        ("a.é.c", "no service account token"),
    ],
)
async def test_a_token_that_cannot_be_good_costs_no_question(token: str, why: str) -> None:
    cluster = Cluster()
    assert why in await cluster.refusal(token)
    assert cluster.asked == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"authenticated": False}, "does not know the token"),
        ({"authenticated": True, "audiences": [AUDIENCE_HUB]}, "not for this audience"),
        ({"audiences": None}, "not for this audience"),
        ({"user": {"extra": {"authentication.kubernetes.io/pod-uid": ["pod-2"]}}}, "belongs to another pod"),
        ({"user": None}, "belongs to another pod"),
    ],
)
async def test_the_api_servers_word_counts_and_not_the_tokens(answer: Body, why: str) -> None:
    assert why in await Cluster(answer=answer).refusal(a_pod_token())


async def test_a_refused_token_is_not_remembered_as_good() -> None:
    cluster = Cluster(answer={"authenticated": False})
    await cluster.refusal(a_pod_token())
    await cluster.refusal(a_pod_token())
    assert len(cluster.asked) == 2


async def test_an_api_server_that_does_not_answer_refuses_nobody() -> None:
    cluster = Cluster(failure=KubeUnavailable("no answer"))
    with pytest.raises(KubeUnavailable):
        await cluster.tokens.pod(a_pod_token())


async def test_only_so_many_questions_are_open_at_once() -> None:
    cluster = Cluster()
    tokens = [a_pod_token(jti=str(number)) for number in range(5 * REVIEWS)]
    await asyncio.gather(*(cluster.tokens.pod(token) for token in tokens))
    assert cluster.most == REVIEWS


async def test_tokens_that_have_expired_make_room_for_new_ones() -> None:
    cluster = Cluster()
    cluster.tokens = Tokens(cluster.review, cluster.pods, lambda: cluster.now, most=10)
    for number in range(9):
        await cluster.tokens.pod(a_pod_token(expires=NOW + 60, jti=str(number)))
    lasting = a_pod_token(expires=NOW + 3600)
    await cluster.tokens.pod(lasting)
    cluster.now += 61
    await cluster.tokens.pod(a_pod_token(expires=NOW + 7200))
    assert len(cluster.tokens) == 2
    await cluster.tokens.pod(lasting)
    assert len(cluster.asked) == 11, "the lasting one is still known"


async def test_what_is_known_of_tokens_is_bounded() -> None:
    cluster = Cluster()
    cluster.tokens = Tokens(cluster.review, cluster.pods, lambda: cluster.now, most=10)
    for number in range(100):
        await cluster.tokens.pod(a_pod_token(jti=str(number)))
    assert len(cluster.tokens) <= 10


def test_the_claims_are_read_without_belief() -> None:
    assert read(a_pod_token()) == Claims((AUDIENCE_CONTROLLER,), NOW + 3600, "pod-1")


@given(st.text() | st.binary().map(lambda raw: f"x.{urlsafe_b64encode(raw).decode()}.y"))
def test_any_text_is_read_or_refused(token: str) -> None:
    with suppress(TokenRefused):
        assert read(token).pod_uid is not None
