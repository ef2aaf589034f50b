"""Two real controllers on the real API server, and a leader that goes: killed, frozen, stopped, or without rights."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builders.session import a_body
from support.api_server import Namespace, until
from support.installation import Installation, Member, installed

from hubtraining.controller.program import LEASE_LOST
from hubtraining.domain.names import API_VERSION, PLURAL

pytestmark = pytest.mark.integration

SHORT = {"controller": {"lease": {"seconds": 6, "renewSeconds": 4, "retrySeconds": 1}}}
Report = Callable[[str], None]


@pytest.fixture
def release(namespace: Namespace, tmp_path: Path) -> Iterator[Installation]:
    """With the chart's own times."""
    with installed(namespace, tmp_path) as made:
        yield made


@pytest.fixture
def hasty(namespace: Namespace, tmp_path: Path) -> Iterator[Installation]:
    """With a short lease, for tests of what happens and not of how long it takes."""
    with installed(namespace, tmp_path, **SHORT) as made:
        yield made


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Report:
    """Prints a figure."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", end="")

    return say


def leads(member: Member) -> bool:
    return bool(member.leads())


def create(namespace: Namespace, *names: str) -> None:
    for name in names:
        assert namespace.post(PLURAL, a_body(name), group=API_VERSION).status_code == 201


def reconciled(namespace: Namespace, name: str) -> bool:
    """Whether a controller has made the session's pod and says so."""
    answer = namespace.api.http.get(f"{namespace.path(PLURAL, API_VERSION)}/{name}").json()
    return bool((answer.get("status") or {}).get("attempts", [{}])[-1].get("pods"))


def all_reconciled(namespace: Namespace, *names: str) -> bool:
    return all(reconciled(namespace, name) for name in names)


def endpoints(release: Installation) -> list[str]:
    """Names of the pods to which reports are led."""
    name = f"{release.namespace.name}-controller-reports"
    path = f"{release.namespace.path('endpointslices', 'discovery.k8s.io/v1')}/{name}"
    answer = release.namespace.api.http.get(path)
    return [each["targetRef"]["name"] for each in answer.json().get("endpoints", ())] if answer.is_success else []


def assert_nothing_was_done_twice(namespace: Namespace, *members: Member) -> None:
    """Who wrote, and then another, never wrote again; and each pod was made once."""
    written = [(event["requestReceivedTimestamp"], member.name) for member in members for event in member.writes()]
    turns = [name for name, _ in itertools.groupby(name for _, name in sorted(written))]
    assert len(turns) == len(set(turns)), written
    pods = [
        event["objectRef"]["name"]
        for member in members
        for event in member.writes()
        if (event["verb"], event["objectRef"]["resource"]) == ("create", "pods")
    ]
    assert sorted(pods) == sorted(set(pods))
    events = [
        (event["involvedObject"]["name"], event["reason"], event["message"])
        for event in namespace.api.http.get(namespace.path("events")).json()["items"]
        if event["involvedObject"]["kind"] == "HubTrainingSession"
    ]
    assert sorted(events) == sorted(set(events))


def test_one_leads_and_the_other_stands_by_ready(hasty: Installation) -> None:
    with hasty.controller("controller-a") as a:
        until("a leader", lambda: leads(a))
        with hasty.controller("controller-b") as b:
            assert [member.answers("/healthz") for member in (a, b)] == [True, True]
            assert [member.answers("/readyz") for member in (a, b)] == [True, True]
            assert [member.samples()["hubtraining_leader"] for member in (a, b)] == [1, 0]
            assert until("the leader's reports", lambda: a.report() == 401)
            assert b.report() == 503
            assert hasty.lease["holderIdentity"].startswith("controller-a_")
            assert until("the way of reports", lambda: endpoints(hasty) == ["controller-a"])
            time.sleep(2)
            assert b.writes() == []


def test_a_leader_at_rest_writes_its_lease_and_nothing_else(hasty: Installation) -> None:
    with hasty.controller("controller-a") as a:
        create(hasty.namespace, "one")
        until("the session", lambda: reconciled(hasty.namespace, "one"))
        until("the way of reports", lambda: endpoints(hasty) == ["controller-a"])
        time.sleep(3)
        before = len(a.writes())
        time.sleep(10)
        assert len(a.writes()) == before


def test_a_killed_leader_is_followed_and_nothing_is_done_twice(release: Installation, tell: Report) -> None:
    before, after = [f"before-{n}" for n in range(5)], [f"after-{n}" for n in range(5)]
    with release.controller("controller-a") as a, release.controller("controller-b") as b:
        leader, other = (a, b) if leads(a) else (b, a)
        until("a leader", lambda: leads(leader))
        create(release.namespace, *before)
        until("half of them", lambda: reconciled(release.namespace, before[2]))
        leader.kill()
        killed = time.monotonic()
        create(release.namespace, *after)
        until("the next leader", lambda: leads(other))
        led = time.monotonic() - killed
        until("a pass", lambda: any(reconciled(release.namespace, name) for name in after))
        tell(
            f"leader killed: the other leads after {led:.1f} s, next reconcile after {time.monotonic() - killed:.1f} s"
        )
        until("all sessions", lambda: all_reconciled(release.namespace, *before, *after))
        until("the way of reports", lambda: endpoints(release) == [other.name])
        assert_nothing_was_done_twice(release.namespace, leader, other)
        assert other.tracebacks() == []


def test_a_leader_that_is_told_to_stop_hands_over_at_once(release: Installation, tell: Report) -> None:
    with release.controller("controller-a") as a:
        until("a leader", lambda: leads(a))
        create(release.namespace, "one")
        until("the session", lambda: reconciled(release.namespace, "one"))
        with release.controller("controller-b") as b:
            told = time.monotonic()
            assert a.stop() == 0
            left = time.monotonic() - told
            create(release.namespace, "two")
            until("the next leader", lambda: leads(b))
            led = time.monotonic() - told
            until("a pass", lambda: reconciled(release.namespace, "two"))
            passed = time.monotonic() - told
            tell(
                f"leader stopped: gone after {left:.1f} s, followed after {led:.1f} s, reconciling after {passed:.1f} s"
            )
            assert any("has given the lease back" in message for message in a.messages())
            assert_nothing_was_done_twice(release.namespace, a, b)
            assert release.lease["leaseTransitions"] == 1


def test_a_frozen_leader_ends_when_it_wakes_and_has_written_nothing(hasty: Installation) -> None:
    with hasty.controller("controller-a") as a:
        until("a leader", lambda: leads(a))
        create(hasty.namespace, "one")
        until("the session", lambda: reconciled(hasty.namespace, "one"))
        with hasty.controller("controller-b") as b:
            a.freeze()
            create(hasty.namespace, *[f"more-{n}" for n in range(5)])  # its watch has these when it wakes
            until("the next leader", lambda: leads(b))
            until("the sessions", lambda: all_reconciled(hasty.namespace, *[f"more-{n}" for n in range(5)]))
            a.thaw()
            assert a.process.process.wait(30) == LEASE_LOST
            assert any("could not be renewed in time" in message for message in a.messages())
            assert_nothing_was_done_twice(hasty.namespace, a, b)


def test_a_leader_frozen_for_a_moment_goes_on(hasty: Installation) -> None:
    with hasty.controller("controller-a") as a, hasty.controller("controller-b") as b:
        leader, other = (a, b) if leads(a) else (b, a)
        until("a leader", lambda: leads(leader))
        for _ in range(3):
            leader.freeze()
            time.sleep(1.5)
            leader.thaw()
            time.sleep(1.5)
        assert leads(leader)
        assert not leads(other)


def test_a_leader_without_its_rights_ends_and_leads_again_when_it_has_them(hasty: Installation) -> None:
    binding = f"{hasty.namespace.name}-controller-leader"
    with hasty.controller("controller-a") as a:
        until("a leader", lambda: leads(a))
        hasty.namespace.kubectl("delete", "rolebinding", binding)
        assert a.process.process.wait(30) == LEASE_LOST
        with hasty.controller("controller-b", ready=False) as b:
            until("the log", lambda: any("the lease cannot be had" in message for message in b.messages()))
            assert b.get("/readyz").status_code == 503
            hasty.grant()
            until("a leader", lambda: leads(b))


def test_one_that_stands_by_leaves_at_once_when_told_to(hasty: Installation) -> None:
    with hasty.controller("controller-a") as a:
        until("a leader", lambda: leads(a))
        with hasty.controller("controller-b") as b:
            assert b.stop() == 0
            assert leads(a)
            assert b.writes() == []
