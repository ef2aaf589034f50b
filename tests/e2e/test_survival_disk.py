"""A workspace that is full: a failure like any other, said in words, and nothing that was done is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import steady
from support.real_node import Node
from support.site import Body, Site, until
from support.steady import Steady, assert_nothing_lost

from demo import storage

pytestmark = pytest.mark.e2e

FILLING = ("--at", "6", "--do", "disk")
SMALL = "small"


@pytest.fixture(scope="module", autouse=True)
def program(site: Site) -> None:
    steady.prepare(site)


@pytest.fixture
def small(site: Site) -> Iterator[Path]:
    """Where a claim on a small file system lies on the node."""
    node, folder = Node(site), site.state / "volumes" / SMALL
    folder.mkdir(parents=True, exist_ok=True)
    node.run("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder))
    site.apply(storage.volume(folder))
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "32Mi"}}}
    spec = {**asked, "storageClassName": storage.CLASS, "volumeName": SMALL}
    site.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": SMALL}, "spec": spec})
    yield node.seen(folder)
    site.kubectl("delete", "hubtrainingsession", "full-claim", "--wait")
    site.kubectl("delete", "pvc", SMALL, "--wait")
    site.kubectl("delete", "pv", SMALL, "--wait")
    node.run("umount", str(folder))


def failed(run: Steady, number: int) -> Body:
    """An attempt, once it has failed."""

    def there() -> Body | None:
        attempts = {each["number"]: each for each in run.site.status(run.name).get("attempts", [])}
        return attempts[number] if attempts.get(number, {}).get("outcome") == "Failed" else None

    return until(f"the failure of attempt {number} of {run.name}", there)


def test_an_emptydir_over_its_limit_is_a_failure_and_the_next_attempt_goes_on(site: Site) -> None:
    """The kubelet evicts the pod, and that is no disruption: the same run would fill the next one, too."""
    often = {"checkpointSeconds": 2}
    run = Steady(site, "full-emptydir", {"sizeLimit": "48Mi"}, words=FILLING, spec={"agent": often}).start()
    first = failed(run, 1)
    assert first["reason"] == "Evicted"
    assert "workspace" in first["message"]
    status = assert_nothing_lost(run)
    assert (status["attempt"], status["failures"], status.get("preemptions", 0)) == (2, 1, 0)
    assert run.again() == []


def test_a_claim_without_room_fails_attempts_until_somebody_makes_room(site: Site, small: Path) -> None:
    patient = {"limit": 20, "backoffSeconds": 2, "maxBackoffSeconds": 2}
    run = Steady(site, "full-claim", {"claimName": SMALL}, words=FILLING, spec={"retry": patient}).start()
    first = failed(run, 1)
    assert first["reason"] == "TrainerFailed"
    assert "No space left on device" in first["logTail"]
    second = failed(run, 2)
    assert second["reason"] == "FetchFailed"
    assert "No space left on device" in second["message"]
    (small / site.get("hubtrainingsession", run.name)["metadata"]["uid"] / "ballast").unlink()
    status = assert_nothing_lost(run)
    assert {each["outcome"] for each in status["attempts"][:-1]} == {"Failed"}
    assert run.again() == []
