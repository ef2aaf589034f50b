"""The commands for people against the real API server."""

import base64
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders.session import a_body
from builders.story import PHASES, an_event, training_status
from support.api_server import ApiServer, Namespace, until
from support.kubelet_logs import KubeletLogs, kubelet_logs
from support.people import PROGRAM, Person, a_node, a_training_pod, containers_are

from hubtraining.domain.names import API_VERSION, PLURAL

pytestmark = pytest.mark.integration

KEY = "canaryCANARY0canaryCANARY0canaryCANARY0abc"
ID = "modelmodelmodelmodel"
Body = dict[str, Any]


@pytest.fixture
def person(namespace: Namespace) -> Person:
    return Person(namespace)


@pytest.fixture
def signs(person: Person) -> Body:
    """A session that nobody works on."""
    answer = person.namespace.post(PLURAL, a_body(model="yolo11n.pt"), group=API_VERSION)
    assert answer.status_code == 201, answer.text
    return person.session()


def test_run_makes_what_a_dry_run_prints(person: Person) -> None:
    words = ("run", "yolo11n.pt", "--data", "signs.yaml", "--epochs", "3", "--arg", "lr0=1e-3", "--gpus", "2")
    made, printed = person.types(*words), person.types(*words, "--dry-run")
    assert (made.returncode, made.stdout) == (0, "hubtrainingsession.hubtraining.dev/yolo11n-signs created\n")
    stored = person.session("yolo11n-signs")
    person.namespace.kubectl("delete", "hts", "yolo11n-signs")
    person.namespace.kubectl("apply", "-f", "-", stdin=yaml.safe_load(printed.stdout))
    assert person.session("yolo11n-signs")["spec"] == stored["spec"]


def test_the_same_again_is_told_and_changes_nothing(person: Person) -> None:
    person.types("run", "yolo11n.pt", "--data", "signs", "--name", "mine")
    again = person.types("run", "yolo11n.pt", "--data", "other", "--name", "mine")
    assert again.returncode == 2
    assert f"a session mine exists in namespace {person.namespace.name}; give this one another --name" in again.stderr
    assert person.session("mine")["spec"]["train"]["args"] == {"data": "signs"}


def test_a_key_goes_into_a_secret_that_goes_with_the_session(person: Person) -> None:
    made = person.types("run", "-", "--name", "mine", stdin=f"{KEY}_{ID}\n")
    assert made.returncode == 0, made.stderr
    session, secret = person.session("mine"), a_secret(person, "mine-model")
    assert session["spec"]["modelFrom"] == {"secretKeyRef": {"name": "mine-model", "key": "identifier"}}
    assert base64.b64decode(secret["data"]["identifier"]).decode() == f"{KEY}_{ID}"
    assert [owner["uid"] for owner in secret["metadata"]["ownerReferences"]] == [session["metadata"]["uid"]]
    assert KEY not in made.stdout + made.stderr + json.dumps(session)
    person.namespace.kubectl("delete", "hts", "mine")
    until("the Secret is gone", lambda: a_secret(person, "mine-model") == {})


def a_secret(person: Person, name: str) -> Body:
    answer = person.namespace.api.http.get(f"{person.namespace.path('secrets')}/{name}")
    return {} if answer.status_code == 404 else dict(answer.raise_for_status().json())


def test_a_run_that_was_stopped_half_way_can_be_typed_again(person: Person) -> None:
    person.types("run", f"{KEY}_{ID}", "--name", "mine")
    owned = a_secret(person, "mine-model")
    person.namespace.kubectl(
        "patch", "secret", "mine-model", "--type=merge", "-p", '{"metadata":{"ownerReferences":null}}'
    )
    again = person.types("run", f"{KEY}_{ID}", "--name", "mine")
    assert "a session mine exists" in again.stderr
    assert a_secret(person, "mine-model")["metadata"]["ownerReferences"] == owned["metadata"]["ownerReferences"]
    person.namespace.kubectl(
        "patch", "secret", "mine-model", "--type=merge", "-p", '{"metadata":{"ownerReferences":null}}'
    )
    person.namespace.kubectl("delete", "hts", "mine")
    assert person.types("run", f"{KEY}_{ID}", "--name", "mine").returncode == 0
    assert a_secret(person, "mine-model")["metadata"]["uid"] == owned["metadata"]["uid"]


def test_a_strangers_secret_is_left_alone(person: Person) -> None:
    person.namespace.kubectl("create", "secret", "generic", "mine-model", f"--from-literal=identifier={KEY}_{ID}")
    refused = person.types("run", f"{KEY}_{ID}", "--name", "mine")
    assert refused.returncode == 2
    assert "a Secret mine-model exists" in refused.stderr
    assert "ownerReferences" not in a_secret(person, "mine-model")["metadata"]
    assert person.namespace.kubectl("get", "hts", "-o", "name") == ""


def test_what_the_api_server_refuses_leaves_no_secret(person: Person) -> None:
    refused = person.types("run", f"{KEY}_{ID}", "--name", "mine", "--image", "x" * 1100)
    assert refused.returncode == 2
    assert refused.stderr.startswith("Error: the API server refuses: ")
    assert a_secret(person, "mine-model") == {}
    assert KEY not in refused.stderr


def test_where_the_namespace_is_missing_it_is_said(api_server: ApiServer) -> None:
    refused = Person(Namespace(api_server, "nowhere")).types("run", "yolo11n.pt", "--data", "signs")
    assert 'namespaces "nowhere" not found' in refused.stderr


def test_a_session_is_run_and_watched_to_its_end(person: Person) -> None:
    with person.typing("run", "yolo11n.pt", "--data", "signs", "--name", "signs", "--watch") as running:
        running.sees("No controller has looked at it yet.")
        person.tells(PHASES["Succeeded"])
        assert running.ends() == 0


@pytest.mark.parametrize(("phase", "code"), [("Succeeded", 0), ("Failed", 1)])
def test_watch_tells_every_phase_and_ends_with_the_session(person: Person, signs: Body, phase: str, code: int) -> None:
    with person.typing("watch", "signs") as running:
        running.sees(f"session {person.namespace.name}/signs, model yolo11n.pt")
        for each in ("Pending", "Preparing", "Training", "Retrying", "Training", phase):
            person.tells(PHASES[each])
            running.sees(f"phase {each}")
        assert running.ends() == code


def test_watch_shows_events_of_this_session_as_they_come(person: Person, signs: Body) -> None:
    with person.typing("watch", "signs") as running:
        running.sees("phase Pending")
        for about, words in (("another-uid", "Of an older one."), (signs["metadata"]["uid"], "Of this one.")):
            event = an_event("Odd", words, about=about)
            event["metadata"] = {"name": f"signs.{about}"}
            event["involvedObject"] |= {"namespace": person.namespace.name, "apiVersion": API_VERSION}
            assert person.namespace.post("events", event).status_code == 201
        running.sees("event Odd: Of this one.")
        assert not any("older" in line for line in running.lines)


def test_watch_is_told_when_the_session_is_deleted_or_not_there(person: Person, signs: Body) -> None:
    with person.typing("watch", "signs") as running:
        running.sees("phase Pending")
        person.namespace.kubectl("delete", "hts", "signs")
        assert running.ends() == 2
        assert running.lines[-1] == "Error: the session signs was deleted"
    missing = person.types("watch", "signs")
    assert missing.returncode == 2
    assert "there is no session signs in namespace" in missing.stderr


def test_a_terminal_shows_a_live_table(person: Person, signs: Body) -> None:
    person.tells(PHASES["Failed"])
    code, drawn = person.sees_on_a_terminal("watch", "signs")
    assert code == 1
    for part in ("╭─", "Failed", "mAP50-95(B)", "━━", "TrainerFailed"):
        assert part in drawn


def test_ctrl_c_ends_the_watching(person: Person, signs: Body) -> None:
    with person.typing("watch", "signs") as running:
        running.sees("phase Pending")
        running.process.send_signal(signal.SIGINT)
        assert running.ends() == 130
        assert not any("Traceback" in line for line in running.lines)


def test_names_are_completed_from_the_cluster(person: Person, signs: Body) -> None:
    place = f"hubtraining watch -n {person.namespace.name} --kubeconfig {person.namespace.api.kubeconfig} si"
    environ = {"_HUBTRAINING_COMPLETE": "bash_complete", "COMP_WORDS": place, "COMP_CWORD": "6"}
    done = subprocess.run([PROGRAM], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "plain,signs\n"


def test_kubectl_runs_and_completes_it(person: Person, signs: Body) -> None:
    api = person.namespace.api
    environ = {"PATH": str(PROGRAM.parent), "KUBECONFIG": str(api.kubeconfig), "HOME": "/nonexistent"}

    def kubectl(*words: str) -> str:
        return subprocess.run([api.program, *words], env=environ, capture_output=True, text=True, check=True).stdout

    assert "name: yolo11n-x" in kubectl("hubtraining", "run", "yolo11n.pt", "--data", "x", "--dry-run")
    assert kubectl("__complete", "hubtraining", "w").splitlines()[0].startswith("watch")
    offered = kubectl("__complete", "hubtraining", "watch", "-n", person.namespace.name, "s")
    assert offered.splitlines()[0] == "signs"


def test_who_has_no_rights_is_told_whose_words_these_are(person: Person, tmp_path: Path) -> None:
    token = person.namespace.kubectl("create", "token", "default").strip()
    config = json.loads(person.namespace.api.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    restricted, wrong = tmp_path / "restricted", tmp_path / "wrong"
    restricted.write_text(json.dumps(config))
    wrong.write_text(json.dumps({**config, "users": [{**config["users"][0], "user": {"token": "no-token"}}]}))
    forbidden = person.types("watch", "signs", "--kubeconfig", str(restricted))
    assert (forbidden.returncode, "is forbidden" in forbidden.stderr) == (2, True)
    assert "you are not allowed to" in forbidden.stderr
    unknown = person.types("watch", "signs", "--kubeconfig", str(wrong))
    assert "does not accept your credentials (Unauthorized): log in again" in unknown.stderr


@pytest.fixture
def kubelet(tmp_path: Path) -> Iterator[KubeletLogs]:
    with kubelet_logs(tmp_path) as serving:
        yield serving


@pytest.fixture
def node(person: Person, kubelet: KubeletLogs) -> Iterator[str]:
    with a_node(person.namespace.api, kubelet, f"node-{person.namespace.name}") as name:
        yield name


def test_logs_of_all_containers_come_in_the_order_of_time(
    person: Person, signs: Body, node: str, kubelet: KubeletLogs
) -> None:
    pod = a_training_pod(person.namespace, signs, node)
    containers_are(person.namespace, pod, "Running", agent="running", fetch="terminated", trainer="running")
    for container, text in (("agent", "hello"), ("fetch", "weights"), ("trainer", "epoch 1"), ("agent", "uploaded")):
        kubelet.of(pod, container).write(text)
        time.sleep(0.002)
    shown = person.types("logs", "signs")
    assert shown.stdout.splitlines() == [
        "agent   | hello",
        "fetch   | weights",
        "trainer | epoch 1",
        "agent   | uploaded",
    ]
    assert person.types("logs", "signs", "--trainer").stdout == "epoch 1\n"
    assert person.types("logs", "signs", "--agent", "--tail", "1").stdout == "uploaded\n"
    assert person.types("logs", "signs", "--trainer", "--timestamps").stdout.startswith("20")


def test_logs_are_followed_through_a_cut_and_into_the_next_attempt(
    person: Person, signs: Body, node: str, kubelet: KubeletLogs
) -> None:
    person.tells(training_status(attempt=1))
    with person.typing("logs", "signs", "-f", "--trainer") as running:
        first = a_training_pod(person.namespace, signs, node, 1)
        kubelet.of(first, "trainer").write("one")
        containers_are(person.namespace, first, "Running", agent="running", trainer="running")
        running.sees("one")
        kubelet.of(first, "trainer").cut += 1
        kubelet.of(first, "trainer").write("two")
        running.sees("two")
        kubelet.of(first, "trainer").ended = True
        containers_are(person.namespace, first, "Failed", agent="terminated", trainer="terminated")
        person.tells(training_status(attempt=2, phase="Retrying"))
        second = a_training_pod(person.namespace, signs, node, 2)
        kubelet.of(second, "trainer").write("three")
        kubelet.of(second, "trainer").ended = True
        containers_are(person.namespace, second, "Succeeded", agent="terminated", trainer="terminated")
        running.sees("three")
        person.tells(PHASES["Succeeded"])
        assert running.ends() == 0
    assert running.lines == [
        f"-- attempt 1, pod {first} on {node}",
        "one",
        "two",
        f"-- attempt 2, pod {second} on {node}",
        "three",
    ]


def test_where_the_pod_is_gone_its_last_words_are_shown(person: Person, signs: Body) -> None:
    person.tells(training_status(attempt=2))
    shown = person.types("logs", "signs", "--attempt", "1")
    assert (shown.returncode, shown.stdout) == (0, "trainer | Killed\n")
    assert "the pod of attempt 1 is gone; these were its trainer's last words" in shown.stderr
    nothing = person.types("logs", "signs", "--attempt", "7")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "attempt 7 of session signs has no log" in nothing.stderr
