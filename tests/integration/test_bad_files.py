"""Inputs and trainers that are no good: the pods' own programs are run, and their ends told as they were."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.hub_process import run_hub_command
from builders.pod import PodBuilder
from support.api_server import ApiServer, until
from support.installation import Installation, Member, installed
from support.little_pod import Ended, LittlePod
from support.scene import Scene, a_scene
from support.stranger import NO_ZIP, PAGE_WEIGHTS, Stranger
from support.strangers import a_stranger

pytestmark = pytest.mark.integration

KEY = {"credentialsSecretRef": {"name": "hub-key", "key": "api-key"}}


@pytest.fixture(scope="module")
def release(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with api_server.namespace() as namespace, installed(namespace, tmp_path_factory.mktemp("release")) as made:
        key = (made.folder / "key").read_text()
        namespace.kubectl("create", "secret", "generic", "hub-key", f"--from-literal=api-key={key}")
        yield made


@pytest.fixture(scope="module")
def controller(release: Installation) -> Iterator[Member]:
    with release.controller() as member:
        yield member


@pytest.fixture(scope="module")
def scene(release: Installation, controller: Member) -> Iterator[Scene]:
    with a_scene(release.namespace, cpu="8", memory="16Gi", pods="110") as made:
        yield made


@pytest.fixture(scope="module")
def stranger() -> Iterator[tuple[str, Stranger]]:
    with a_stranger() as made:
        yield made


def pod_of(scene: Scene, folder: Path, name: str) -> LittlePod:
    scene.until_pod(name)
    return LittlePod(scene.namespace, scene.pod(name), folder / name)


def fetched(scene: Scene, folder: Path, name: str) -> Ended:
    """What the real ``fetch`` comes to, told as the kubelet tells it."""
    its = pod_of(scene, folder, name)
    ended = Ended(its.fetch(), its.last_words("fetch"))
    assert "Traceback" not in its.log("fetch").read_text()

    def told(pod: PodBuilder) -> PodBuilder:
        state = {"exitCode": ended.code, "reason": "Error", "message": ended.words}
        return pod.on().container("fetch", "terminated", **state).failed()

    scene.become(name, told)
    return ended


def trained(scene: Scene, folder: Path, name: str, script: str) -> LittlePod:
    """The real launcher and agent come to their ends with a trainer that is this shell script and succeeds."""
    scene.post(name, hub=KEY, trainer={"command": ["sh", "-c", script]})
    its = pod_of(scene, folder, name)
    assert its.fetch() == 0
    assert its.train().code == 0
    with its.agent():
        until("the agent is done", lambda: '"stage":"Finished"' in its.last_words("agent"))
    assert "Traceback" not in its.log("agent").read_text()
    scene.become(name, PodBuilder.training)
    scene.become(name, lambda pod: pod.ended(outcome=its.last_words("agent")))
    return its


def attempts(scene: Scene, name: str) -> list[tuple[str, str]]:
    return [(each["outcome"], each.get("rule", "")) for each in scene.status(name)["attempts"]]


def test_a_data_set_that_is_no_zip(scene: Scene, stranger: tuple[str, Stranger], tmp_path: Path) -> None:
    scene.post("no-zip", model=NO_ZIP, hub={**KEY, "url": stranger[0]})
    ended = fetched(scene, tmp_path, "no-zip")
    assert ended == Ended(1, "fetch: download: the file is no whole zip archive (BadZipFile)")
    told = scene.described("no-zip", "Succeeded", "FetchFailed", "Failed")
    assert told.startswith(f"The fetch ended with exit code 1. {ended.words}")
    assert attempts(scene, "no-zip") == [("Failed", "unusable-input")]


def test_weights_that_are_a_web_page(scene: Scene, stranger: tuple[str, Stranger], tmp_path: Path) -> None:
    scene.post("page-weights", model=PAGE_WEIGHTS, hub={**KEY, "url": stranger[0]})
    ended = fetched(scene, tmp_path, "page-weights")
    assert ended == Ended(1, "fetch: download: the link gives a web page, not a file")
    assert ended.words in scene.described("page-weights", "Succeeded", "FetchFailed", "Failed")
    assert attempts(scene, "page-weights") == [("Failed", "unusable-input")]


@pytest.mark.parametrize(("kind", "name"), [("dataset", "signs.zip"), ("weights", "yolo11n.pt")])
def test_a_file_that_is_no_zip_is_refused_by_our_own_hub(
    release: Installation, tmp_path: Path, kind: str, name: str
) -> None:
    """It never gets as far as a session."""
    (tmp_path / name).write_bytes(b"<!doctype html>")
    done = run_hub_command(release.hub.folder, kind, "add", name, str(tmp_path / name))
    assert done.returncode != 0
    assert b"is not a whole zip file: it is torn, or something else" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_command_that_is_not_found(scene: Scene, tmp_path: Path) -> None:
    scene.post("no-command", hub=KEY, trainer={"command": ["yolo-that-nobody-has", "train"]})
    pod = pod_of(scene, tmp_path, "no-command")
    pod.fetch()
    ended = pod.train()
    assert ended.code == 127
    scene.become("no-command", PodBuilder.training)
    scene.become("no-command", lambda it: it.ended(code=ended.code, words=ended.words))
    told = scene.described("no-command", "Succeeded", "TrainerFailed", "Failed")
    assert "exit code 127 (a command was not found: see spec.trainer.command)" in told
    assert "there is no command 'yolo-that-nobody-has' in the trainer's image" in scene.describe("no-command")
    assert attempts(scene, "no-command") == [("Failed", "no-command")]


def test_an_image_without_a_shell(scene: Scene) -> None:
    words = (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        'unable to start container process: error during container init: exec: "/bin/sh": stat /bin/sh: '
        "no such file or directory"
    )
    scene.post("no-shell")
    scene.until_pod("no-shell")
    scene.become("no-shell", lambda pod: pod.ended(code=128, reason="StartError", words=words))
    told = scene.described("no-shell", "Succeeded", "TrainerFailed", "Failed")
    assert told.startswith(f"The trainer could not be started: {words}.")
    assert attempts(scene, "no-shell") == [("Failed", "no-shell")]


def test_a_workspace_that_is_full(scene: Scene) -> None:
    scene.post("full", workspace={"sizeLimit": "1Gi"}, retry={"limit": 0})
    scene.until_pod("full")
    scene.become("full", PodBuilder.training)
    words = 'Usage of EmptyDir volume "workspace" exceeds the limit "1Gi". '
    scene.become("full", lambda pod: pod.trained(code=137).failed("Evicted", words))
    told = scene.described("full", "Succeeded", "Evicted", "Failed")
    assert f"was evicted from node {scene.node}: {words}Its size is spec.workspace.sizeLimit." in told


def test_a_trainer_that_writes_nothing(scene: Scene, tmp_path: Path) -> None:
    trained(scene, tmp_path, "silent", "true")
    told = scene.described("silent", "CheckpointSafe", "FinalMissing", "FinalMissing")
    assert told == (
        "The trainer succeeded, but its final checkpoint did not reach the hub "
        "(no final model: its run folder has no checkpoint)."
    )
    assert scene.condition("silent", "Succeeded")["status"] == "True"


NONSENSE = """
mkdir -p "$HUBTRAINING_RUN/weights"
printf 'no,table\\n<html>\\n\\000\\377\\n' > "$HUBTRAINING_RUN/results.csv"
printf 'epochs: banana\\n' > "$HUBTRAINING_RUN/args.yaml"
for name in last best; do printf '<html>' > "$HUBTRAINING_RUN/weights/$name.pt"; done
"""


def test_a_trainer_that_writes_nonsense(scene: Scene, tmp_path: Path) -> None:
    its = trained(scene, tmp_path, "nonsense", NONSENSE)
    told = scene.described("nonsense", "CheckpointSafe", "FinalMissing", "FinalMissing")
    assert "(no final model: run/weights/best.pt is no whole checkpoint: not a whole zip file" in told
    assert "lines that are no rows of finished epochs" in its.log("agent").read_text()
    assert (
        "epoch" not in scene.status("nonsense").get("progress", {}) or not scene.status("nonsense")["progress"]["epoch"]
    )
    assert scene.status("nonsense").get("metrics", []) == []


def test_what_has_ended_is_left_alone(controller: Member, scene: Scene, stranger: tuple[str, Stranger]) -> None:
    """Runs after all of them: nothing is asked again, of nobody."""
    before, writes, passes = dict(stranger[1].asked), len(controller.writes()), controller.samples()
    time.sleep(10)
    after = controller.samples()
    assert dict(stranger[1].asked) == before
    assert len(controller.writes()) == writes
    for name in ("hubtraining_reconcile_total", "hubtraining_hub_client_requests_total"):
        assert after[name] - passes[name] <= 2, name


def test_nothing_of_all_this_made_the_controller_stumble(controller: Member, scene: Scene) -> None:
    """Runs last."""
    assert controller.tracebacks() == []
