"""Which conditions are shown as trouble."""

import pytest
from builders.story import PHASES, a_seen_body

from hubtraining.people import view
from hubtraining.people.attention import attention
from hubtraining.people.view import ConditionView


@pytest.mark.parametrize(
    ("condition", "shown"),
    [
        (ConditionView("HubReady", "False", "HubUnavailable"), True),
        (ConditionView("Accepted", "False", "InvalidSpec"), True),
        (ConditionView("Training", "False", "ImagePullFailed"), True),
        (ConditionView("Training", "False", "Preparing"), False),
        (ConditionView("Training", "False", "Ended"), False),
        (ConditionView("CheckpointSafe", "False", "Uploading"), False),
        (ConditionView("CheckpointSafe", "False", "FinalMissing"), True),
        (ConditionView("Stalled", "True", "NoProgress"), True),
        (ConditionView("Stalled", "False", "Progressing"), False),
        (ConditionView("Suspended", "False", "Resumed"), False),
        (ConditionView("Suspended", "True", "Suspended"), False),
        (ConditionView("Succeeded", "Unknown", "InProgress"), False),
        (ConditionView("Succeeded", "False", "TrainerFailed"), True),
        (ConditionView("Dreaming", "False", "Nightmare"), True),
    ],
)
def test_trouble_is_what_is_false_and_should_not_be(condition: ConditionView, shown: bool) -> None:
    assert attention([condition]) == ((condition,) if shown else ())


@pytest.mark.parametrize("phase", ["", "Queued", "Preparing", "Training", "Finalizing", "Suspended", "Succeeded"])
def test_a_session_that_goes_well_needs_no_attention(phase: str) -> None:
    assert attention(view.session(a_seen_body(PHASES[phase])).status.conditions) == ()


@pytest.mark.parametrize("phase", ["Pending", "Retrying", "Failed"])
def test_one_that_does_not_does(phase: str) -> None:
    assert len(attention(view.session(a_seen_body(PHASES[phase])).status.conditions)) == 1
