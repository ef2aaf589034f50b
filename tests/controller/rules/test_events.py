"""What is announced: each thing once, when it happens, in words that help."""

import msgspec
import pytest
from builders.pod import a_pod
from builders.world import MODEL, WorldBuilder, a_checkpoint, a_report, a_world, an_outcome

from hubtraining.controller.rules.decide import decide
from hubtraining.controller.rules.events import Event, events
from hubtraining.controller.rules.status import status
from hubtraining.controller.values.reasons import EventReason, Reason
from hubtraining.domain.report import CheckpointState, HubState
from hubtraining.domain.status import AttemptStatus


def announced(builder: WorldBuilder) -> tuple[Event, ...]:
    """What the next status write announces."""
    world = builder.world()
    return events(world.status, status(world, decide(world)))


def reasons(builder: WorldBuilder) -> list[str]:
    return [event.reason.value for event in announced(builder)]


def running() -> WorldBuilder:
    return a_world().begun().with_pod(a_pod().training()).told()


def one(builder: WorldBuilder) -> Event:
    (event,) = announced(builder)
    return event


def test_a_session_that_begins_announces_what_was_done() -> None:
    assert reasons(a_world().prepared()) == ["Accepted", "ModelCreated", "AttemptStarted"]
    (_, model, attempt) = announced(a_world().prepared())
    assert model.message == "The model was created: https://hub.example/models/modelmodelmodelmodel"
    assert attempt.message == "Attempt 1 begins with pod signs-1-0."


def test_a_model_that_was_there_is_loaded() -> None:
    assert "ModelLoaded" in reasons(a_world().prepared(created=False))


def test_arguments_that_the_hub_has_other_values_for_are_named() -> None:
    model = msgspec.structs.replace(MODEL, overridden=("data", "epochs"))
    (event,) = [each for each in announced(a_world().prepared(model=model)) if "Arguments" in each.reason]
    assert (event.reason, event.warning) == (EventReason.ARGUMENTS_OVERRIDDEN, True)
    assert event.message == "The hub's model has other values than spec.train.args, and they are used: data, epochs."


def test_arguments_that_are_overridden_in_the_next_attempt_too_are_not_told_again() -> None:
    model = msgspec.structs.replace(MODEL, overridden=("epochs",))
    second = a_world().prepared(model=model).told().attempts(AttemptStatus(number=1, outcome="Disrupted"))
    assert "ArgumentsOverridden" not in reasons(second.prepared(model=model))
    changed = msgspec.structs.replace(MODEL, overridden=("epochs", "imgsz"))
    assert "ArgumentsOverridden" in reasons(second.prepared(model=changed))


def test_nothing_is_announced_twice() -> None:
    for builder in (a_world().prepared(), running(), a_world().problem(Reason.UNAUTHORIZED)):
        assert announced(builder.told()) == ()


def test_a_spec_that_cannot_be_used_is_a_warning() -> None:
    event = one(a_world().spec(model=""))
    assert (event.reason, event.warning) == (EventReason.INVALID_SPEC, True)
    assert "model" in event.message


def test_a_key_in_the_spec_is_a_warning_without_the_key() -> None:
    key = "abcdef0123456789abcdef0123456789abcdef0123"
    event = one(a_world().spec(model=f"{key}_modelmodelmodelmodel"))
    assert (event.reason, event.warning) == (EventReason.INLINE_API_KEY, True)
    assert key not in event.message


def test_a_pod_that_the_api_server_refuses_is_a_warning_in_its_words() -> None:
    event = one(a_world().prepared().told().having(refusal="exceeded quota: gpus"))
    assert (event.reason, event.warning, event.message) == (EventReason.POD_REFUSED, True, "exceeded quota: gpus")


def test_a_hub_that_refuses_says_why() -> None:
    (_, event) = announced(a_world().problem(Reason.UNAUTHORIZED, "The key is not known."))
    assert (event.reason, event.warning) == (EventReason.HUB_NOT_READY, True)
    assert event.message == "Unauthorized: The key is not known."


def test_a_hub_that_does_not_answer_and_one_that_answers_again() -> None:
    away = running().heard(a_report(hub=HubState(consecutive_failures=3)))
    assert one(away).reason == EventReason.HUB_UNAVAILABLE
    back = away.told().heard(a_report(hub=HubState()))
    assert (one(back).reason, one(back).warning) == (EventReason.HUB_RECOVERED, False)


def test_no_node_is_a_warning_with_the_schedulers_words() -> None:
    event = one(a_world().begun().with_pod(a_pod().unschedulable("3 Insufficient nvidia.com/gpu.")))
    assert (event.reason, event.warning) == (EventReason.UNSCHEDULABLE, True)
    assert "Insufficient nvidia.com/gpu" in event.message


@pytest.mark.parametrize(
    ("waiting", "reason"),
    [("ImagePullBackOff", EventReason.IMAGE_PULL_FAILED), ("CreateContainerError", EventReason.CONTAINER_CONFIG_ERROR)],
)
def test_a_container_that_cannot_start_is_a_warning(waiting: str, reason: EventReason) -> None:
    placed = a_world().begun().with_pod(a_pod().on()).told()
    event = one(placed.with_pod(a_pod().on().container("trainer", "waiting", reason=waiting, message="no")))
    assert (event.reason, event.warning) == (reason, True)


def test_the_trainers_start_is_announced_with_its_attempt() -> None:
    event = one(a_world().begun().with_pod(a_pod().fetching()).told().with_pod(a_pod().training()))
    assert (event.reason, event.message) == (EventReason.TRAINING_STARTED, "Attempt 1: The trainer runs.")


def test_the_first_checkpoint_and_each_better_one_are_announced() -> None:
    first = running().heard(a_report(1, latest=a_checkpoint(1), uploaded=1))
    assert one(first).message == "The first checkpoint (epoch 1, 1000 bytes) is in the hub."
    second = first.told().heard(a_report(2, latest=a_checkpoint(2), uploaded=2))
    assert announced(second) == ()
    best = second.told().heard(a_report(2, latest=a_checkpoint(2), best=a_checkpoint(2), uploaded=3))
    assert one(best).message == "The best checkpoint (epoch 2, 1000 bytes) is in the hub."
    better = best.told().heard(a_report(3, latest=a_checkpoint(3), best=a_checkpoint(3), uploaded=5))
    assert one(better).message == "The best checkpoint (epoch 3, 1000 bytes) is in the hub."


def test_a_checkpoint_on_its_way_is_no_news() -> None:
    assert announced(running().heard(a_report(1, best=a_checkpoint(1, CheckpointState.PENDING))).told()) == ()


def test_the_end_is_announced_with_what_it_was() -> None:
    good = running().with_pod(a_pod().ended(outcome=an_outcome(final=a_checkpoint(9), uploaded=1)))
    assert reasons(good) == ["CheckpointUploaded", "Succeeded"]
    once = running().spec(retry={"limit": 0})
    (*_, event) = announced(once.with_pod(a_pod().ended(code=3)))
    assert (event.reason, event.warning) == (EventReason.FAILED, True)
    assert event.message == "TrainerFailed: The trainer ended with exit code 3."


def test_a_trainer_that_left_no_model_is_a_warning() -> None:
    ended = running().with_pod(a_pod().ended(outcome=an_outcome(message="no final model: there is none")))
    (event, success) = announced(ended)
    assert (event.reason, event.warning, success.reason) == (EventReason.FINAL_MISSING, True, EventReason.SUCCEEDED)
    assert "no final model: there is none" in event.message
    assert announced(ended.told()) == ()


@pytest.mark.parametrize(
    "reason",
    [
        Reason.FINAL_MISSING,
        Reason.INVALID_SPEC,
        Reason.INLINE_API_KEY,
        Reason.POD_REFUSED,
        Reason.IMAGE_PULL_FAILED,
        Reason.CONTAINER_CONFIG_ERROR,
    ],
)
def test_a_condition_that_is_announced_by_its_own_reason_has_an_event_of_that_name(reason: Reason) -> None:
    assert EventReason(reason.value)
