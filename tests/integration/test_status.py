"""What agents may say at most, as the real API server takes it into a status."""

from typing import Any

import pytest
from builders.pod import NOON, a_pod
from builders.session import a_body
from builders.world import WorldBuilder, a_report, a_world, an_outcome
from support.api_server import Namespace

from hubtraining.controller.rules.decide import decide
from hubtraining.controller.rules.status import status, written
from hubtraining.domain.names import API_VERSION, FIELD_MANAGER, KIND, PLURAL
from hubtraining.domain.report import LONGEST_NAME, MOST, Checkpoint, CheckpointState, HubState, Metric

pytestmark = pytest.mark.integration

LARGEST = Checkpoint(MOST, 2**63 - 1, "f" * 64, CheckpointState.UPLOADED, NOON, 1.7e308)
METRICS = tuple(Metric(f"{number:x<{LONGEST_NAME}}", -1.7e308, 1.7e308, MOST) for number in range(256))
EXTREME: dict[str, Any] = {
    "epochs": MOST,
    "seconds_per_epoch": 1.7e308,
    "estimated_remaining_seconds": 1.7e308,
    "metrics": METRICS,
    "latest": LARGEST,
    "best": LARGEST,
    "final": LARGEST,
    "uploaded": MOST,
    "failed": MOST,
    "resumed_epoch": MOST,
    "hub": HubState("x" * 5000, NOON, MOST, MOST, "x" * 5000),
}


def running() -> WorldBuilder:
    return a_world().begun().with_pod(a_pod().training()).told()


WORLDS = {
    "a report": running().heard(a_report(MOST, **EXTREME)),
    "an outcome": running().with_pod(a_pod().ended(outcome=an_outcome(epoch=MOST, epochs=MOST, final=LARGEST))),
    "a long log": running().with_pod(a_pod().ended(code=255, words="ä" * 4096)),
}


@pytest.mark.parametrize("builder", WORLDS.values(), ids=WORLDS)
def test_the_most_that_can_be_said_can_be_written(namespace: Namespace, builder: WorldBuilder) -> None:
    assert namespace.post(PLURAL, a_body("signs"), group=API_VERSION).status_code == 201
    world = builder.world()
    stanza = written(status(world, decide(world)))
    answer = namespace.api.http.patch(
        f"{namespace.path(PLURAL, API_VERSION)}/signs/status",
        params={"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Strict"},
        headers={"content-type": "application/apply-patch+yaml"},
        json={"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "signs"}, "status": stanza},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"]["phase"] == stanza["phase"]
