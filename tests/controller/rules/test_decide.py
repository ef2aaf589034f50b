"""The rules, as tables: a world in, a decision out."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from builders.pod import NOON, PodBuilder, a_pod
from builders.world import WorldBuilder, a_checkpoint, a_report, a_session, a_world, an_outcome

from hubtraining.controller.rules.decide import RULES, decide
from hubtraining.controller.values.decisions import AskHub, AskRecord, CreatePod, Decision, DeletePod
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import Problem, Record, World
from hubtraining.domain.conditions import ConditionType
from hubtraining.domain.report import CheckpointState, HubState, Stage
from hubtraining.domain.session import RetrySpec

A = ConditionType.ACCEPTED
H = ConditionType.HUB_READY
P = ConditionType.SCHEDULED
T = ConditionType.TRAINING
R = ConditionType.AGENT_REPORTING
C = ConditionType.CHECKPOINT_SAFE
S = ConditionType.SUCCEEDED


def told(decision: Decision) -> dict[ConditionType, tuple[str, str]]:
    """Status and reason of every condition that the decision tells."""
    return {each.type: (each.status, each.reason) for each in decision.conditions}


def message(decision: Decision, kind: ConditionType) -> str:
    return next(each.message for each in decision.conditions if each.type == kind)


def waiting(container: str, reason: str, words: str = "") -> PodBuilder:
    return a_pod().fetching().container(container, "waiting", reason=reason, message=words)


def first(**more: Any) -> PodBuilder:
    """The first of two pods."""
    return a_pod(uid="pod-1", index=0, **more)


def second(**more: Any) -> PodBuilder:
    return a_pod(uid="pod-2", index=1, **more)


def two() -> WorldBuilder:
    """An attempt of two nodes, its pods created and recorded."""
    several = a_world().spec(**SEVERAL).prepared().told()
    return several.with_pods(first(), second()).told()


def failed() -> WorldBuilder:
    """The first attempt has failed at noon, and its pods are gone."""
    return a_world().begun().with_pod(a_pod().ended(code=1)).told().without_pod()


SEVERAL = {
    "nodes": 2,
    "trainer": {"image": "example/trainer:1", "command": ["torchrun", "train.py"]},
    "workspace": {"claimName": "shared"},
}
LEAVING = msgspec.structs.replace(a_session(), deleting=True)

RULED: list[tuple[str, World]] = [
    ("leaving", a_world(LEAVING).prepared().world()),
    ("finished", a_world().begun().with_pod(a_pod().ended()).told().world()),
    ("finished", a_world().problem(Reason.ALREADY_TRAINED).told().world()),
    ("behind", a_world().begun().having(later=(a_pod(attempt=2).view(),)).world()),
    ("ended", a_world().begun().with_pod(a_pod().ended()).world()),
    ("ended", a_world().begun().with_pod(a_pod().ended(code=1)).world()),
    ("ended", a_world().begun().without_pod(a_pod()).world()),
    ("ended", a_world().begun().without_pod(a_pod().fetching()).world()),
    ("ended", a_world().begun().without_pod(a_pod().ended(code=1)).world()),
    ("lost", a_world().begun().without_pod().world()),
    ("lost", a_world().begun().without_pod(a_pod().training()).world()),
    ("broken", two().with_pods(first().training(), second().trained(code=1)).world()),
    ("broken", two().with_pods(first().training(), second().training().deleting()).world()),
    ("broken", two().with_pods(first().training()).but_gone(second().training().deleting()).world()),
    ("halted", a_world().begun().with_pod(a_pod().training()).spec(suspend=True).world()),
    ("halted", a_world().prepared().told().spec(suspend=True).world()),
    ("halted", a_world().spec(startDeadlineSeconds=9).begun().at(9).world()),
    ("halted", a_world().spec(activeDeadlineSeconds=9).begun().with_pod(a_pod().training()).at(9).world()),
    ("stopping", a_world().begun().with_pod(a_pod().training()).spec(suspend=True).told().world()),
    ("departing", a_world().begun().with_pod(a_pod().training().deleting()).world()),
    ("unplaced", a_world().begun().world()),
    ("stuck", a_world().begun().with_pod(waiting("trainer", "ErrImagePull")).world()),
    ("stuck", a_world().begun().with_pod(waiting("agent", "CreateContainerConfigError")).world()),
    ("preparing", a_world().begun().with_pod(a_pod().on()).world()),
    ("preparing", a_world().begun().with_pod(a_pod().fetching()).world()),
    ("training", a_world().begun().with_pod(a_pod().training()).world()),
    ("training", a_world().begun().with_pod(a_pod().training()).spec(trainer={}).world()),
    ("finalizing", a_world().begun().with_pod(a_pod().trained()).world()),
    ("exhausted", a_world().spec(startDeadlineSeconds=9).at(9).world()),
    ("exhausted", failed().spec(retry={"limit": 0}).world()),
    ("clearing", failed().with_pod(a_pod().ended(code=1)).world()),
    ("clearing", failed().having(stray=(a_pod().view(),)).world()),
    ("suspended", a_world().spec(suspend=True).world()),
    ("suspended", failed().spec(suspend=True).world()),
    ("resting", failed().at(9).world()),
    ("unasked", failed().at(10).having(prepared=None).world()),
    ("begin", failed().at(10).world()),
    ("refused", a_world().prepared().told().having(refusal="no").world()),
    ("unreadable", a_world().spec(trainer={}).world()),
    ("unasked", a_world().world()),
    ("unasked", a_world().problem(Reason.HUB_UNAVAILABLE, due=5).at(5).world()),
    ("asking", a_world().asked().world()),
    ("unready", a_world().problem(Reason.HUB_UNAVAILABLE, due=5).at(4).world()),
    ("begin", a_world().prepared().world()),
    ("create", a_world().prepared().told().world()),
]


@pytest.mark.parametrize(("rule", "world"), RULED, ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(RULED)])
def test_each_world_has_its_rule(rule: str, world: World) -> None:
    assert decide(world).rule == rule


def test_the_table_above_knows_every_rule() -> None:
    assert {rule for rule, _ in RULED} == {rule.__name__ for rule in RULES}


def test_a_session_that_is_being_deleted_or_has_ended_is_left_alone() -> None:
    for world in (RULED[0][1], RULED[1][1]):
        assert decide(world) == Decision(rule=decide(world).rule)


def test_a_spec_that_cannot_be_used_says_why_and_waits() -> None:
    decision = decide(a_world().spec(trainer={"image": ""}).world())
    assert told(decision) == {A: ("False", "InvalidSpec"), S: ("Unknown", "InProgress")}
    assert "spec.trainer.image" in message(decision, A)
    assert decision.again is None


def test_a_key_in_the_model_has_a_reason_of_its_own_and_is_not_repeated() -> None:
    decision = decide(a_world().spec(model=f"{'k' * 42}_{'m' * 20}").world())
    assert told(decision)[A] == ("False", "InlineApiKey")
    assert "kkkk" not in message(decision, A)
    assert "kubectl create secret" in message(decision, A)


def test_the_hub_is_asked_first_and_the_status_may_wait_a_moment_for_its_answer() -> None:
    decision = decide(a_world().world())
    assert decision.actions == (AskHub(),)
    assert decision.hold > 0
    assert told(decide(a_world().asked().world()))[H] == ("Unknown", "Connecting")


@pytest.mark.parametrize(
    "reason",
    [
        Reason.SECRET_NOT_FOUND,
        Reason.UNAUTHORIZED,
        Reason.HUB_UNAVAILABLE,
        Reason.MODEL_IN_USE,
        Reason.DATASET_NOT_READY,
        Reason.MODEL_NOT_FOUND,
        Reason.NO_HUB,
    ],
)
def test_a_problem_with_the_hub_is_told_and_tried_again(reason: Reason) -> None:
    decision = decide(a_world().problem(reason, "Say why.", due=30).at(10).world())
    assert told(decision) == {A: ("True", "Accepted"), H: ("False", reason.value), S: ("Unknown", "InProgress")}
    assert message(decision, H) == "Say why."
    assert decision.again == 20


def test_an_identifier_that_cannot_be_parsed_is_about_the_spec_not_the_hub() -> None:
    decision = decide(a_world().problem(Reason.INVALID_SPEC, "Say why.", due=None).world())
    assert told(decision) == {A: ("False", "InvalidSpec"), S: ("Unknown", "InProgress")}
    assert decision.again is None


def test_a_trained_model_ends_the_session_before_it_begins() -> None:
    decision = decide(a_world().problem(Reason.ALREADY_TRAINED, due=None).world())
    assert told(decision)[S] == ("False", "AlreadyTrained")
    assert decision.attempt is None


def test_the_attempt_is_numbered_with_the_model_before_its_pod_exists() -> None:
    world = a_world().prepared().world()
    decision = decide(world)
    assert decision.actions == ()
    assert decision.attempt is not None
    assert (decision.attempt.number, decision.attempt.pods) == (1, ("signs-1-0",))
    assert decision.model is not None
    assert told(decision)[H] == ("True", "ModelCreated")
    assert decision.again == 0


def test_a_model_that_was_found_is_loaded_not_created() -> None:
    assert told(decide(a_world().prepared(created=False).world()))[H] == ("True", "ModelLoaded")


def test_the_pod_is_created_only_when_the_attempt_stands_in_status() -> None:
    assert decide(a_world().prepared().told().world()).actions == (CreatePod(1),)


def test_after_a_restart_the_hub_is_asked_again_before_the_pod_is_created() -> None:
    assert decide(a_world().prepared().told().having(prepared=None).world()).actions == (AskHub(),)


def test_a_refused_pod_is_told_in_the_api_servers_words_and_not_counted() -> None:
    decision = decide(a_world().prepared().told().having(refusal="exceeded quota: gpus").world())
    assert told(decision) == {A: ("False", "PodRefused"), S: ("Unknown", "InProgress")}
    assert message(decision, A) == "exceeded quota: gpus"
    assert decision.attempt is None
    assert decision.again is not None


def test_the_pod_is_recorded_by_its_uid() -> None:
    attempt = decide(a_world().prepared().told().with_pod(a_pod()).world()).attempt
    assert attempt is not None
    assert attempt.pod_uids == ("pod-1",)
    assert attempt.outcome == "Pending"


def test_a_pod_that_waits_for_a_node_holds_its_status_a_moment() -> None:
    decision = decide(a_world().begun().world())
    assert told(decision)[P] == ("Unknown", "Waiting")
    assert decision.hold > 0


def test_an_unschedulable_pod_names_the_scarce_gpu_and_what_to_do() -> None:
    words = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    decision = decide(a_world().begun().with_pod(a_pod().unschedulable(words)).world())
    assert told(decision)[P] == ("False", "Unschedulable")
    assert words in message(decision, P)
    assert "kubectl describe nodes" in message(decision, P)
    assert decision.hold == 0


def test_an_unschedulable_pod_without_gpu_trouble_gets_no_hint_about_gpus() -> None:
    pod = a_pod().unschedulable("0/1 nodes are available: 1 node(s) had untolerated taint")
    assert "GPU" not in message(decide(a_world().begun().with_pod(pod).world()), P)


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    pod = waiting("trainer", "ImagePullBackOff", "Back-off pulling image")
    decision = decide(a_world().begun().with_pod(pod).world())
    assert told(decision)[T] == ("False", "ImagePullFailed")
    for words in ("example/trainer:1", "ImagePullBackOff", "Back-off pulling image", "imagePullSecrets"):
        assert words in message(decision, T)


def test_a_container_that_cannot_be_configured_says_why() -> None:
    pod = waiting("trainer", "CreateContainerConfigError", 'secret "wandb" not found')
    decision = decide(a_world().begun().with_pod(pod).world())
    assert told(decision)[T] == ("False", "ContainerConfigError")
    assert 'secret "wandb" not found' in message(decision, T)


@pytest.mark.parametrize(
    ("pod", "training"),
    [
        (a_pod().on(), ("False", "Starting")),
        (a_pod().fetching(), ("False", "Preparing")),
        (a_pod().training(), ("True", "Training")),
        (a_pod().trained(), ("False", "Finalizing")),
        (a_pod().trained(code=1), ("False", "Finalizing")),
        (a_pod().ended(phase="Succeeded").container("agent", "running"), ("False", "Finalizing")),
    ],
)
def test_a_pods_way_shows_in_the_condition_training(pod: PodBuilder, training: tuple[str, str]) -> None:
    decision = decide(a_world().begun().with_pod(pod).world())
    assert told(decision)[P] == ("True", "Scheduled")
    assert told(decision)[T] == training
    assert told(decision)[S] == ("Unknown", "InProgress")


def test_a_running_attempt_stands_by_its_node() -> None:
    attempt = decide(a_world().begun().with_pod(a_pod().training()).world()).attempt
    assert attempt is not None
    assert (attempt.node, attempt.outcome) == ("node-1", "Running")


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (a_world().begun().with_pod(a_pod().on()), None),
        (a_world().begun().with_pod(a_pod().training()), None),
        (a_world().begun().with_pod(a_pod().training()).at(661), ("False", "NoReport")),
        (a_world().begun().with_pod(a_pod().training()).heard(), ("True", "Reporting")),
        (a_world().begun().with_pod(a_pod().training()).heard().at(661), ("False", "Silent")),
        (a_world().begun().with_pod(a_pod().training()).heard(at=600).at(661), ("True", "Reporting")),
    ],
)
def test_an_agent_is_silent_after_two_missed_heartbeats(world: Any, expected: tuple[str, str] | None) -> None:
    assert told(decide(world.world())).get(R) == expected


def test_silence_is_looked_at_when_it_would_be_news() -> None:
    assert decide(a_world().begun().with_pod(a_pod().training()).heard().at(60).world()).again == 600
    assert decide(a_world().begun().with_pod(a_pod().training()).heard().at(700).world()).again is None


def test_nobody_was_silent_before_this_controller_listened() -> None:
    world = a_world().begun().with_pod(a_pod().training()).at(5000)
    late = world.having(since=world.world().now)
    assert R not in told(decide(late.world()))


@pytest.mark.parametrize(
    ("failures", "before", "expected"),
    [
        (0, "ModelCreated", None),
        (2, "ModelCreated", None),
        (3, "ModelCreated", ("False", "HubUnavailable")),
    ],
)
def test_a_hub_is_unavailable_after_several_failures_of_the_agent(
    failures: int, before: str, expected: tuple[str, str] | None
) -> None:
    report = a_report(hub=HubState(consecutive_failures=failures))
    decision = decide(a_world().begun().with_pod(a_pod().training()).heard(report).world())
    assert told(decision).get(H) == expected, before


def test_a_hub_that_answers_again_has_recovered() -> None:
    down = a_world().begun().with_pod(a_pod().training()).heard(a_report(hub=HubState(consecutive_failures=9))).told()
    assert told(decide(down.heard(a_report(hub=HubState())).world()))[H] == ("True", "Recovered")
    still = decide(down.heard(a_report(hub=HubState(consecutive_failures=1))).world())
    assert H not in told(still)


UPLOADING = a_checkpoint(state=CheckpointState.PENDING)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (a_report(), ("Unknown", "NoCheckpoint")),
        (a_report(latest=UPLOADING), ("False", "Uploading")),
        (a_report(latest=UPLOADING, failed=1), ("False", "UploadFailed")),
        (a_report(latest=UPLOADING, uploaded=1, failed=1), ("True", "Uploaded")),
        (a_report(final=UPLOADING, uploaded=1), ("True", "Uploaded")),
        (a_report(final=a_checkpoint(), uploaded=2), ("True", "FinalUploaded")),
    ],
)
def test_a_checkpoint_is_safe_once_the_hub_has_one(report: Any, expected: tuple[str, str]) -> None:
    assert told(decide(a_world().begun().with_pod(a_pod().training()).heard(report).world()))[C] == expected


GOOD = an_outcome(final=a_checkpoint(10), uploaded=3)


def test_a_trainer_that_exits_with_0_has_succeeded() -> None:
    decision = decide(a_world().begun().with_pod(a_pod().ended(outcome=GOOD)).world())
    assert told(decision) == {
        A: ("True", "Accepted"),
        T: ("False", "Ended"),
        C: ("True", "FinalUploaded"),
        S: ("True", "Succeeded"),
    }
    assert decision.attempt is not None
    assert (decision.attempt.outcome, decision.attempt.exit_code, decision.attempt.log_tail) == ("Succeeded", 0, "")
    assert decision.attempt.end_time is not None


def test_a_failure_on_a_node_whose_clock_is_late_is_followed_by_its_whole_wait() -> None:
    late = NOON - timedelta(hours=1)
    pod = a_pod().training(since=late).ended(code=1, at=late + timedelta(seconds=60))
    decision = decide(a_world().begun().at(65).with_pod(pod).world())
    assert decision.attempt is not None
    assert decision.attempt.end_time == NOON + timedelta(seconds=60)
    assert decision.again == 60 + RetrySpec().backoff_seconds - 65


@pytest.mark.parametrize("outcome", ["", "not json", an_outcome(uploaded=1), an_outcome(final=UPLOADING)])
def test_success_without_a_final_in_the_hub_says_so(outcome: str) -> None:
    decision = decide(a_world().begun().with_pod(a_pod().ended(outcome=outcome)).world())
    assert told(decision)[S] == ("True", "Succeeded")
    assert told(decision)[C] == ("False", "FinalMissing")


def test_why_there_is_no_final_is_told_in_the_agents_words() -> None:
    outcome = an_outcome(message="no final model: the trainer left no checkpoint")
    decision = decide(a_world().begun().with_pod(a_pod().ended(outcome=outcome)).world())
    assert "did not reach the hub (no final model: the trainer left no checkpoint)." in message(decision, C)


def test_success_counts_by_the_trainers_exit_not_by_the_pods_phase() -> None:
    pod = a_pod().ended(phase="Failed", outcome=GOOD).failed("Evicted", "disk pressure")
    assert told(decide(a_world().begun().with_pod(pod).world()))[S] == ("True", "Succeeded")


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [(7, "", "exit code 7"), (137, "OOMKilled", "out of memory"), (137, "", "SIGKILL"), (143, "", "SIGTERM")],
)
def test_a_trainer_that_exits_non_zero_has_failed(code: int, reason: str, words: str) -> None:
    pod = a_pod().ended(
        code=code, reason=reason, words="first line\nRuntimeError: no\n", outcome=an_outcome(exit_code=code)
    )
    decision = decide(a_world().begun().with_pod(pod).world())
    assert told(decision)[S] == ("Unknown", "InProgress")
    assert told(decision)[T] == ("False", "Retrying")
    assert words in message(decision, T)
    assert decision.again == 10
    assert decision.attempt is not None
    assert (decision.attempt.outcome, decision.attempt.exit_code) == ("Failed", code)
    assert decision.attempt.log_tail == "first line\nRuntimeError: no"


def test_a_log_tail_holds_no_key() -> None:
    pod = a_pod().ended(code=1, words=f"login with api_key={'s' * 42} failed")
    attempt = decide(a_world().begun().with_pod(pod).world()).attempt
    assert attempt is not None
    assert "ssss" not in attempt.log_tail
    assert "login with" in attempt.log_tail


def test_inputs_that_cannot_be_fetched_end_the_attempt_with_fetchs_words() -> None:
    words = "data set signs is not in the hub"
    pod = a_pod().fetching().container("fetch", "terminated", exitCode=1, message=words)
    ended = pod.container("agent", "terminated", exitCode=0).failed()
    decision = decide(a_world().begun().with_pod(ended).world())
    assert told(decision)[T] == ("False", "Retrying")
    assert words in message(decision, T)
    assert decision.attempt is not None
    assert (decision.attempt.reason, decision.attempt.log_tail) == ("FetchFailed", words)


def test_a_pod_that_failed_as_a_whole_says_why() -> None:
    pod = a_pod().training().failed("DeadlineExceeded", "Pod was active on the node longer than the deadline.")
    attempt = decide(a_world().begun().with_pod(pod).world()).attempt
    assert attempt is not None
    assert (attempt.outcome, attempt.reason) == ("Failed", "PodFailed")
    assert "DeadlineExceeded Pod was active on the node longer" in attempt.message


def test_a_deleted_pod_ends_its_attempt_with_the_trainers_last_words() -> None:
    last = a_pod().deleting().ended(code=143, words="Terminated", outcome=an_outcome(exit_code=143, epoch=4))
    attempt = decide(a_world().begun().without_pod(last).world()).attempt
    assert attempt is not None
    assert (attempt.outcome, attempt.reason) == ("Disrupted", "PodDeleted")
    assert (attempt.exit_code, attempt.log_tail) == (143, "Terminated")


def test_a_pod_that_was_deleted_after_a_good_end_has_succeeded() -> None:
    decision = decide(a_world().begun().without_pod(a_pod().ended(outcome=GOOD)).world())
    assert told(decision)[S] == ("True", "Succeeded")
    assert told(decision)[C] == ("True", "FinalUploaded")


def test_a_pod_that_vanished_unseen_is_looked_up_in_the_hub() -> None:
    lost = a_world().begun().without_pod()
    assert decide(lost.world()).actions == (AskRecord(),)
    assert decide(lost.record().world()).actions == ()
    assert decide(lost.record(Problem(Reason.HUB_UNAVAILABLE, "No."), due=9).at(9).world()).actions == (AskRecord(),)


def test_the_hubs_record_decides_about_a_pod_that_vanished() -> None:
    lost = a_world().begun().without_pod(a_pod().training())
    good, bad = decide(lost.record(Record(trained=True)).world()), decide(lost.record(Record(trained=False)).world())
    assert (told(good)[S], told(good)[C]) == (("True", "Succeeded"), ("True", "FinalUploaded"))
    assert told(bad)[S] == ("Unknown", "InProgress")
    assert bad.attempt is not None
    assert (bad.attempt.outcome, bad.attempt.reason) == ("Disrupted", "PodLost")


def test_a_hub_that_cannot_be_asked_about_a_lost_pod_is_asked_again() -> None:
    decision = decide(a_world().begun().without_pod().record(Problem(Reason.HUB_UNAVAILABLE, "No."), due=9).world())
    assert told(decision)[H] == ("False", "HubUnavailable")
    assert told(decision)[S] == ("Unknown", "InProgress")
    assert decision.again == 9


def test_a_stop_that_was_decided_on_is_not_held_up_by_a_spec_with_which_no_hub_can_be_asked() -> None:
    stopped = a_world().begun().with_pod(a_pod().training()).spec(suspend=True).told()
    lost = stopped.spec(train={"args": {"project": "x"}}).without_pod(a_pod().training()).world()
    assert lost.spec is None
    decision = decide(lost)
    assert decision.attempt is not None
    assert (decision.attempt.outcome, decision.actions) == ("Suspended", ())


def test_an_agent_that_has_ended_is_not_silent() -> None:
    world = a_world().begun().with_pod(a_pod().training()).heard().told().with_pod(a_pod().ended(outcome=GOOD))
    assert told(decide(world.world()))[R] == ("False", "Ended")


def test_pods_of_older_attempts_are_deleted_in_every_pass() -> None:
    old, going = a_pod(uid="old").view(), a_pod(uid="going").deleting().view()
    world = a_world().begun().with_pod(a_pod().training()).having(stray=(old, going)).world()
    assert decide(world).actions == (DeletePod(old, 210),)


@pytest.mark.parametrize("stage", list(Stage))
def test_what_the_agent_says_never_decides_about_success(stage: Stage) -> None:
    report = a_report(stage=stage, exit_code=0)
    decision = decide(a_world().begun().with_pod(a_pod().training()).heard(report).world())
    assert told(decision)[S] == ("Unknown", "InProgress")
