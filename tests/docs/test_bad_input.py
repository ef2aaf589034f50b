"""docs/bad-input.md says what the code says: each row's message is made here by whoever makes it in a cluster."""

import asyncio
import base64
import errno
import os
import re
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from builders.pages import DOCS, ROOT, cells
from builders.pod import PodBuilder, a_pod
from builders.world import WorldBuilder, a_world, an_outcome
from support import crd

from hubtraining.agent import fetch
from hubtraining.agent.archives import NotIntact, opened_zip
from hubtraining.agent.checkpoints import NOTHING
from hubtraining.controller.cluster.errors import KubeNotFound
from hubtraining.controller.hubs.access import Access, NoAccess, access
from hubtraining.controller.hubs.problems import from_error
from hubtraining.controller.hubs.questions import LONGEST_SECONDS
from hubtraining.controller.rules.decide import decide
from hubtraining.controller.settings import ControllerSettings
from hubtraining.controller.values import messages
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import Problem
from hubtraining.domain.conditions import ConditionType
from hubtraining.domain.identifiers import parse
from hubtraining.domain.session import parse as parse_spec
from hubtraining.hub import answers, checkpoint_check, downloads
from hubtraining.hub.answers import Answer
from hubtraining.hub.connection import translate
from hubtraining.hub.credentials import fixed
from hubtraining.hub.errors import HubError
from hubtraining.hub.refusals import Invalid
from hubtraining.hub.transport import GuardedBackend

PAGE = DOCS / "bad-input.md"
ROWS = {row[0]: row for row in cells(PAGE.read_text())}
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests" / "integration").glob("test_bad_*.py"))
ONLY_UNIT = {"a workspace that has no room for the inputs"}
"""Of no integration test: a disk that is full for fetch alone is not to be had on every machine."""
SETTINGS = ControllerSettings(namespace="s", image="i", hub_url="http://hub")
KEYED = {"hub": {"url": "https://hub.example", "credentialsSecretRef": {"name": "hub-key", "key": "api-key"}}}
WAY = Access("https://hub.example", "", False, parse("a.pt"), fixed("k"), "the key in the Secret hub-key (key api-key)")


class Told(NamedTuple):
    """What a user sees, and what comes next."""

    condition: str
    reason: str
    message: str
    then: str


def refused(message: str) -> Told:
    return Told("", "", message, "refused")


def by_rule(place: str) -> Told:
    """The CRD's rule; what its message is put together from is left open."""
    rule = crd.rules()[place]
    if "messageExpression" not in rule:
        return refused(rule["message"])
    return refused(re.sub(r'"\s*\+\s*[\w.]+\s*\+\s*"', "…", rule["messageExpression"]).strip('"'))


def by_schema(field: str) -> Told:
    assert field not in dict(crd.fields(crd.schema()))
    return refused(f'unknown field "{field}"')


def by_our_hub(folder: Path) -> Told:
    (folder / "signs.zip").write_bytes(b"<html>")
    with pytest.raises(Invalid) as caught:
        checkpoint_check.check_dataset(folder / "signs.zip")
    return refused(str(caught.value))


def of_problem(problem: Problem) -> Told:
    """What the status says, and how long it waits."""
    world = a_world().asked(answer=problem, due=problem.retry_seconds).world()
    (told,) = [each for each in decide(world).conditions if each.status == "False"]
    wait = f"waits, {problem.retry_seconds:g} s" if problem.retry_seconds else "stays"
    return Told(told.type.value, told.reason, told.message, wait)


def of_access(secrets: Mapping[str, Mapping[str, str]], **spec: object) -> Told:
    async def get(_: str, name: str) -> Mapping[str, str]:
        if name not in secrets:
            raise KubeNotFound("no such secret")
        return {key: base64.b64encode(text.encode()).decode() for key, text in secrets[name].items()}

    body = {"trainer": {"image": "i"}, "train": {"args": {"data": "d"}}, **spec}
    with pytest.raises(NoAccess) as caught:
        asyncio.run(access("team-a", parse_spec(body), SETTINGS, get))
    return of_problem(caught.value.problem)


def of_hub(error: HubError) -> Told:
    return of_problem(from_error(error, WAY))


def of_answer(status: int, body: bytes, kind: str = "application/json") -> Told:
    with pytest.raises(HubError) as caught:
        answers.data(Answer("read", status, {"content-type": kind}, body))
    return of_hub(caught.value)


def of_address() -> Told:
    with pytest.raises(HubError) as caught:
        asyncio.run(GuardedBackend().connect_tcp("127.0.0.1", 9))
    return of_hub(caught.value)


def of_certificate() -> Told:
    cause = ssl.SSLCertVerificationError()
    cause.verify_message = "self-signed certificate"
    error = httpx.ConnectError("x")
    error.__cause__ = cause
    told = of_hub(translate("read", error))
    return told._replace(then=f"{told.then}, doubled each time up to {LONGEST_SECONDS:g} s")


def of_refusal(words: str) -> Told:
    decision = decide(a_world().prepared().told().having(refusal=words).world())
    (told,) = [each for each in decision.conditions if each.status == "False"]
    return Told(told.type.value, told.reason, told.message, f"waits, {decision.again:g} s")


def of_pod(pod: PodBuilder, kind: ConditionType) -> Told:
    """While the attempt goes on."""
    decision = decide(a_world().begun().with_pod(pod).world())
    (told,) = [each for each in decision.conditions if each.type == kind]
    return Told(kind.value, told.reason, told.message, "waits for the cluster")


def of_end(pod: PodBuilder) -> Told:
    """The session's end without any retries; with them it may go on."""
    summary = ConditionType.SUCCEEDED
    (told,) = [each for each in decide(ended(pod, 0).world()).conditions if each.type == summary]
    (later,) = [each for each in decide(ended(pod, 3).world()).conditions if each.type == summary]
    return Told(summary.value, told.reason, told.message, "ends" if later.status == "False" else "tried again")


def ended(pod: PodBuilder, limit: int) -> WorldBuilder:
    return a_world().spec(retry={"limit": limit}).begun().with_pod(pod)


def of_fetch(error: Exception) -> Told:
    state = {"exitCode": 1, "reason": "Error", "message": fetch.in_words(error)}
    return of_end(a_pod().on().container("fetch", "terminated", **state).failed())


def of_download(folder: Path, answer: httpx.Response) -> Told:
    async def bring() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as http:
            await downloads.download(http, "http://hub.example/signs.zip", folder / "signs.zip")

    with pytest.raises(HubError) as caught:
        asyncio.run(bring())
    return of_fetch(caught.value)


def of_outcome(why: str) -> Told:
    pod = a_pod().ended(outcome=an_outcome(message=f"no final model: {why}"))
    conditions = {each.type: each for each in decide(ended(pod, 3).world()).conditions}
    assert conditions[ConditionType.SUCCEEDED].status == "True"
    told = conditions[ConditionType.CHECKPOINT_SAFE]
    return Told(told.type.value, told.reason, told.message, "ends")


def no_checkpoint(folder: Path) -> str:
    (folder / "best.pt").write_bytes(b"<html>")
    with pytest.raises(NotIntact) as caught, (folder / "best.pt").open("rb") as file, opened_zip(file):
        pass
    return f"run/weights/best.pt is no whole checkpoint: {caught.value}"


def waiting(reason: str, words: str) -> PodBuilder:
    return a_pod().on().container("trainer", "waiting", reason=reason, message=words)


def refusal(message: str) -> bytes:
    return f'{{"success": false, "message": "{message}"}}'.encode()


FULL = 'Usage of EmptyDir volume "workspace" exceeds the limit "1Gi". '
NO_SHELL = 'unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory'
BY_SECRET = {"modelFrom": {"secretKeyRef": {"name": "mine", "key": "identifier"}}}
CASES: dict[str, Callable[[Path], Told]] = {
    "a name that is too long": lambda _: by_rule("#0"),
    "a key in the model is refused before it is stored": lambda _: by_rule("spec.model#0"),
    "a template that wants the host": lambda _: by_schema("spec.template.spec.hostNetwork"),
    "a file that is no zip is refused by our own hub": by_our_hub,
    "an identifier that cannot be parsed": lambda _: of_access({}, model="what is this"),
    "a mistyped key in the model is not repeated": lambda _: of_access({}, model=f"{'k' * 41}_{'m' * 20}"),
    "an identifier in a Secret that cannot be parsed is read again": lambda _: of_access(
        {"mine": {"identifier": "what"}}, **BY_SECRET
    ),
    "a Secret that is not there": lambda _: of_access({}, **BY_SECRET),
    "a Secret without the key that is named": lambda _: of_access({"hub-key": {"x": "y"}}, model="a.pt", **KEYED),
    "a key that the hub does not know": lambda _: of_answer(401, refusal("the key is not known")),
    "a model that the hub does not have": lambda _: of_answer(404, refusal("there is no model of this id")),
    "a hub URL that is no hub": lambda _: of_answer(200, b"<html>", "text/html"),
    "a hub that nobody may name": lambda _: of_address(),
    "a hub whose certificate is not trusted": lambda _: of_certificate(),
    "a pod that a quota refuses and then admits": lambda _: of_refusal("its own words"),
    "a pod that Pod Security refuses": lambda _: of_refusal("its own words"),
    "a stranger's pod of the name": lambda _: of_refusal(messages.foreign("pod", "signs-1-0")),
    "more GPUs than any node has": lambda _: of_pod(
        a_pod().unschedulable("0/3 nodes are available: 3 Insufficient nvidia.com/gpu."), ConditionType.SCHEDULED
    ),
    "an image that cannot be pulled": lambda _: of_pod(
        waiting("ImagePullBackOff", "not found"), ConditionType.TRAINING
    ),
    "a container that lacks its Secret": lambda _: of_pod(
        waiting("CreateContainerConfigError", 'secret "x" not found'), ConditionType.TRAINING
    ),
    "a data set that is no zip": lambda folder: of_download(folder, httpx.Response(200, content=b"no zip")),
    "weights that are a web page": lambda folder: of_download(folder, httpx.Response(200, html="<html>")),
    "a workspace that has no room for the inputs": lambda _: of_fetch(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))),
    "a workspace that is full": lambda _: of_end(a_pod().trained(code=137).failed("Evicted", FULL)),
    "a trainer that was killed for its memory": lambda _: of_end(a_pod().ended(code=137, reason="OOMKilled")),
    "a command that is not found": lambda _: of_end(a_pod().ended(code=127)),
    "an image without a shell": lambda _: of_end(a_pod().ended(code=128, reason="StartError", words=NO_SHELL)),
    "a trainer that writes nothing": lambda _: of_outcome(NOTHING),
    "a trainer that writes nonsense": lambda folder: of_outcome(no_checkpoint(folder)),
}


def test_the_page_has_just_these_rows() -> None:
    assert list(ROWS) == list(CASES)


@pytest.mark.parametrize("what", CASES)
def test_a_row_says_what_the_code_says(what: str, tmp_path: Path) -> None:
    _, _, condition, reason, message, then = ROWS[what]
    told = CASES[what](tmp_path)
    assert (condition, reason, then) == (told.condition, told.reason, told.then)
    assert reason in ("", *Reason)
    words = message.strip("`")
    assert len(words.replace("…", "").split()) >= 3, "what is left open is not all of it"
    pattern = ".+".join(re.escape(part) for part in words.split("…"))
    assert re.fullmatch(pattern, told.message.replace("…", "x")), told.message


@pytest.mark.parametrize("what", sorted(CASES.keys() - ONLY_UNIT))
def test_a_row_has_its_test_on_the_real_api_server(what: str) -> None:
    name = re.sub(r"\W+", "_", what.lower().replace("'s", "s"))
    assert f"def test_{name}(" in TESTS


def test_every_layer_is_one_of_those_that_there_are() -> None:
    ours = {"CEL", "schema", "parser", "controller", "fetch", "launcher", "agent", "hub"}
    assert {row[1] for row in ROWS.values()} == ours | {"API server", "scheduler", "kubelet"}
