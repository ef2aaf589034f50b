"""The resource as users meet it through kubectl and the API server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from builders.session import Body, a_body, a_spec
from support.api_server import ApiServer, Namespace, until

from hubtraining.domain.conditions import Condition, ConditionType
from hubtraining.domain.names import API_VERSION, PLURAL
from hubtraining.domain.session import parse
from hubtraining.domain.status import (
    AttemptStatus,
    CheckpointsStatus,
    CheckpointStatus,
    EarlierStatus,
    HubStatus,
    MetricStatus,
    ModelStatus,
    ProgressStatus,
    SessionStatus,
)

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CHECKPOINT = CheckpointStatus(9, 6_188_579, "a" * 64, "Uploaded", NOW, 1, "0.418")
COLUMNS = [
    "PHASE",
    "PROGRESS",
    "EPOCH",
    "ETA",
    "BEST",
    "ATTEMPT",
    "AGE",
    "MODEL",
    "NODE",
    "CHECKPOINT",
    "QUEUE",
    "REASON",
]
WHOLE = SessionStatus(
    observed_generation=1,
    phase="Training",
    conditions=tuple(Condition(kind, "Unknown", "InProgress", "It goes on.", 1, NOW) for kind in ConditionType),
    model=ModelStatus(
        "m" * 20, "https://hub.example/models/m", "yolo11n.pt", "signs", resumed=True, overridden=("epochs", "imgsz")
    ),
    progress=ProgressStatus("Training", 12, 300, 4, 5400, 18, NOW, NOW),
    metrics=(MetricStatus("metrics/mAP50-95(B)", "0.412", "0.418", 9),),
    checkpoints=CheckpointsStatus(CHECKPOINT, CHECKPOINT, CHECKPOINT, 3, 1),
    hub=HubStatus("agent-1", NOW, 2, 5),
    attempt=2,
    failures=1,
    preemptions=1,
    avoided_nodes=("node-9",),
    attempts=(
        AttemptStatus(
            number=1,
            pods=("signs-1-0",),
            pod_uids=("uid-1",),
            succeeded_pods=("signs-1-0",),
            node="node-1",
            start_time=NOW,
            training_time=NOW,
            end_time=NOW,
            outcome="Failed",
            exit_code=137,
            reason="TrainerFailed",
            message="It was killed.",
            rule="mine",
            action="Retry",
            resumed_epoch=3,
            log_tail="Killed",
        ),
        AttemptStatus(number=2, pods=("signs-2-0",), pod_uids=("uid-2",), node="node-2", outcome="Running"),
    ),
    earlier=EarlierStatus(60, 120, 3, 1),
    start_time=NOW,
    training_time=NOW,
    completion_time=NOW,
    active_seconds=90,
    gpu_seconds=4123,
)


def created(namespace: Namespace, **stanzas: Any) -> Body:
    labels = {"kueue.x-k8s.io/queue-name": "team-a"}
    answer = namespace.post(PLURAL, a_body(labels=labels, **stanzas), group=API_VERSION)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def apply_status(namespace: Namespace, body: Body, status: Body) -> Body:
    identity = {"name": body["metadata"]["name"], "namespace": namespace.name}
    answer = namespace.api.http.patch(
        f"{namespace.path(PLURAL, API_VERSION)}/{identity['name']}/status",
        json={"apiVersion": API_VERSION, "kind": body["kind"], "metadata": identity, "status": status},
        params={"fieldManager": "hubtraining", "force": "true", "fieldValidation": "Strict"},
        headers={"content-type": "application/apply-patch+yaml"},
    )
    assert answer.is_success, answer.text
    return dict(answer.json())


def test_the_servers_defaults_are_the_parsers(namespace: Namespace) -> None:
    assert parse(created(namespace)["spec"]) == parse(a_spec())


def test_what_was_given_comes_back_as_it_was(namespace: Namespace) -> None:
    args = {"data": "signs.yaml", "lr0": 0.01, "classes": [0, 1], "amp": False, "time": None, "name with dots.": "x"}
    assert created(namespace, train={"args": args})["spec"]["train"]["args"] == args


def test_a_misspelt_field_is_told_by_kubectl(namespace: Namespace) -> None:
    told = namespace.refused("create", "-f", "-", stdin=a_body(trainer={"imagePullPolicy": "Always"}))
    assert 'unknown field "spec.trainer.imagePullPolicy"' in told


@pytest.mark.parametrize(
    ("stanzas", "words"),
    [
        ({"template": {"spec": {"hostNetwork": True}}}, 'unknown field "spec.template.spec.hostNetwork"'),
        ({"template": {"spec": {"securityContext": {"sysctls": []}}}}, "unknown field"),
        ({"template": {"spec": {"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}}}, "hostPath"),
        ({"trainer": {"resources": {"limits": {"cpu": "one"}}}}, "spec.trainer.resources.limits.cpu"),
        ({"trainer": {"resources": {"limits": {"cpu": -1}}}}, "spec.trainer.resources.limits.cpu"),
        ({"trainer": {"env": [{"name": "A"}, {"name": "A"}]}}, "Duplicate value"),
        ({"agent": {"metricsSeconds": 0}}, "spec.agent.metricsSeconds"),
        ({"hub": {"protocol": "platform"}}, 'supported values: "hub"'),
        ({"replicas": 2}, 'unknown field "spec.replicas"'),
        ({"trainer": None}, "spec.trainer: Required value"),
    ],
)
def test_the_schema_refuses(namespace: Namespace, stanzas: Any, words: str) -> None:
    answer = namespace.post(PLURAL, a_body(**stanzas), group=API_VERSION, dry_run=True)
    assert answer.status_code in (400, 422)
    assert words in answer.json()["message"]


def test_what_is_for_the_next_attempt_or_at_once_can_be_changed(namespace: Namespace) -> None:
    body = created(namespace)
    changed = {
        **body["spec"],
        "train": {"args": {"data": "other.yaml"}},
        "trainer": {"image": "other:2"},
        "agent": {"metricsSeconds": 9},
        "template": {"spec": {"nodeSelector": {"gpu": "a100"}}},
        "progress": {"statusSeconds": 5},
        "suspend": True,
        "retry": {"limit": 9},
        "failureRules": [{"name": "mine", "onExitCodes": [3], "action": "Ignore"}],
        "checkpoints": {"resume": "Never"},
        "stall": {"afterSeconds": 600},
        "startDeadlineSeconds": 60,
        "activeDeadlineSeconds": 60,
        "ttlSecondsAfterFinished": 60,
    }
    answer = namespace.api.http.put(f"{namespace.path(PLURAL, API_VERSION)}/signs", json={**body, "spec": changed})
    assert answer.is_success, answer.text
    assert answer.json()["metadata"]["generation"] == 2


def test_the_whole_status_is_kept(namespace: Namespace) -> None:
    written = msgspec.json.decode(msgspec.json.encode(WHOLE))
    stored = apply_status(namespace, created(namespace), written)["status"]
    assert stored == written
    assert msgspec.convert(stored, SessionStatus) == WHOLE


def test_status_does_not_count_as_a_change_of_the_session(namespace: Namespace) -> None:
    stored = apply_status(namespace, created(namespace), {"phase": "Training"})
    assert stored["metadata"]["generation"] == 1
    assert stored["spec"] == parse_back(namespace)["spec"]


def parse_back(namespace: Namespace) -> Body:
    return dict(namespace.api.http.get(f"{namespace.path(PLURAL, API_VERSION)}/signs").json())


def test_the_columns_tell_the_story(namespace: Namespace) -> None:
    recent = {"latest": {"time": (datetime.now(UTC) - timedelta(minutes=3)).isoformat()}, "best": {"fitness": "0.418"}}
    status = {**msgspec.to_builtins(WHOLE), "checkpoints": recent}
    apply_status(namespace, created(namespace), status)
    head, row = namespace.kubectl("get", "hts", "-o", "wide").splitlines()
    assert head.split()[1:] == COLUMNS
    cells = row.split()
    assert cells[:7] == ["signs", "Training", "4", "12", "5400", "0.418", "2"]
    assert cells[8:] == ["yolov8n.yaml", "node-2", "3m", "team-a", "InProgress"]


def test_a_new_session_has_a_row_too(namespace: Namespace) -> None:
    created(namespace)
    assert namespace.kubectl("get", "all").split()[-2:-1] == ["hubtrainingsession.hubtraining.dev/signs"]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("hts", "Creating a session means creating a pod"),
        ("hts.spec", "<Object> -required-"),
        ("hts.spec.model", "Immutable"),
        ("hts.spec.trainer.resources.limits", "The most that the container may use"),
        ("hts.spec.template.spec.affinity.nodeAffinity", "Which nodes"),
        ("hts.status.conditions", "Succeeded"),
        ("hts.status.checkpoints.best.fitness", "Fitness at its epoch"),
    ],
)
def test_kubectl_explains_every_field(api_server: ApiServer, field: str, words: str) -> None:
    def explained() -> str:
        return api_server.run("explain", field).stdout

    assert words in " ".join(until(f"the schema of {field}", explained).split())
