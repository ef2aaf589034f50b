"""The real controller and the real hub on a real API server: a session's life, and the controller's own."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.pod import PodBuilder
from builders.world import a_checkpoint, an_outcome
from support.api_server import Body, Namespace, until
from support.hub_desk import a_desk
from support.installation import Installation, Member, installed
from support.little_kubelet import LittleKubelet
from support.scene import Scene, a_scene

from hubtraining.domain.names import API_VERSION, FIELD_MANAGER, PLURAL

pytestmark = pytest.mark.integration


HASTY = {"lease": {"seconds": 6, "renewSeconds": 4, "retrySeconds": 1}}
"""A controller that follows a killed one need not wait long."""


@pytest.fixture
def release(namespace: Namespace, tmp_path: Path) -> Iterator[Installation]:
    """The chart's rights and settings, and a hub."""
    with installed(namespace, tmp_path, controller=HASTY) as made:
        yield made


@pytest.fixture
def scene(namespace: Namespace) -> Iterator[Scene]:
    with a_scene(namespace) as made:
        yield made


def succeeded(pod: PodBuilder) -> PodBuilder:
    final = a_checkpoint(3)
    return pod.ended(outcome=an_outcome(epoch=3, epochs=3, latest=final, best=final, final=final, uploaded=3))


def failed(pod: PodBuilder) -> PodBuilder:
    return pod.ended(code=3, words="Traceback (most recent call last):\nValueError: no labels found 🚀 \ufeff\x7f\n")


def test_a_session_is_followed_to_its_success(release: Installation, scene: Scene) -> None:
    with release.controller() as controller:
        scene.post("signs")
        scene.until_pod("signs")
        assert scene.pods() == ["signs-1-0"]
        assert scene.condition("signs", "Accepted")["status"] == "True"
        assert scene.condition("signs", "HubReady")["reason"] == "ModelCreated"
        for change, phase in (
            (PodBuilder.fetching, "Preparing"),
            (PodBuilder.training, "Training"),
            (PodBuilder.trained, "Finalizing"),
            (succeeded, "Succeeded"),
        ):
            scene.become("signs", change)
            status = scene.until_phase("signs", phase)
        assert controller.tracebacks() == []
    (attempt,) = status["attempts"]
    assert (attempt["outcome"], attempt["exitCode"], attempt["node"]) == ("Succeeded", 0, scene.node)
    assert status["progress"]["epoch"] == 3
    assert status["checkpoints"]["final"]["sha256"] == a_checkpoint(3).sha256
    assert scene.condition("signs", "CheckpointSafe")["reason"] == "FinalUploaded"
    assert {"Accepted", "ModelCreated", "AttemptStarted", "TrainingStarted", "Succeeded"} <= set(scene.events("signs"))


def test_a_trainer_that_fails_is_told_with_its_exit_code_and_last_words(release: Installation, scene: Scene) -> None:
    with release.controller():
        scene.post("signs", retry={"limit": 0})
        scene.until_pod("signs")
        scene.become("signs", PodBuilder.training)
        scene.become("signs", failed)
        status = scene.until_phase("signs", "Failed")
    (attempt,) = status["attempts"]
    assert (attempt["exitCode"], attempt["reason"]) == (3, "TrainerFailed")
    assert attempt["logTail"] == "Traceback (most recent call last):\nValueError: no labels found 🚀 \ufeff\x7f"
    shown = scene.describe("signs")
    assert "The trainer ended with exit code 3." in shown
    assert "Warning Failed" in shown


def test_nothing_of_kopfs_is_on_a_session_and_only_we_and_its_user_manage_it(
    release: Installation, scene: Scene
) -> None:
    with release.controller():
        scene.post("signs")
        scene.until_pod("signs")
        scene.become("signs", succeeded)
        scene.until_phase("signs", "Succeeded")
    metadata = scene.session("signs")["metadata"]
    assert "finalizers" not in metadata
    assert "annotations" not in metadata
    managers = {(each["manager"], each["operation"], each.get("subresource", "")) for each in metadata["managedFields"]}
    (user,) = {manager for manager, _, part in managers if not part}
    assert managers == {(user, "Update", ""), (FIELD_MANAGER, "Apply", "status")}
    (ours,) = [each for each in metadata["managedFields"] if each["manager"] == FIELD_MANAGER]
    assert list(ours["fieldsV1"]) == ["f:status"]


def test_a_deleted_session_takes_its_pods_along_though_nobody_operates(release: Installation, scene: Scene) -> None:
    with release.controller() as controller:
        for name in ("waiting", "running"):
            scene.post(name)
            scene.until_pod(name)
        scene.become("running", PodBuilder.training)
        scene.until_phase("running", "Training")
        assert controller.stop() == 0
    for name in ("waiting", "running"):
        scene.delete(name)
    until("the garbage collector asks it to go", lambda: "deletionTimestamp" in scene.pod("running")["metadata"])
    scene.end("running")
    until("no pod is left", lambda: scene.pods() == [])
    left = release.namespace.api.http.get(release.namespace.path(PLURAL, API_VERSION)).json()["items"]
    assert left == [], "and no session hangs in its deletion"


def test_a_namespace_with_sessions_can_be_deleted_though_nobody_operates(release: Installation, scene: Scene) -> None:
    with release.controller():
        scene.post("signs")
        scene.until_pod("signs")
    namespace = release.namespace
    namespace.api.http.delete(f"/api/v1/namespaces/{namespace.name}").raise_for_status()
    until("it is gone", lambda: namespace.api.http.get(f"/api/v1/namespaces/{namespace.name}").status_code == 404)


def test_a_new_controller_that_finds_everything_as_it_was_writes_nothing(release: Installation, scene: Scene) -> None:
    with release.controller("first"):
        scene.post("unparsable", model="what is this")
        scene.until_condition("unparsable", "Accepted", "InvalidSpec")
        for name in ("pending", "training", "failed", "succeeded"):
            scene.post(name, retry={"limit": 0})
            scene.until_pod(name)
        scene.become("training", PodBuilder.training)
        scene.until_phase("training", "Training")
        scene.become("failed", failed)
        scene.until_phase("failed", "Failed")
        scene.become("succeeded", succeeded)
        scene.until_phase("succeeded", "Succeeded")
    with release.controller("second") as second:
        look_around(second, sessions=5)
        written = [event["objectRef"]["resource"] for event in second.writes()]
        assert set(written) <= {"endpointslices"}, "but that reports come to it now"


def test_what_the_hub_overrides_is_announced_once_whoever_controls(release: Installation, scene: Scene) -> None:
    """Each attempt and each new controller asks the hub anew, and finds the same."""
    kubelet = LittleKubelet(scene.namespace, node=scene.node)
    retry = {"limit": 1, "backoffSeconds": 1, "maxBackoffSeconds": 1}
    with a_desk(release.hub) as desk:
        with release.controller("first"):
            scene.post("signs", model=desk.model(epochs=7), train={"args": {"epochs": 3, "lr0": 0.5}}, retry=retry)
            kubelet.train("signs-1-0")
            scene.until_phase("signs", "Training")
            until("the event", lambda: "ArgumentsOverridden" in scene.events("signs"))
        with release.controller("second"):
            kubelet.end("signs-1-0", 3)
            until("the second attempt", lambda: kubelet.pod("signs-2-0"))
            until("its event", lambda: scene.events("signs").count("AttemptStarted") == 2)
    assert scene.status("signs")["model"]["overridden"] == ["epochs"]
    assert scene.events("signs").count("ArgumentsOverridden") == 1


def look_around(controller: Member, sessions: int) -> None:
    """Until it has looked at every session and has nothing more to do."""

    def done() -> bool:
        samples = controller.samples()
        passes = samples.get("hubtraining_reconcile_total", 0)
        return passes >= sessions and samples.get("hubtraining_workqueue_depth") == 0

    until("every session is looked at", done)
    before = -1.0
    while before != (before := controller.samples()["hubtraining_reconcile_total"]):
        signal.sigtimedwait([], 2)


def test_a_controller_that_is_asked_to_leave_leaves_in_peace(release: Installation, scene: Scene) -> None:
    with release.controller() as controller:
        for number in range(5):
            scene.post(f"signs-{number}")
        assert controller.stop() == 0
        assert controller.tracebacks() == []
        assert controller.messages()[-1] == "hubtraining controller ends"


@pytest.mark.parametrize("requests", [1, 3, 5])
def test_a_controller_that_is_killed_is_followed_by_one_that_goes_on(
    release: Installation, scene: Scene, requests: int
) -> None:
    """It is killed as soon as it has changed so many things: status, pod, status, events."""
    with release.controller("first") as first:
        scene.post("signs")
        until("so many writes", lambda: len(first.writes()) >= requests)
        first.kill()
    with release.controller("second"):
        scene.until_pod("signs")
        scene.become("signs", PodBuilder.training)
        scene.until_phase("signs", "Training")
        scene.become("signs", succeeded)
        status = scene.until_phase("signs", "Succeeded")
    assert [attempt["number"] for attempt in status["attempts"]] == [1]
    assert scene.pods() == ["signs-1-0"]
    made = [event for event in release.namespace.api.audit() if is_pod_creation(event, release.namespace.name)]
    assert [event["responseStatus"]["code"] for event in made].count(201) == 1


def is_pod_creation(event: Body, namespace: str) -> bool:
    about = event.get("objectRef") or {}
    return (event["verb"], about.get("resource"), about.get("namespace"), about.get("subresource")) == (
        "create",
        "pods",
        namespace,
        None,
    )
